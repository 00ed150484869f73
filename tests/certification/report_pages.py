"""Made-up figures and curves for a report, and a page taken apart."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from storage.canonical import Document

VOID = {"meta", "br"}  # the elements of a page that have no end
BINS = [round(float(edge), 2) for edge in np.linspace(-1, 1, 41)]
CERTIFICATE = {
    "ticket": "t0123456789ab",
    "model": "door-cameras",
    "version": {"number": 2, "digest": "e" * 64},
    "parent": {"number": 1, "digest": "d" * 64},
    "face_sets": {"benchmark": "f" * 64},
    "photos": "c" * 64,
    "forget_photos": "1" * 64,
    "held_out_photos": "2" * 64,
    "imported_version": "3" * 64,
    "previous_certificate": None,
    "software": "lethe 0.1.0",
    "seed": 5,
    "created_at": "2026-02-01T12:30:00+00:00",
}


def figure(estimate: float | None, reason: str | None = None) -> Document:
    interval = None if estimate is None else [estimate - 0.02, estimate + 0.02]
    return {
        "estimate": estimate,
        "interval": interval,
        "sample": {"photos": 12},
        "worst": None,
        "reason": reason,
    }


def histogram(middle: float) -> list[float]:
    """Shares about ``middle``: half in its bin, a quarter in each neighbour."""
    place = int(np.searchsorted(BINS, middle, side="right")) - 1
    shares = [0.0] * (len(BINS) - 1)
    shares[place - 1 : place + 2] = [0.25, 0.5, 0.25]
    return shares


def drawn() -> Document:
    scattered = [[1.0 if row == column else 0.0 for column in range(24)] for row in range(24)]
    return {
        "benchmark": {
            "det": {
                "fmr": [1e-4, 1e-3, 1e-2, 1.0],
                "fnmr_old": [0.2, 0.05, 0.01, 0.0],
                "fnmr_new": [0.22, 0.06, 0.01, 0.0],
            },
            "bins": BINS,
            "mated_old": histogram(0.625),
            "mated_new": histogram(0.625),
            "non_mated_old": histogram(0.025),
            "non_mated_new": histogram(0.025),
        },
        "subject": {
            "bins": BINS,
            "mated_old": histogram(0.725),
            "mated_new": histogram(0.125),
            "cross_version": histogram(0.075),
            "similarity_old": [[1.0] * 24] * 24,
            "similarity_new": scattered,
            "cmc_old": [1.0] * 20,
            "cmc_new": [0.05 * rank for rank in range(1, 21)],
        },
    }


def attacked() -> Document:
    return {
        "prototype_tmr_5": figure(0.08),
        "prototype_tmr_5_before": figure(0.98),
        "probe_linear_pooled_tpr": figure(0.41),
        "probe_linear_pooled_tpr_before": figure(0.99),
        "probe_linear_pooled_tpr_stranger": figure(0.385),
        "replay_tpir": figure(0.04),
        "relearning_steps": figure(34.0),
        "relearning_steps_stranger": figure(31.0),
        "relearning_ratio": figure(1.097),
        "membership_auc": figure(None, "no training set is registered"),
        "membership_tpr@1e-2": figure(None, "no training set is registered"),
    }


class Page(HTMLParser):
    """A page's elements. Fails where an end tag does not close what is open."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(page.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def drawings(self) -> dict[str, str]:
        """What is said of each, by id."""
        return {of["id"]: of["aria-label"] for tag, of in self.seen if tag == "svg"}

    def row(self, name: str) -> str:
        """What stands beside a figure in the last table that names it."""
        return self.text.rpartition(f" {name} ")[2]
