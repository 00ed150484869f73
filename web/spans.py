"""Spans of time in words."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext

MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds


def in_words(seconds: float) -> str:
    """In the largest unit that tells enough: ``40 seconds``, ``3 minutes``, ``2.5 hours``."""
    if seconds < 1:
        return str(_("under a second"))
    if seconds < MINUTE:
        words = ngettext("%(num)d second", "%(num)d seconds", int(seconds))
    elif seconds < HOUR:
        words = ngettext("%(num)d minute", "%(num)d minutes", round(seconds / MINUTE))
    elif seconds < 2 * DAY:
        hours = round(seconds / HOUR * 2) / 2
        if hours != int(hours):
            return str(_("%(hours)s hours", hours=f"{hours:g}"))
        words = ngettext("%(num)d hour", "%(num)d hours", int(hours))
    else:
        words = ngettext("%(num)d day", "%(num)d days", round(seconds / DAY))
    return str(words)
