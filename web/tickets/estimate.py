"""When a ticket will be done: from its own pace, and from how long this model took before."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from flask_babel import gettext as _
from flask_babel import ngettext

from storage.tickets.progress import Point, Progress, ProgressBoard
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from web.spans import HOUR, MINUTE, in_words

STAGES = (State.PREPARING, State.UNLEARNING, State.CERTIFYING, State.PUBLISHING)
LATEST = 6  # points that tell a stage's pace: the making of activations goes at another
TOLD, TOLD_SECONDS = 0.1, 5  # of a stage: before that its own pace says little
SILENT_SECONDS = 120  # without a sign of the worker: whatever was estimated holds no more


class Scope(Enum):
    WHOLE = auto()  # until the ticket is done
    STAGE = auto()  # of the stage alone: what comes after it never ran, or waits for others
    ONCE_BEGUN = auto()  # it waits for a worker or for the model


@dataclass(frozen=True)
class Estimate:
    """``seconds`` is None where nobody knows; it is no promise either way."""

    seconds: float | None = None
    scope: Scope = Scope.WHOLE
    silent: float = 0.0  # seconds since the worker's last sign, where they are many

    @classmethod
    def of(cls, ticket: Ticket, shown: Progress | None, board: ProgressBoard) -> Estimate:
        """Of a ticket on its way; of any other there is none."""
        state = ticket.state
        if state not in {*STAGES, State.APPROVED, State.QUEUED}:
            return cls()
        usual = board.usual(ticket.model, STAGES)
        if state not in STAGES:
            first = 0 if state is State.APPROVED else 1
            return cls(_sum(usual, STAGES[first:]), Scope.ONCE_BEGUN)
        now = time.time()
        if shown and now - shown.at > SILENT_SECONDS:
            return cls(silent=now - shown.at)
        points = board.points(ticket.id, state, shown.fraction) if shown else []
        begun = datetime.fromisoformat(ticket.updated_at).timestamp()
        stage = _left(shown, begun, now, usual.get(state), _since(points, begun))
        after = _sum(usual, STAGES[STAGES.index(state) + 1 :])
        if stage is None or after is None or state is State.PREPARING:
            return cls(stage, Scope.STAGE)
        return cls(stage + after)

    @property
    def rounded(self) -> int | None:
        """Seconds, in ten of them, in minutes or in quarters of an hour."""
        if self.seconds is None:
            return None
        step = 10 if self.seconds < MINUTE else MINUTE if self.seconds < HOUR else HOUR // 4
        return max(1, round(self.seconds / step)) * step

    @property
    def words(self) -> str:
        if self.silent:
            count = round(self.silent / MINUTE)
            silent = ngettext(
                "No sign of the worker for %(num)d minute; when its lease ends, another goes on.",
                "No sign of the worker for %(num)d minutes; when its lease ends, another goes on.",
                count,
            )
            return str(silent)
        if self.rounded is None:
            return ""
        span = in_words(self.rounded)
        if self.scope is Scope.ONCE_BEGUN:
            return str(_("About %(span)s once it begins, going by earlier runs.", span=span))
        if self.scope is Scope.STAGE:
            return str(_("About %(span)s left of this stage.", span=span))
        return str(_("About %(span)s left.", span=span))


def _left(
    shown: Progress | None, begun: float, now: float, usual: float | None, points: list[Point]
) -> float | None:
    """Of a stage: at first what the last runs say, towards its end what its own pace says."""
    past = None if usual is None else _positive(usual - max(now - begun, 0.0))
    pace = _by_pace(shown.fraction, shown.at - begun, points) if shown else None
    # Between two signs of the worker it gets less, not more.
    own = _positive(pace - (now - shown.at)) if shown and pace is not None else None
    if shown is None or own is None or past is None:
        return past if own is None else own
    return shown.fraction * own + (1 - shown.fraction) * past


def _positive(seconds: float) -> float | None:
    """What has run out says nothing."""
    return seconds if seconds > 0 else None


def _by_pace(done: float, elapsed: float, points: list[Point]) -> float | None:
    """What is left at a point, ``elapsed`` seconds after the stage began."""
    if len(points) >= LATEST // 2:
        first, last = points[-LATEST:][0], points[-1]
        if last.at >= first.at + 1 and last.fraction > first.fraction:
            return (1 - done) * (last.at - first.at) / (last.fraction - first.fraction)
    told = done >= TOLD and elapsed >= TOLD_SECONDS
    return elapsed * (1 - done) / done if told else None


def _since(points: list[Point], begun: float) -> list[Point]:
    """Without those of a run that was killed and is resumed."""
    return [point for point in points if point.at >= begun]


def _sum(usual: dict[str, float], stages: tuple[State, ...]) -> float | None:
    """None where one of the stages never ran."""
    if not all(stage in usual for stage in stages):
        return None
    return sum(usual[stage] for stage in stages)
