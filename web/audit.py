"""Audit: walks the whole ledger when asked, and names what is broken."""

from __future__ import annotations

import structlog
from flask import Blueprint, render_template

from web.services import record
from web.sign_in import me

pages = Blueprint("audit", __name__)
log = structlog.get_logger("web.audit")


@pages.get("/audit")
def form() -> str:
    return render_template("audit.html", audit=None)


@pages.post("/audit")
def run() -> str:
    audit = record().ledger.verify()
    log.info("ledger_verified", user=me().name, broken=len(audit.broken))
    return render_template("audit.html", audit=audit)
