"""How many tickets a second people can submit until "accepted" means slower than 200 ms."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import redis
import urllib3

from benchmarks.load.crowd import add_faces, add_models, model_names, subject, write_recognizer
from benchmarks.load.house import House, Web, opened
from benchmarks.load.timing import p50, p95
from storage.tickets.request import LegalGround, Request
from storage.uploads.images import decode

AIM = 200.0  # ms; p95 of the answer "accepted"
PROFILED = 30  # submissions whose time is divided up


def measure(clients: Sequence[int], seconds: float) -> None:
    """Prints a row for each number of clients, up to the first that is too slow."""
    with opened() as house:
        add_faces(house.record)
        add_models(house.record, model_names(1), write_recognizer(house.folder / "trivial.onnx"))
        web = house.start_web()
        print(f"\nsubmissions by the web form, 3 photos each, {seconds:.0f} s for each row")
        print(f"{'clients':>10}{'accepted/s':>14}{'p50, ms':>12}{'p95, ms':>12}")
        for count in clients:
            start = time.perf_counter()
            found = _submitted(web, count, seconds)
            rate = len(found) / (time.perf_counter() - start)
            print(f"{count:>10}{rate:>14.1f}{p50(found):>12.0f}{p95(found):>12.0f}", flush=True)
            if p95(found) > AIM:
                break
        _say_where_the_time_goes(house)


def _submitted(web: Web, clients: int, seconds: float) -> list[float]:
    """Seconds that each submission took, of so many clients side by side."""
    found: list[float] = []
    visitors = [web.visitor() for _ in range(clients)]
    end = time.perf_counter() + seconds

    def submit(number: int) -> None:
        visitor, made = visitors[number], subject(number)
        token = web.token(visitor, f"{web.url}/tickets/new")
        deadline = (datetime.now(UTC) + timedelta(days=20)).date()
        data = {
            "csrf_token": token,
            "model": model_names(1)[0],
            "subject": f"DSR-{number}",
            "legal_ground": str(LegalGround.CONSENT_WITHDRAWN),
            "deadline": deadline.isoformat(),
        }
        files = [("photos", (photo.name, photo.data)) for photo in made]
        while time.perf_counter() < end:
            start = time.perf_counter()
            answer = visitor.post(
                f"{web.url}/tickets/new", data, files=files, timeout=60, allow_redirects=False
            )
            found.append(time.perf_counter() - start)
            if answer.status_code != 303:
                raise RuntimeError(f"the form answered {answer.status_code}: {answer.text[:2000]}")

    threads = [threading.Thread(target=submit, args=[number]) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _say_where_the_time_goes(house: House) -> None:
    """Of ``Desk.submit`` in this process, without the web."""
    deadline = (datetime.now(UTC) + timedelta(days=20)).date()
    ground, made = LegalGround.CONSENT_WITHDRAWN, subject(0)
    request = Request(model_names(1)[0], "DSR-0", ground, deadline, len(made))
    submit: Callable[[], object] = partial(house.desk.submit, request, made, "load")
    submit()
    with _watched() as spent:
        start = time.perf_counter()
        for _ in range(PROFILED):
            submit()
        whole = time.perf_counter() - start
    parts = [
        f"{what} {1000 * sum(seconds) / PROFILED:.1f} ms in {len(seconds) / PROFILED:.0f}"
        for what, seconds in spent.items()
    ]
    rest = whole - sum(map(sum, spent.values()))
    print(
        f"one submission at the desk, without the web: {1000 * whole / PROFILED:.1f} ms, of which"
    )
    print(f"  {'; '.join(parts)}; the rest {1000 * rest / PROFILED:.1f} ms", flush=True)


@contextmanager
def _watched() -> Iterator[dict[str, list[float]]]:
    """Seconds of each request to the store, to Redis, and of each picture that is decoded."""
    spent: dict[str, list[float]] = defaultdict(list)

    def watch(what: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*given: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                spent[what].append(time.perf_counter() - start)

        return watched

    with (
        patch.object(urllib3.PoolManager, "urlopen", watch("S3", urllib3.PoolManager.urlopen)),
        patch.object(redis.Redis, "execute_command", watch("Redis", redis.Redis.execute_command)),
        patch("storage.tickets.photos.decode", watch("decoding", decode)),
    ):
        yield spent
