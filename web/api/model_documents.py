"""Models, their versions, aliases and policies as the API reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from storage.models.deletion import Deletion
from storage.models.lines import Line
from storage.models.registry import Approval, Model, ModelPolicy, Version
from web.api.fields import Digest, Document, Instant, Limit, Name, Next, Reason, Sent

MOST_VERSIONS = 999_999  # six digits, as objects are named


class ModelSummary(Document):
    name: Name
    versions: int = Field(description="How many there are, also those whose files were deleted.")
    aliases: dict[str, int] = Field(description="Alias → number of the version.")

    @classmethod
    def of(cls, name: str, line: Line) -> ModelSummary:
        return cls(name=name, versions=line.versions, aliases=line.aliases)


class ModelPage(Document):
    items: list[ModelSummary]
    next: Next


class PolicyDocument(Document):
    approval: Approval
    publish_as: str = Field(description="The alias that a certified version gets.")

    @classmethod
    def of(cls, policy: ModelPolicy) -> PolicyDocument:
        return cls(approval=policy.approval, publish_as=policy.publish_as)


class ModelDocument(Document):
    """A line of versions with one name."""

    name: Name
    reference_faces: Name
    benchmark_faces: Name
    verification: list[Name]
    aliases: dict[str, int] = Field(description="Alias → number of the version.")
    policy: PolicyDocument

    @classmethod
    def of(cls, model: Model, aliases: dict[str, int], policy: ModelPolicy) -> ModelDocument:
        return cls.model_validate(
            {**vars(model), "aliases": aliases, "policy": PolicyDocument.of(policy)}
        )


class DeletionDocument(Document):
    actor: str
    at: Instant
    reason: str


class VersionDocument(Document):
    """A version: immutable, named by its digest, naming the digest of its parent."""

    number: int
    digest: Digest
    parent: Digest | None = Field(description="null: an import.")
    files: dict[str, Digest]
    made_by: dict[str, Any]
    created_at: Instant
    aliases: list[str]
    deleted: DeletionDocument | None = Field(description="Who deleted its files, when and why.")

    @classmethod
    def of(
        cls, version: Version, aliases: Mapping[str, int], deletion: Deletion | None
    ) -> VersionDocument:
        named = [alias for alias, number in aliases.items() if number == version.number]
        gone = DeletionDocument.model_validate(deletion) if deletion else None
        return cls.model_validate({**vars(version), "aliases": named, "deleted": gone})


class VersionPage(Document):
    items: list[VersionDocument]
    next: Next


class MoveDocument(Document):
    """Where an alias was moved to, and by whom."""

    alias: str
    version: int
    digest: Digest
    before: int | None
    reason: str
    actor: str
    at: Instant


class Moves(Document):
    items: list[MoveDocument]


class VersionQuery(Sent):
    after: int | None = Field(
        None, ge=1, le=MOST_VERSIONS, description="The cursor; take it from `next`."
    )
    limit: Limit = 50


class MoveQuery(Sent):
    limit: Limit = 20


class Rollback(Sent):
    """Makes the version that the current one was made from current again."""

    instead_of: int | None = Field(
        None,
        ge=1,
        le=MOST_VERSIONS,
        description="The version that is current as far as you know; if another one is: 409.",
    )


class Promotion(Rollback):
    """Makes a version the current one."""

    version: int = Field(ge=1, le=MOST_VERSIONS)


class PolicyBody(Sent):
    approval: Approval
    publish_as: str = Field(pattern="^(current|candidate)$")


class IfMatch(Sent):
    etag: str | None = Field(
        None,
        alias="If-Match",
        max_length=500,
        description="The ETag of the policy as you read it: who changed it since is not overruled.",
    )


class PackQuery(Sent):
    kind: Literal["insightface", "immich", "frigate"] = Field(description="Who loads it.")
    folder: str = Field("", max_length=64, description="What the consumer looks for, if not usual.")


class DeletionQuery(Sent):
    reason: Reason = Field(description="Stays on record.")
