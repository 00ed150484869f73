"""The words of error pages: of each status what happened, what was kept, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import LazyString, lazy_gettext

_NOTHING = lazy_gettext("Nothing was changed.")
_UNSURE = lazy_gettext(
    "Everything accepted before is kept. What you sent just now was not confirmed: "
    "look at the ticket before you send it again."
)


@dataclass(frozen=True)
class Words:
    title: LazyString
    what: LazyString  # happened
    kept: LazyString
    do: LazyString


TEXTS: dict[int, Words] = {
    400: Words(
        lazy_gettext("That could not be understood"),
        lazy_gettext("The request was incomplete or malformed."),
        _NOTHING,
        lazy_gettext("Go back, check what you entered and send it again."),
    ),
    401: Words(
        lazy_gettext("Sign in first"),
        lazy_gettext("Your session has ended."),
        _NOTHING,
        lazy_gettext("Sign in and try again."),
    ),
    403: Words(
        lazy_gettext("Your role does not allow this"),
        lazy_gettext("This page or action is for another role."),
        _NOTHING,
        lazy_gettext("Ask an administrator if you need it."),
    ),
    404: Words(
        lazy_gettext("Not found"),
        lazy_gettext("There is nothing at this address."),
        _NOTHING,
        lazy_gettext("Check the address, or start from the desk."),
    ),
    405: Words(
        lazy_gettext("Not like this"),
        lazy_gettext("This address takes another kind of request."),
        _NOTHING,
        lazy_gettext("Start from the desk and use the buttons there."),
    ),
    408: Words(
        lazy_gettext("The upload came too slowly"),
        lazy_gettext("Nothing arrived for too long, so the connection was closed."),
        lazy_gettext("Nothing of it was kept."),
        lazy_gettext("Send it again over a faster connection, or fewer photos at a time."),
    ),
    409: Words(
        lazy_gettext("Not in this state"),
        lazy_gettext("Somebody, or a worker, was faster, or the step is not possible now."),
        lazy_gettext("What it is about is as it was."),
        lazy_gettext("Open the page again and see where it stands."),
    ),
    410: Words(
        lazy_gettext("No longer there"),
        lazy_gettext("What was at this address was removed."),
        _NOTHING,
        lazy_gettext("Start from the desk."),
    ),
    412: Words(
        lazy_gettext("Changed meanwhile"),
        lazy_gettext("Somebody changed this after you opened it."),
        lazy_gettext("Their change is kept, and yours was not made."),
        lazy_gettext("Open the page again, look at what changed, and decide anew."),
    ),
    413: Words(
        lazy_gettext("Too much at once"),
        lazy_gettext("The upload is larger than this server takes, or has too many parts."),
        lazy_gettext("Nothing of it was kept."),
        lazy_gettext("Send fewer or smaller photos; twenty good ones are plenty."),
    ),
    415: Words(
        lazy_gettext("Not this kind of file"),
        lazy_gettext("This address does not take what was sent."),
        lazy_gettext("Nothing of it was kept."),
        lazy_gettext("Use the form on the page, and a kind of file that it names."),
    ),
    429: Words(
        lazy_gettext("Too many attempts"),
        lazy_gettext("Too much was asked of this server in a short time."),
        _NOTHING,
        lazy_gettext("Wait a while, then try again."),
    ),
    500: Words(
        lazy_gettext("Something went wrong here"),
        lazy_gettext("The server met an error that it did not expect."),
        _UNSURE,
        lazy_gettext("Try again. If it stays, give your administrator the reference below."),
    ),
    503: Words(
        lazy_gettext("A part of the system does not answer"),
        lazy_gettext("The object store or Redis is not reachable at the moment."),
        _UNSURE,
        lazy_gettext(
            "Try again in a minute. If it stays, give your administrator the reference below: "
            "it stands in the log beside the cause."
        ),
    ),
}
LOCKED = Words(
    lazy_gettext("Too many attempts"),
    lazy_gettext("There were too many sign-ins for this account, or from your address."),
    _NOTHING,
    lazy_gettext("Wait, then try again. An administrator can give you a sign-in link."),
)

FOUR_EYES = Words(
    lazy_gettext("Somebody else must approve this"),
    lazy_gettext(
        "You submitted it, so somebody else must approve it: four eyes are required here."
    ),
    lazy_gettext("The ticket and its photos are as they were; it still waits for approval."),
    lazy_gettext("Ask another approver: it waits on their desk, too."),
)


def nearest(status: int) -> Words:
    """The words of a status, or of the plainest one of its kind."""
    return TEXTS.get(status) or TEXTS[500 if status >= 500 else 400]
