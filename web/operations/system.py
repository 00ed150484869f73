"""System health: each part that Lethe stands on, how it is, and what to do where it is not well."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, render_template, request
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from storage import condition
from storage.condition import WorkCondition
from storage.loopback import is_loopback
from storage.queue import CPU, GPU
from storage.record import Record
from storage.settings import Settings
from storage.tickets.states import State
from web.operations import checks, fleet
from web.operations.checks import Line, Part
from web.operations.fleet import Worker
from web.services import services

LITTLE_DISK = 2 * 1024**3  # bytes: one model and its parts
SWEEPS = 10  # that may be missed before it counts: one can take long
LIBRARIES = ("lethe", "flask", "celery", "redis", "minio", "pydantic", "cryptography", "gunicorn")

pages = Blueprint("system", __name__)


@pages.get("/system")
def show() -> str:
    found = services()
    record, settings = found.record, found.record.settings
    workers, queues = fleet.workers(record.redis), fleet.queue_lengths(found.queue)
    work = condition.of_work(record)
    parts = [
        Part(_("Object store"), list(checks.of_store(condition.of_store(record)))),
        Part(_("Redis"), list(checks.of_redis(condition.of_redis(record)))),
        Part(_("Workers"), list(_workers(workers, queues, work, settings))),
        Part(_("Work"), list(_work(work, settings))),
        Part(_("This machine"), list(_machine(record))),
    ]
    return render_template(
        "system.html",
        parts=parts,
        stuck=work.stuck,
        versions={name: version(name) for name in LIBRARIES},
        python=platform.python_version(),
    )


def _workers(
    workers: list[Worker], queues: dict[str, int], work: WorkCondition, settings: Settings
) -> Iterator[Line]:
    for worker in workers:
        words = _("busy") if worker.busy else _("free")
        seen = ngettext("heard %(num)s second ago", "heard %(num)s seconds ago", worker.silent)
        yield Line(worker.name, "run" if worker.busy else "good", f"{words}, {seen}")
    if not workers:
        do = _("Start one. Approved tickets are kept and wait.")
        yield Line(_("Workers"), "bad", _("none is alive"), do)
    for queue in (CPU, GPU):
        waiting = queues[queue]
        words = ngettext("%(num)s task waits", "%(num)s tasks wait", waiting)
        alone = bool(waiting) and not workers
        do = _("Nobody takes them: start a worker.") if alone else ""
        name = _("Queue %(name)s", name=queue)
        yield Line(name, "bad" if alone else "quiet", words if waiting else _("empty"), do)
    yield _swept(work.swept, settings)


def _swept(seconds: float | None, settings: Settings) -> Line:
    name = _("Sweep")
    do = _("Is a worker started with -B, and alive? It puts lost work back into the queue.")
    if seconds is None:
        return Line(name, "wait", _("has not come to its end yet"), do)
    ago = int(seconds)
    words = ngettext("ended %(num)s second ago", "ended %(num)s seconds ago", ago)
    late = ago > SWEEPS * settings.sweep_seconds
    return Line(name, "bad" if late else "good", words, do if late else "")


def _work(work: WorkCondition, settings: Settings) -> Iterator[Line]:
    yield _none_or(
        _("Tickets that do not move"),
        len(work.stuck),
        ngettext("%(num)s for more than a day", "%(num)s for more than a day", len(work.stuck)),
        _("Is a worker of their queue alive? See its log, then retry or cancel them."),
    )
    yield _none_or(
        _("Deadlines missed"),
        work.deadlines_missed,
        ngettext("%(num)s open ticket", "%(num)s open tickets", work.deadlines_missed),
        _("Decide on them first, or extend them with a reason (GDPR Art. 12(3))."),
    )
    waiting = work.waiting
    kept = waiting[State.FAILED] + waiting[State.NEEDS_REVIEW] + waiting[State.NEEDS_PHOTOS]
    yield _none_or(
        _("Tickets that wait for people"),
        kept,
        ngettext("%(num)s ticket", "%(num)s tickets", kept),
        _("They failed, were refused or lack photos: open them from the desk."),
        tone="wait",
    )
    yield _none_or(
        _("Photos overdue"),
        work.photos_overdue,
        ngettext("of %(num)s ended ticket", "of %(num)s ended tickets", work.photos_overdue),
        _("Each sweep tries again; the worker's log says what keeps them."),
    )
    yield _webhooks(work, settings)


def _webhooks(work: WorkCondition, settings: Settings) -> Line:
    name = _("Webhooks")
    if settings.webhook_url is None:
        return Line(name, "quiet", _("not set for this process"))
    if work.webhooks_put_off:
        words = ngettext(
            "%(num)s could not be told and is tried again",
            "%(num)s could not be told and are tried again",
            work.webhooks_put_off,
        )
        return Line(name, "bad", words, _("Does the receiver answer 2xx? See the worker's log."))
    if work.webhooks_due:
        words = ngettext("%(num)s waits", "%(num)s wait", work.webhooks_due)
        return Line(name, "good", words)
    return Line(name, "good", _("all told"))


def _machine(record: Record) -> Iterator[Line]:
    yield _disk(_("Disk for uploads and downloads"), Path(tempfile.gettempdir()))
    cache = record.settings.cache_dir
    if cache.is_dir():
        yield _disk(_("Disk of the cache"), cache)
    if record.settings.secure_cookies:
        yield Line(_("Session cookies"), "good", _("over TLS alone"))
        return
    here = is_loopback(urlsplit(request.host_url).hostname or "")
    do = _("Right on this machine alone; else set LETHE_SECURE_COOKIES=true.")
    yield Line(_("Session cookies"), "quiet" if here else "bad", _("over plain http, too"), do)


def _disk(name: str, folder: Path) -> Line:
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        return Line(name, "bad", _("cannot be read (%(error)s)", error=type(error).__name__))
    free, total = (format_decimal(size / 2**30, "#,##0.0") for size in (usage.free, usage.total))
    words = _("%(free)s of %(total)s GiB free", free=free, total=total)
    if usage.free >= LITTLE_DISK:
        return Line(name, "good", words)
    return Line(name, "bad", words, _("Free some space: models and photos pass through it."))


def _none_or(name: str, count: int, words: str, do: str, tone: str = "bad") -> Line:
    return Line(name, tone, words, do) if count else Line(name, "good", _("none"))
