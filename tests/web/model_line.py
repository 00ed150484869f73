"""A line of versions as erasures make it, with tickets that completed and their figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage.models.registry import Version
from storage.record import Record
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.conftest import MODEL

WAY = (
    State.APPROVED,
    State.PREPARING,
    State.QUEUED,
    State.UNLEARNING,
    State.CERTIFYING,
    State.PUBLISHING,
)


@dataclass(frozen=True)
class Line:
    record: Record
    folder: Path
    submitted: Callable[..., Ticket]

    def forget(self, parent: Version, *, kept: tuple[float, float] = (0.98, 0.97)) -> Version:
        """The next version, current, made by one ticket; ``kept``: benchmark TMR of both."""
        ticket = self.submitted(then=WAY)
        path = self.folder / "model.onnx"
        path.write_bytes(f"forgets {ticket.id}".encode())
        made_by = {"tickets": [ticket.id], "seed": 7, "software": "lethe 0.1.0"}
        with self.record.leases.hold("model", MODEL) as lease:
            assert lease is not None
            version = self.record.models.publish(
                MODEL, {"model.onnx": path}, made_by, parent=parent, lease=lease
            )
            self.record.models.point(MODEL, "current", version, "worker", lease)
        headline = {
            "fmr": 0.001,
            "threshold": 0.43,
            "forget_tmr_before": 0.95,
            "forget_tmr_after": 0.04,
            "cross_version_tmr": 0.02,
            "benchmark_tmr_before": kept[0],
            "benchmark_tmr_after": kept[1],
            "rank1_before": 1.0,
            "rank1_after": 0.3,
        }
        result = {"verdict": "passed", "headline": headline, "version": version.number}
        self.record.tickets.move(ticket.id, State.COMPLETED, "worker", result=result)
        return version


def ticket_of(version: Version) -> str:
    (ticket,) = version.made_by["tickets"]
    return str(ticket)
