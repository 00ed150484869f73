"""The task ``import_model``: a model file that somebody gave is checked and becomes version 1."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

import structlog

from storage import keys, object_names, queue
from storage.errors import BadInput
from storage.leases import LeaseLost
from storage.models.desk import BadModelFile, ModelBusy
from storage.models.imports import Import, NoSuchImport, Source
from storage.record import Record
from storage.tickets.progress import Progress
from workers.add_model import add_model
from workers.app import app, outbox, record

log = structlog.get_logger()

SENT_SECONDS = 900  # what a sweep sent is not sent again for so long
DAY = 24 * 3600  # seconds
CHECKING = "checking"  # the stage that its progress is of


@app.task(name=queue.IMPORT)  # type: ignore[untyped-decorator]
def import_model(id_: str) -> None:
    """Checks and publishes; a second delivery finds that it has ended."""
    kept = record()
    kept.redis.delete(keys.sent("import", id_))
    with kept.leases.hold("import", id_) as lease:
        if lease is None:
            return  # delivered twice; the other one is at work
        try:
            found = kept.imports.get(id_)
        except NoSuchImport:
            return  # delivered late: it ended, and was removed since
        if found.outcome is None:
            _attempt(kept, found)


def _attempt(kept: Record, found: Import) -> None:
    """What cannot be mended ends it; anything else is left to the sweep, so often."""
    count = int(kept.redis.incr(keys.attempts(found.id)))
    kept.redis.expire(keys.attempts(found.id), DAY)
    try:
        version = _import(kept, found)
    except (LeaseLost, ModelBusy) as error:
        log.info("stopped", reason=type(error).__name__, imports=found.id)
        kept.redis.decr(keys.attempts(found.id))  # the file is not to blame
    except BadInput as error:
        log.warning("refused", error=type(error).__name__, imports=found.id)
        kept.imports.end(found.id, refusal=str(error))
    except Exception as error:  # where a task meets Celery
        log.error("failed", error=type(error).__name__, attempt=count, imports=found.id)
        if count >= kept.settings.task_attempts:
            _give_up(kept, found.id, f"the last time: {type(error).__name__}")
    else:
        kept.imports.end(found.id, version=version)
        log.info("imported", model=found.model.name, imports=found.id)


def _import(kept: Record, found: Import) -> int:
    """The number of the version that it became."""
    if _was_published(kept, found):
        return 1  # by a worker that was killed before it could say so
    kept.settings.cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.settings.cache_dir, prefix="import-") as scratch:
        path = Path(scratch) / found.file
        kept.progress.show(found.id, Progress("fetching", 0.0))
        _fetch(kept, found, path)
        kept.progress.show(found.id, Progress(CHECKING, 0.5))
        try:
            facts = {"import_id": found.id, "by": found.actor}
            return add_model(kept, found.model, path, found.actor, facts).number
        except BadInput as error:  # names the file by its place on this worker's disk
            line = str(error).replace(str(path), found.file).replace(scratch, "")
            raise BadModelFile(line) from None


def _was_published(kept: Record, found: Import) -> bool:
    name = found.model.name
    if not kept.models.numbers(name):
        return False
    version = kept.models.version(name, 1)
    if version.made_by.get("import_id") != found.id:
        return False
    if "current" not in kept.models.aliases(name):
        with kept.leases.hold("model", name) as lease:
            if lease is None:
                raise ModelBusy(f"model {name}: a run works on it")
            kept.models.point(name, "current", version, found.actor, lease)
    return True


def _fetch(kept: Record, found: Import, path: Path) -> None:
    """
    Raises:
        BadModelFile: the import folder has no such file, or it is no plain one, or too large.
    """
    if found.source is Source.UPLOAD:
        kept.objects.get_file(object_names.import_file(found.id), path, found.sha256)
        return
    folder = kept.settings.import_dir
    if folder is None:
        raise BadModelFile(f"{found.file}: this worker has no import folder: set LETHE_IMPORT_DIR")
    try:
        # No link is followed: it could name any file that the worker may read.
        opened = os.open(folder / found.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise BadModelFile(
            f"{found.file}: is not in the workers' import folder ({error.strerror}); "
            "put a plain file of this name there"
        ) from None
    try:
        _check_plain(os.fstat(opened), found.file, kept.settings.model_bytes)
        with open(opened, "rb", closefd=False) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
    finally:
        os.close(opened)


def _check_plain(status: os.stat_result, file: str, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise BadModelFile(f"{file}: is no plain file; put the model itself there")
    if status.st_size > most:
        raise BadModelFile(
            f"{file}: holds {status.st_size} bytes; at most {most} (LETHE_MODEL_BYTES)"
        )


def send_again(kept: Record) -> None:
    """For the sweep: imports that nobody works on go back into the queue, or are given up."""
    for id_ in kept.imports.tidy(kept.settings.orphan_seconds):
        log.info("removed what was left of an import", imports=id_)
    for id_ in kept.imports.waiting():
        if kept.leases.held("import", id_):
            continue
        if int(kept.redis.get(keys.attempts(id_)) or 0) >= kept.settings.task_attempts:
            _give_up(kept, id_, "its worker was killed each time; is the file too large for it?")
        elif kept.redis.set(keys.sent("import", id_), 1, nx=True, ex=SENT_SECONDS):
            if outbox().import_model(id_):
                log.info("sent again", imports=id_)
            else:
                kept.redis.delete(keys.sent("import", id_))


def _give_up(kept: Record, id_: str, why: str) -> None:
    kept.imports.end(id_, refusal=f"tried {kept.settings.task_attempts} times; {why}")
    kept.redis.delete(keys.attempts(id_))
