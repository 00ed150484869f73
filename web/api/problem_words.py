"""What each kind of refusal means to a program, and what to do about it."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext

WORDS: dict[int, LazyString] = {
    400: lazy_gettext("The body cannot be read as it is, or asks for what the rules forbid."),
    401: lazy_gettext(
        "No API token came, or it is unknown, expired or revoked. WWW-Authenticate says which."
    ),
    403: lazy_gettext(
        "The owner's role does not allow this, or the token lacks the scope; then WWW-Authenticate "
        "names it."
    ),
    404: lazy_gettext("There is nothing at this address."),
    405: lazy_gettext("The address takes other methods; Allow names them."),
    406: lazy_gettext("The address answers with another kind of content than Accept asks for."),
    408: lazy_gettext("The body came too slowly. Nothing of it was kept."),
    409: lazy_gettext(
        "Not possible as things stand: somebody, or a worker, was faster. Read it again."
    ),
    412: lazy_gettext("Somebody changed it since you read it. Read it again, and decide anew."),
    413: lazy_gettext("The body is larger than this address takes. Nothing of it was kept."),
    415: lazy_gettext("The address takes another kind of content than Content-Type names."),
    422: lazy_gettext(
        "The body, the parameters or the headers can be read, and some of them cannot be used: "
        "“errors” says which and why."
    ),
    429: lazy_gettext("Too many requests. Wait for as many seconds as Retry-After says."),
    500: lazy_gettext(
        "The server met an error that it did not expect. By the “reference” its administrator "
        "finds it in the log."
    ),
    503: lazy_gettext(
        "The object store or Redis does not answer. What was accepted before is kept; try again "
        "in a minute, a submission under the same Idempotency-Key."
    ),
}
