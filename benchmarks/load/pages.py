"""What pages, metrics and a sweep cost with few and with many open tickets and models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import psutil
import requests

from benchmarks.load.crowd import add_faces, add_models, model_names, write_recognizer
from benchmarks.load.filling import fill
from benchmarks.load.house import House, Web, opened
from benchmarks.load.timing import Cost, p50, p95, timed
from storage import keys
from storage.models import lines
from storage.queue import CPU, GPU
from storage.settings import HOUR
from storage.tickets.ticket_search import Place, Wanted

SWEEPS = 7  # timed for each size; the first ones go once through the record
Costs = dict[str, Cost]  # by what it is the cost of


def measure(models: Sequence[int], tickets: Sequence[int], times: int) -> None:
    """Prints a table for each number of models, the last column by how much the cost grows."""
    for count in models:
        with opened() as house:
            found = _measure(house, count, tickets, times)
        print(f"\n{count:,} models; ms of {times} requests or {SWEEPS} sweeps: p50 / p95, and of")
        print(
            "the processors for one, web, worker, Redis and S3 together, and how that grows; with"
        )
        sizes = "".join(f"{f'{size:,} tickets':>22}" for size in tickets)
        ratio = f"{tickets[-1]:,} : {tickets[-2]:,}"
        print(f"{'':29}{sizes}{ratio:>17}")
        for what in found[tickets[0]]:
            costs = [found[size][what] for size in tickets]
            cells = "".join(f"{_cell(cost):>22}" for cost in costs)
            before, after = costs[-2].processor, costs[-1].processor
            growth = f"{after / before:.2f}" if before else "–"  # too little for the clock's tick
            print(f"{what:29}{cells}{growth:>17}", flush=True)


def _cell(cost: Cost) -> str:
    clock = f"{p50(cost.seconds):.0f} / {p95(cost.seconds):.0f}"
    return f"{clock}, {1000 * cost.processor:.0f}"


def _measure(house: House, count: int, tickets: Sequence[int], times: int) -> Mapping[int, Costs]:
    names = model_names(count)
    add_faces(house.record)
    add_models(house.record, names, write_recognizer(house.folder / "trivial.onnx"))
    web, filled, found = house.start_web(), 0, dict[int, Costs]()
    visitor = web.visitor()
    for size in tickets:
        filled += len(fill(house.record, names, filled, size))
        lines.of(house.record, names, len(names))
        found[size] = {
            **_pages(web, visitor, _middle(house), times),
            **_metrics(web, names, times),
            **_sweeps(house),
        }
    return found


def _pages(web: Web, visitor: requests.Session, middle: Place | None, times: int) -> Costs:
    model = model_names(1)[0]
    paths = {
        "desk": "/",
        "list, first page": "/tickets",
        "list, a page in the middle": f"/tickets?after={middle}",
        "list, by deadline": "/tickets?sort=deadline&due=30",
        "list, one model and state": f"/tickets?model={model}&state=submitted",
        "list, a text": "/tickets?q=dsr-1",
        "list, a text that is nowhere": "/tickets?q=nowhere&sort=-changed",
        "list, all filters": f"/tickets?q=dsr&model={model}&state=submitted&state=queued"
        "&due=30&sort=-changed",
        "list as CSV": "/tickets.csv",
        "form of a new ticket": "/tickets/new",
        "list of models": "/models",
    }
    return {
        what: timed(_got(visitor, web.url + path), times, _at_work(web))
        for what, path in paths.items()
    }


def _middle(house: House) -> Place | None:
    half = house.record.tickets.page(Wanted(), limit=1)[1].count // 2
    return house.record.tickets.page(Wanted(), limit=half)[1].last


def _metrics(web: Web, names: Sequence[str], times: int) -> Costs:
    """Also where every model's line is due, as after a Redis that lost its data."""
    get, redis = _got(requests.Session(), f"{web.url}/metrics"), web.house.record.redis
    found = {"metrics": timed(get, times, _at_work(web))}

    def lost() -> None:
        redis.delete(keys.LINES)
        get()

    found["metrics, no model known"] = timed(lost, times, _at_work(web))
    lines.of(web.house.record, names, len(names))
    return found


def _at_work(web: Web) -> list[psutil.Process]:
    """Those that a request keeps busy; gunicorn's own process only watches its worker."""
    return [*psutil.Process(web.process.popen.pid).children(), *_servers(web.house)]


def _servers(house: House) -> list[psutil.Process]:
    return [psutil.Process(server.popen.pid) for server in house.servers]


def _got(session: requests.Session, url: str) -> Callable[[], object]:
    return lambda: session.get(url, timeout=60).raise_for_status()


def _sweeps(house: House) -> Costs:
    """With all that waits in the queues already, and with all of it to be sent."""
    import workers.app
    from workers.sweep import IN_ERASURE, IN_PREPARATION, sweep

    for kept in (workers.app.record, workers.app.outbox):
        kept.cache_clear()  # those of the house before
    record, pipe = house.record, house.record.redis.pipeline(transaction=False)
    marks = [
        keys.sent("ticket", ticket)
        for state in IN_PREPARATION
        for ticket in record.tickets.waiting(None, state)
    ]
    marks += [
        keys.sent("model", model) for model, state in record.tickets.counts() if state in IN_ERASURE
    ]
    for mark in marks:
        pipe.set(mark, 1, ex=HOUR)
    for waiting in (CPU, GPU):
        pipe.rpush(waiting, "{}")  # of an empty queue a sweep forgets what it sent
    for waiting in (CPU, GPU):
        pipe.rpush(waiting, "{}")  # of an empty queue a sweep forgets what it sent
    pipe.execute()
    at_work = [psutil.Process(), *_servers(house)]
    found = {"sweep, nothing to send": timed(sweep, SWEEPS, at_work)}

    def to_send() -> None:
        record.redis.delete(*marks, CPU, GPU)
        sweep()

    found["sweep, all to be sent"] = timed(to_send, SWEEPS, at_work)
    record.redis.delete(*marks, CPU, GPU)
    return found
