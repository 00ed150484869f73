"""Users: who has an account, and which role."""

from __future__ import annotations

from flask import Blueprint, render_template

from web.services import record

pages = Blueprint("users", __name__)


@pages.get("/users")
def index() -> str:
    names = (
        name.removeprefix("users/").removesuffix(".json")
        for name in record().objects.names("users/")
    )
    users = [user for name in names if (user := record().users.get(name))]
    return render_template("users.html", users=users)
