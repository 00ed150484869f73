"""Lines of other libraries, without what they were working on: a URL may name a photo."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

# What they say in words is known: names of tasks, queues, hosts and processes.
KNOWN = ("celery", "kombu", "gunicorn", "py.warnings")
_HIDDEN = "…"
_TASK = frozenset({"name", "id", "description", "runtime"})  # of a mapping, say nothing secret
# gunicorn goes on with what it could not read, which may be a whole request line.
_UNREADABLE = re.compile(r"(Invalid request from ip=\S*):.*", re.DOTALL)


def plain(record: logging.LogRecord) -> logging.LogRecord:
    """The line with its numbers, kinds of errors and, of those whose words are known, its words.

    A line about an exception keeps none: its message may be among them.
    """
    known = record.name.split(".", 1)[0] in KNOWN or record.name in KNOWN
    copied = logging.makeLogRecord(vars(record))
    copied.msg = _sentence(record, known and not record.exc_info)
    copied.args = None
    return copied


def _sentence(record: logging.LogRecord, known: bool) -> str:
    if not isinstance(record.msg, str):
        return type(record.msg).__name__  # gunicorn logs an exception itself
    text = _UNREADABLE.sub(r"\1", record.msg)
    if not record.args:
        return text
    try:
        return text % _shown(record.args, known)
    except (KeyError, TypeError, ValueError):
        return text


def _shown(args: tuple[object, ...] | Mapping[str, object], known: bool) -> object:
    if isinstance(args, Mapping):
        return {name: _word(value, known or name in _TASK) for name, value in args.items()}
    return tuple(_word(value, known) for value in args)


def _word(value: object, known: bool) -> object:
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, int | float):
        return value
    if not known or "Traceback (most recent" in str(value):
        return _HIDDEN
    return value
