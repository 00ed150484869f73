"""Sign-in by an OpenID provider: authorization code with PKCE, state and nonce."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from storage.accounts.external import NotAdmitted, admit
from storage.accounts.roles import Role
from storage.accounts.users import LastAdmin, User
from storage.errors import LetheError
from storage.names import BadName
from storage.settings import Settings
from web.accounts.oidc_provider import NAME, Provider, ProviderUnavailable, SignInRefused
from web.accounts.sign_in import BY_PROVIDER, start_session
from web.accounts.signed_in import account
from web.errors import answer
from web.hosts import public
from web.inside import inside
from web.services import record
from web.wording import sentence

_PROVIDER = "lethe-oidc"
_NEXT = "oidc_next"  # in the session: where somebody wanted to go

pages = Blueprint("oidc", __name__)
log = structlog.get_logger("web.oidc")


class Unmapped(LetheError):
    """The provider's claims make nobody of Lethe's out of the person."""


def install(app: Flask, settings: Settings) -> None:
    configured = settings.oidc_issuer is not None
    app.extensions[_PROVIDER] = Provider(settings) if configured else None
    app.jinja_env.globals["oidc_name"] = settings.oidc_name if configured else None
    app.register_error_handler(ProviderUnavailable, _unavailable)


@pages.get("/sign-in/oidc")
def begin() -> Response:
    """A link, no form: browsers stop a form that ends at another site (CSP ``form-action``)."""
    provider, wanted = _provider(), inside(request.args.get("next", ""))
    if account():
        return redirect(wanted)
    for key in [key for key in session if key.startswith(f"_state_{NAME}_")]:
        del session[key]  # one sign-in at a time: a cookie has no room for many
    session[_NEXT] = wanted
    found: Response = provider.authorize_redirect(public(url_for("oidc.finish")))
    return found


@pages.get("/sign-in/oidc/callback")
def finish() -> Response | tuple[str, int]:
    provider, wanted = _provider(), inside(str(session.pop(_NEXT, "")))
    try:
        user = _admitted(provider.claims(), provider.issuer)
    except SignInRefused as error:
        return _refused(_words(error), str(error))
    except (Unmapped, NotAdmitted, LastAdmin, BadName) as error:
        return _refused(sentence(error), type(error).__name__)
    start_session(user, BY_PROVIDER)  # a second factor is the provider's business
    return redirect(wanted, 303)


def _provider() -> Provider:
    provider: Provider | None = current_app.extensions[_PROVIDER]
    if provider is None:
        abort(404)
    return provider


def _admitted(claims: Mapping[str, Any], issuer: str) -> User:
    """The account of whoever the claims are about.

    Raises:
        Unmapped, NotAdmitted, LastAdmin, BadName
    """
    settings = record().settings
    role = role_of(claims, settings)
    if role is None:
        raise Unmapped(
            _(
                "You are known to %(name)s, but it gives you no role in Lethe. Ask whoever manages "
                "accounts there for one.",
                name=settings.oidc_name,
            )
        )
    name = claims.get(settings.oidc_name_claim)
    if not isinstance(name, str):
        raise Unmapped(_("%(name)s does not say what you are called.", name=settings.oidc_name))
    return admit(record(), name.lower(), role, issuer, str(claims["sub"]))


def role_of(claims: Mapping[str, Any], settings: Settings) -> Role | None:
    """The role of the first entry in LETHE_OIDC_ROLES that the claims hold."""
    held = _values(claims, settings.oidc_role_claim)
    return next((role for value, role in settings.oidc_roles.items() if value in held), None)


def _values(claims: Mapping[str, Any], path: str) -> list[str]:
    """The texts that stand in a claim, one or many; a dot in the path goes into an object."""
    found: object = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    many = found if isinstance(found, list) else [found]
    return [text for text in many if isinstance(text, str)]


def _words(error: SignInRefused) -> str:
    words = _("What came back from %(name)s could not be verified, or came too late.")
    if error.by_provider:
        words = _("%(name)s did not sign you in, or you stopped on the way.")
    return str(words % {"name": record().settings.oidc_name})


def _refused(why: str, kind: str) -> tuple[str, int]:
    log.info("sign_in_refused", address=request.remote_addr, by="oidc", kind=kind)
    record().audit.refused(request.remote_addr, "")
    return render_template("oidc_refused.html", why=why), 403


def _unavailable(error: ProviderUnavailable) -> Response:
    log.error("oidc_unavailable", error=str(error))  # the provider's own name, no person's
    return answer(
        503,
        what=_(
            "%(name)s, which signs people in here, does not answer as it should.",
            name=_provider().title,
        ),
        do=_(
            "Try again in a minute, or sign in with a password of your own. If it stays, tell "
            "your administrator: the log names the cause."
        ),
    )
