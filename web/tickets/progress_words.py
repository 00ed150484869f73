"""What a worker says of its progress, in the reader's language. Workers say it in English."""

from __future__ import annotations

import re

from flask_babel import LazyString, lazy_gettext

# What is said, with its figures by name; the same by which the catalogue knows it.
_SAID: tuple[tuple[str, LazyString], ...] = (
    (r"loading the model", lazy_gettext("loading the model")),
    (
        r"looking at the photos: (?P<count>\d+) of (?P<all>\d+)",
        lazy_gettext("looking at the photos: %(count)s of %(all)s"),
    ),
    (r"preparing the network", lazy_gettext("preparing the network")),
    (r"embedding the reference faces", lazy_gettext("embedding the reference faces")),
    (
        r"embedding views of the subject's photos",
        lazy_gettext("embedding views of the subject's photos"),
    ),
    (
        r"forgetting: step (?P<step>\d+) of (?P<end>\d+)",
        lazy_gettext("forgetting: step %(step)s of %(end)s"),
    ),
    (
        r"resumed at step (?P<step>\d+) of (?P<end>\d+)",
        lazy_gettext("resumed at step %(step)s of %(end)s"),
    ),
    (r"asked to stop after step (?P<step>\d+)", lazy_gettext("asked to stop after step %(step)s")),
    (
        r"rolled back: (?P<why>.+) after step (?P<failed>\d+); again from step (?P<step>\d+) "
        r"with half the learning rate",
        lazy_gettext(
            "rolled back after step %(failed)s (%(why)s); again from step %(step)s "
            "with half the learning rate"
        ),
    ),
    (r"embedding", lazy_gettext("embedding")),
    (r"comparing", lazy_gettext("comparing")),
    (r"verification benchmarks", lazy_gettext("verification benchmarks")),
    (r"attack: (?P<name>.+)", lazy_gettext("attack: %(name)s")),
    (r"certified", lazy_gettext("certified")),
    (r"writing the new version", lazy_gettext("writing the new version")),
    (r"signing the certificate", lazy_gettext("signing the certificate")),
)
_KNOWN = tuple((re.compile(pattern), words) for pattern, words in _SAID)


def progress_words(text: str) -> str:
    """As it was said where no words are known for it."""
    for pattern, words in _KNOWN:
        if found := pattern.fullmatch(text):
            return str(words) % found.groupdict()
    return text
