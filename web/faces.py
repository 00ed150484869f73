"""Face sets: which there are, and which models use them."""

from __future__ import annotations

from flask import Blueprint, render_template

from web.services import record

pages = Blueprint("faces", __name__)


@pages.get("/face-sets")
def index() -> str:
    users: dict[str, list[str]] = {}
    for model in record().models.all():
        users.setdefault(model.reference_faces, []).append(f"{model.name} (reference)")
        users.setdefault(model.benchmark_faces, []).append(f"{model.name} (benchmark)")
        for name in model.verification:
            users.setdefault(name, []).append(f"{model.name} (verification)")
    return render_template("faces.html", face_sets=record().faces.all(), used_by=users)
