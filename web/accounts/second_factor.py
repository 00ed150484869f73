"""One's own second factor: set up, recovery codes, off."""

from __future__ import annotations

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response

from storage.accounts.desk import AccountDesk
from storage.accounts.second_factor import BadSecondFactor, Offer, WrongCode
from web import limits
from web.accounts.signed_in import me
from web.services import record

pages = Blueprint("second_factor", __name__)


@pages.get("/account/second-factor")
def show() -> str:
    return _page()


@pages.post("/account/second-factor")
def enable() -> str | tuple[str, int]:
    _refuse_external()
    factors, name = record().second_factors, me().name
    offer = factors.reopen(name, request.form.get("offer", ""))
    limits.count_code(name)
    try:
        codes = AccountDesk(record()).enable_second_factor(name, offer, _code())
    except WrongCode:
        return _page(offer, _wrong()), 422
    limits.forget_codes(name)
    return _codes(codes, _("Your second factor is on"))


@pages.post("/account/second-factor/recovery-codes")
def renew() -> str | tuple[str, int]:
    name = me().name
    limits.count_code(name)
    try:
        codes = AccountDesk(record()).renew_recovery_codes(name, _code())
    except WrongCode:
        return _page(problem=_wrong()), 422
    limits.forget_codes(name)
    return _codes(codes, _("New recovery codes"))


@pages.post("/account/second-factor/off")
def disable() -> tuple[str, int] | Response:
    name = me().name
    limits.count_code(name)
    try:
        AccountDesk(record()).disable_second_factor(name, _code())
    except WrongCode:
        return _page(problem=_wrong()), 422
    limits.forget_codes(name)
    flash(_("Your second factor is off."))
    return redirect(url_for("account.show"), 303)


def _page(offer: Offer | None = None, problem: str = "") -> str:
    user = record().users.find(me().name)
    if user.totp is None and offer is None and not user.external:
        offer = record().second_factors.offer(user.name)
    return render_template(
        "account_second_factor.html",
        user=user,
        offer=offer,
        qr=_qr(offer) if offer else "",
        required=record().settings.second_factor == "required",
        must_enrol=me().must_enrol,
        problem=problem,
    )


def _codes(codes: list[str], title: str) -> str:
    return render_template("account_recovery_codes.html", codes=codes, title=title)


def _qr(offer: Offer) -> Markup:
    # Drawn by attributes alone: the Content-Security-Policy lets no style in.
    svg = segno.make(offer.uri, error="m").svg_inline(
        scale=4, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True
    )
    return Markup(svg)  # noqa: S704 - segno's own: what the address holds is in the modules


def _code() -> str:
    return request.form.get("code", "")


def _wrong() -> str:
    return str(
        _(
            "This code is wrong, or was used already. Wait for the app's next one; if it stays, "
            "set the device's clock."
        )
    )


def _refuse_external() -> None:
    if record().users.find(me().name).external:
        raise BadSecondFactor("second factor: you sign in by the OpenID provider; set it up there")
