"""Logs: one line of JSON, or of text, for each thing that happened, whoever's code it happened in.

What a line is about (request, ticket, model, version, stage) is bound with
``structlog.contextvars`` and stands in every line from then on, those of libraries included.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor

from storage.logs.foreign import KNOWN, plain
from storage.logs.settings import log_settings
from storage.tracebacks import nameless
from storage.traces import tracing

OURS = ("lethe", "storage", "web", "workers")
Facts = Callable[[logging.LogRecord], Mapping[str, object]]

log = structlog.get_logger("storage.logs")


def set_up(facts: Facts | None = None) -> None:
    """For a process that serves: what ends it or one of its threads is a line, too.

    Args:
        facts: what a library's line is about, where the library alone knows.
    """
    given = log_settings()
    _configure(given.log_format == "json", given.log_level.upper(), facts)
    logging.captureWarnings(True)
    sys.excepthook = _end
    threading.excepthook = lambda end: _end(end.exc_type, end.exc_value, end.exc_traceback)


def set_up_terminal() -> None:
    """For a command: what a person there must know, and nothing between its own words."""
    _configure(as_json=False, level="WARNING")


def _configure(as_json: bool, level: str, facts: Facts | None = None) -> None:
    about: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        _without_message,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *about,
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    formatter = _Formatter(
        foreign_pre_chain=[*([_adding(facts)] if facts else []), *about],
        processors=[ProcessorFormatter.remove_processors_meta, _renderer(as_json)],
    )
    _Handler.install(formatter, level)
    logging.getLogger().setLevel(logging.WARNING)
    for name in (*OURS, *KNOWN):
        logging.getLogger(name).setLevel(level)


def _wanted(record: logging.LogRecord) -> bool:
    """Others tell of each request that they make; some set their own loggers' level, too."""
    return record.levelno >= logging.WARNING or record.name.split(".", 1)[0] in (*OURS, *KNOWN)


def _renderer(as_json: bool) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


class _Formatter(ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return super().format(record if hasattr(record, "_logger") else plain(record))


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to standard error, one for a process."""

    @classmethod
    def install(cls, formatter: logging.Formatter, level: str) -> None:
        root = logging.getLogger()
        for handler in root.handlers[:]:
            if isinstance(handler, cls):
                root.removeHandler(handler)
        handler = cls(sys.stderr)
        handler.setFormatter(formatter)
        handler.setLevel(level)
        handler.addFilter(_wanted)
        root.addHandler(handler)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """logging itself would print the line's parts, whatever they hold."""
        with suppress(OSError, ValueError):  # a full disk, a closed stream
            where = f"{record.name}:{record.lineno}"
            self.stream.write(f'{{"event": "a line was lost", "logger": "{where}"}}\n')


def _adding(facts: Facts) -> Processor:
    def add(_logger: Any, _method: str, line: EventDict) -> EventDict:
        return {**facts(line["_record"]), **line}

    return add


def _add_trace(_logger: Any, _method: str, line: EventDict) -> EventDict:
    return {**tracing.ids(), **line}


def _without_message(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """An error that nobody foresaw is its kind and where it happened."""
    given = line.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        line.setdefault("error", type(error).__name__)
        line.setdefault("traceback", nameless(error))
    return line


def _end(
    kind: type[BaseException], error: BaseException | None, place: TracebackType | None
) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error or kind(), place)
    else:
        log.critical("ended by an error", exc_info=error, thread=threading.current_thread().name)
