"""A browser in rough words, so that people know their sessions from a thief's."""

from __future__ import annotations

# The first that fits: Edge and Opera call themselves Chrome, and all of them Safari.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-requests/", "Python"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def in_words(agent: str) -> str:
    """From a User-Agent header, which may hold anything; "" where nothing is known in it."""
    found = [
        next((words for mark, words in marks if mark in agent), "")
        for marks in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(word for word in found if word)
