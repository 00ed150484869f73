"""A user's own API tokens. They are issued on the pages alone: no token makes another."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from storage.accounts.api_tokens import ApiToken, BadToken, Scope
from web.accounts.signed_in import me
from web.api import bearer
from web.api.contract import Resource
from web.api.fields import Document, Instant
from web.api.problems import Refused
from web.services import record

resource = Resource("API tokens", "Your own; issued on the pages alone.")


class TokenDocument(Document):
    id: str
    name: str
    scopes: list[Scope]
    issued_at: Instant
    issued_by: str
    expires_at: Instant
    used_on: date | None = Field(description="The last day it was used.")

    @classmethod
    def of(cls, token: ApiToken) -> TokenDocument:
        return cls.model_validate({**vars(token), "scopes": sorted(token.scopes)})


class Tokens(Document):
    items: list[TokenDocument]


@resource.get("/tokens", answer=Tokens)
def list_tokens() -> Tokens:
    """List your API tokens, the newest first; expired ones, too."""
    return Tokens(items=[TokenDocument.of(token) for token in record().api_tokens.of(me().name)])


@resource.delete("/tokens/<token>", answer=TokenDocument)
def revoke_token(token: str) -> TokenDocument:
    """Revoke this API token, or, with the scope `users:write`, any of yours: it ends at once."""
    # One that leaked must not end the others.
    if token != bearer.token().id and Scope.USERS not in bearer.token().scopes:
        line = "This token may end itself alone; revoke others on the page of your API tokens."
        raise Refused(403, line)
    try:
        return TokenDocument.of(record().api_tokens.revoke(me().name, token, me().name))
    except BadToken as error:
        raise Refused(404, f"{error}.") from None
