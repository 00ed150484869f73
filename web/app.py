"""The web application. gunicorn runs ``web.app:create_app()``."""

from __future__ import annotations

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined

from storage.accounts.sessions import SESSION_SECONDS
from storage.settings import BadSettings, Settings
from storage.settings import settings as read_settings
from web import (
    api,
    certificates,
    errors,
    faces,
    filters,
    headers,
    home,
    hosts,
    language,
    limits,
    pace,
    permissions,
    request_log,
    request_spans,
    services,
    static_files,
    uploads,
)
from web.accounts import account, oidc, second_factor, sign_in_link, signed_in, tokens, users
from web.api import reference
from web.models import index as models
from web.models import model_download, model_import, model_versions
from web.operations import audit, health, metrics, policies, system
from web.tickets import (
    draft_photos,
    drafts,
    new_ticket,
    progress,
    ticket_actions,
    ticket_bulk,
    ticket_export,
)

_BLUEPRINTS = (
    sign_in_link.pages,  # those of web.accounts.sign_in, with the links on them
    oidc.pages,
    home.pages,
    ticket_actions.pages,  # those of web.tickets.index, with one ticket's page and actions on them
    new_ticket.pages,
    ticket_bulk.pages,
    ticket_export.pages,
    drafts.pages,
    draft_photos.pages,
    certificates.pages,
    models.pages,
    model_versions.pages,
    model_download.pages,
    model_import.pages,
    faces.pages,
    users.pages,
    account.pages,
    second_factor.pages,
    tokens.pages,
    tokens.user_pages,
    audit.pages,
    progress.pages,
    health.pages,
    system.pages,
    policies.pages,
    language.pages,
    metrics.pages,
    reference.pages,
)


def create_app(settings: Settings | None = None) -> Flask:
    """The application over the record that the settings name.

    Raises:
        BadSettings, StoreRefused, StoreUnavailable, QueueUnavailable: one line that says
            what is missing or does not answer.
    """
    config = settings or read_settings()
    app = Flask(__name__)
    app.config.update(_flask_config(config))
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    request_spans.install(app)
    request_log.install(app, config)
    services.install(app, config)
    hosts.install(app, config)
    # In this order: who may not send a form does not get its body read.
    pace.install(app, config)
    uploads.install(app, config)
    signed_in.install(app)
    oidc.install(app, config)
    api.install(app)
    permissions.install(app)
    limits.install(app, config)
    csrf = CSRFProtect(app)
    headers.install(app, secure=config.secure_cookies)
    static_files.install(app)
    errors.install(app)
    filters.install(app)
    language.install(app)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    api.register(app, csrf)
    return app


def _flask_config(settings: Settings) -> dict[str, object]:
    if settings.secret_key is None:
        raise BadSettings("LETHE_SECRET_KEY: is not set; make one: openssl rand -hex 32")
    secure = settings.secure_cookies
    return {
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        # Browsers take a __Host- cookie only over TLS, for this host alone.
        "SESSION_COOKIE_NAME": "__Host-lethe" if secure else "lethe",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": SESSION_SECONDS,
        "SESSION_REFRESH_EACH_REQUEST": False,  # a session ends at its hour, here and in Redis
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a form may lie open over lunch
        "WTF_CSRF_SSL_STRICT": False,  # asks for a Referer, which our own policy never sends
    }
