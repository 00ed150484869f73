"""The form of a certificate: what ``docs/certificate.schema.json`` publishes is made from this."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from storage.canonical import Document, canonical
from storage.certificates.signing import KEY_ID, BadCertificate

FORMAT = 2  # what is issued now; format 1 still verifies
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
FigureName = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9_.:=@+-]{0,127}$")]
Rate = Annotated[str, StringConstraints(pattern=r"^[0-9.]+e-?[0-9]+$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
UtcTime = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?\+00:00$"
    ),
]
Count = Annotated[int, Field(ge=0)]
VersionNumber = Annotated[int, Field(ge=1, le=999_999)]
Interval = Annotated[tuple[float, float], Field(description="95 % confidence: low, high.")]
Examined = Literal["examined", "not examined"]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Figure(_Form):
    """One measured number; its estimate is null where there is none, and the reason says why."""

    estimate: float | None
    interval: Interval | None
    sample: dict[Name, Count]
    worst: float | None
    reason: Text | None


class Spread(_Form):
    """A figure over the subjects: of one subject, three times the same."""

    mean: float | None
    lowest: float | None
    highest: float | None


class VerificationBenchmark(BaseModel):
    """A benchmark of the field (LFW, CFP-FP, …) by both versions; it may say more than this."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    name: Text
    digest: Sha256


class Figures(_Form):
    benchmark: dict[FigureName, Figure]
    subjects: Annotated[list[dict[FigureName, Figure]], Field(min_length=1, max_length=1)]
    over_subjects: dict[FigureName, Spread]
    verification: list[VerificationBenchmark] = []


class RuleOutcome(_Form):
    """A rule of the policy, the figure that it was held against, and what came of it."""

    id: Name
    text: Text
    figure: FigureName
    comparison: Literal["at_most", "at_least"]
    threshold: float
    judged: Annotated[
        Literal["estimate", "interval"],
        Field(description="interval: its worse end must keep the threshold."),
    ]
    minimum: dict[Name, Annotated[int, Field(ge=1)]]
    required: bool
    estimate: float | None
    interval: Interval | None
    sample: dict[Name, Count]
    outcome: Literal["passed", "failed", "insufficient"]
    reason: Text | None


class Threshold(_Form):
    """The similarity from which two templates match, at one false match rate."""

    old_version: float | None
    new_version: float | None
    non_mated: Count
    rule_of_30: bool
    reason: Text | None


class Claims(_Form):
    """Two claims; neither implies the other."""

    non_matchability: Examined
    training_influence: Examined


class ModelFiles(_Form):
    """SHA-256 of the model files that were compared."""

    old: Sha256
    new: Sha256


class PolicyName(_Form):
    name: Name
    version: Annotated[int, Field(ge=1)]
    digest: Annotated[Sha256, Field(description="SHA-256 of the policy file.")]


class VersionName(_Form):
    """A version of the model: its manifest's SHA-256, and that of each of its files."""

    number: VersionNumber
    digest: Sha256
    files: Annotated[dict[FileName, Sha256], Field(min_length=1)]


class _Certificate(_Form):
    ticket: Annotated[
        str,
        StringConstraints(pattern=r"^t[0-9a-z]{12}$"),
        Field(description="Drawn at random; says nothing about the subject."),
    ]
    model: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    created_at: UtcTime
    parent: Annotated[VersionName, Field(description="The version before the erasure.")]
    version: Annotated[VersionName, Field(description="The version after it.")]
    models: ModelFiles
    face_sets: Annotated[
        dict[Name, Sha256], Field(description="By role: the SHA-256 of each set's index.")
    ]
    photos: Annotated[Sha256, Field(description="The subject's photos as submitted, salted.")]
    previous_certificate: Annotated[
        Sha256 | None,
        Field(description="SHA-256 of the model's certificate before this one; null in its first."),
    ]
    software: Text
    seed: Annotated[Count, Field(description="Of the run that made the version.")]
    resampling_seed: Annotated[Count, Field(description="Of the intervals.")]
    policy: PolicyName
    verdict: Literal["passed", "refused"]
    summary: Annotated[list[Text], Field(min_length=1)]
    headline: dict[FigureName, float | None]
    rules: Annotated[list[RuleOutcome], Field(min_length=1)]
    figures: Figures
    thresholds: dict[Rate, Threshold]
    claims: Claims
    key_id: Annotated[
        str,
        StringConstraints(pattern=KEY_ID),
        Field(description="First 16 hex digits of the SHA-256 of the raw public key."),
    ]
    algorithm: Literal["Ed25519"]


class Certificate1(_Certificate):
    """Format 1: as it was issued before certificates formed a chain."""

    format: Literal[1]


class Certificate2(_Certificate):
    """What was found about one erasure, and exactly what it was found on."""

    format: Literal[2]
    imported_version: Annotated[
        Sha256, Field(description="The version that the model was imported as: the chain's root.")
    ]
    forget_photos: Annotated[Sha256, Field(description="The crops that drove the erasure, salted.")]
    held_out_photos: Annotated[Sha256, Field(description="The crops that only judged it, salted.")]


Certificate = Certificate1 | Certificate2
_ANY = TypeAdapter[Certificate](Annotated[Certificate, Field(discriminator="format")])


class SignedCertificate(_Form):
    """A certificate of Lethe: canonical JSON (RFC 8785) and its Ed25519 signature (RFC 8032)."""

    certificate: Certificate2
    signature: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$"),
        Field(description="Base64; over the canonical JSON of `certificate`."),
    ]


def form_of(body: Document, name: str) -> Certificate:
    """The body of a certificate, its every field checked.

    Raises:
        BadCertificate: the first field that is missing, unknown or of another kind.
    """
    try:
        return _ANY.validate_json(canonical(body))
    except ValidationError as error:
        raise BadCertificate(f"{name}: {_first(error)}") from None


def schema() -> Document:
    """The published JSON Schema (draft 2020-12) of the format that is issued now."""
    found: Document = _closed(SignedCertificate.model_json_schema())
    return {"$schema": DIALECT, "$id": f"urn:lethe:certificate:{FORMAT}", **found}


def _closed(node: Any) -> Any:
    """Pydantic refuses a key that fits no pattern; its schema would let it pass."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items()}
    return {**closed, "additionalProperties": False} if "patternProperties" in node else closed


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    where = ".".join(str(part) for part in found["loc"][1:]) or "format"
    line = f"{where[:200]}: {found['msg']}; not the form of a certificate"
    return "".join(letter if letter.isprintable() else "?" for letter in line)
