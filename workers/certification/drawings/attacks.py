"""The attacks of a certification, for people: what each does, its papers, its figures.

A row of a chart or table is one measure: its figure by the new version, by the old one where it is
called ``…_before``, and what the same attack reaches on other people, ``…_stranger``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Mapping[str, Any]]  # documents of figures by name


@dataclass(frozen=True)
class Attack:
    """``measures``: what each figure says, by its name."""

    title: str
    text: str
    paper: str
    measures: Mapping[str, str]


ATTACKS = (
    Attack(
        "A few photos are enrolled (k-shot prototype)",
        "The mean of k new photos is enrolled; the subject’s other photos are compared with it.",
        "Snell et al. 2017; Ha, Park and Yoon 2025",
        {
            "prototype_tmr_1": "Prototype of 1 photo",
            "prototype_tmr_5": "Prototype of 5 photos",
            "prototype_tmr_10": "Prototype of 10 photos",
        },
    ),
    Attack(
        "The last layer is left off",
        "Photos are compared by the features before the last linear layer, which an erasure that "
        "changes that layer alone leaves as they were.",
        "Gao et al. 2026; Kim, Cha and Kim 2025",
        {"pooled_tmr": "Features before the last layer"},
    ),
    Attack(
        "A classifier is trained on what the network says (probe)",
        "A small classifier learns to tell the subject from everybody else, while the network "
        "stays as it is. It learns anybody: at the reference, other people in the subject’s place, "
        "the subject is described as well as they are.",
        "Alain and Bengio 2016; Kim, Cha and Kim 2025; Gao et al. 2026",
        {
            "probe_linear_templates_tpr": "Linear probe, templates",
            "probe_mlp_templates_tpr": "Non-linear probe, templates",
            "probe_linear_pooled_tpr": "Linear probe, before the last layer",
            "probe_mlp_pooled_tpr": "Non-linear probe, before the last layer",
        },
    ),
    Attack(
        "The pictures are changed (views)",
        "Photos are mirrored, cut out a little closer, moved by three pixels, darkened or made "
        "grey before they are compared.",
        "Xuan and Li 2025",
        {
            "views_tmr": "Photos under the change that keeps most",
            "views_tmr_mirrored": "Photos mirrored",
        },
    ),
    Attack(
        "Old templates are replayed",
        "Templates that the old version made of the subject are presented to a new gallery in "
        "place of a face, or are still searched in as the old gallery.",
        "Ratha, Connell and Bolle 2001; ISO/IEC 24745",
        {
            "replay_rank1": "Old template found first in the new gallery",
            "replay_tpir": "Old template identified in the new gallery",
            "replay_old_gallery_rank1": "New photo found first in the old gallery",
            "replay_old_gallery_tpir": "New photo identified in the old gallery",
        },
    ),
    Attack(
        "The network is trained again (relearning)",
        "The new version is trained on new photos of the subject until it matches others of them. "
        "The reference is a fictitious person, a mix of others. Fewer steps than for that one "
        "show that traces are left; as many do not show that none are.",
        "Tarun et al. 2021; Chundawat et al. 2022; Hu et al. 2024",
        {
            "relearning_steps": "Training steps until recognised",
            "relearning_ratio": "The subject’s steps by the reference’s",
            "relearning_tmr": "Photos that match after a little training",
            "relearning_tmr_real_stranger": "Photos of others that match without any",
        },
    ),
    Attack(
        "Was the subject trained on? (membership inference)",
        "How close the subject’s training photos lie together, against models that never saw "
        "them. An area of 0.5 is chance; far above, the training still shows; far below, it shows "
        "that somebody was erased.",
        "Li et al. 2022; Watson et al. 2022; Carlini et al. 2022",
        {
            "membership_auc": "Area under the curve",
            "membership_people_above": "Never-trained people who lie closer together",
            "membership_tpr@1e-1": "Training photos told as such, FPR 1e-1",
            "membership_tpr@1e-2": "Training photos told as such, FPR 1e-2",
        },
    ),
)


def variant(name: str, of: str) -> str:
    """``membership_tpr@1e-2`` of ``_before`` is ``membership_tpr_before@1e-2``."""
    figure, at, rate = name.partition("@")
    return f"{figure}{of}{at}{rate}"


NAMES = frozenset(
    variant(name, of)
    for attack in ATTACKS
    for name in attack.measures
    for of in ("", "_before", "_stranger")
)


@dataclass(frozen=True)
class Measure:
    """One row. The figures are None where there is none of that name."""

    name: str
    title: str
    after: Mapping[str, Any]
    before: Mapping[str, Any] | None
    reference: Mapping[str, Any] | None


def measures(attack: Attack, figures: Figures) -> list[Measure]:
    """Those of an attack that the certification knows of, measured or not."""
    return [
        Measure(
            name,
            title,
            figures[name],
            figures.get(variant(name, "_before")),
            figures.get(variant(name, "_stranger")),
        )
        for name, title in attack.measures.items()
        if name in figures
    ]
