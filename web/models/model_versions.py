"""What people do with versions: compare, promote, roll back, delete; and a model's policy."""

from __future__ import annotations

import structlog
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from storage.errors import BadInput
from storage.models import lineage
from storage.models.aliases import ALIASES
from storage.models.desk import MOST_LETTERS, ModelBusy, ModelDesk, ModelMoved, VersionNeeded
from storage.models.lineage import Lineage
from storage.models.policy import Approval
from storage.models.registry import NoSuchModel
from storage.tickets.states import ENDED, State
from web import errors
from web.accounts.signed_in import me
from web.models.model_compare import compare
from web.models.model_lines import made
from web.services import record
from web.wording import sentence

CHOICES = 200  # versions to choose from; of an older one its number goes into the address

pages = Blueprint("model_versions", __name__)
log = structlog.get_logger("web.model_versions")


@pages.errorhandler(ModelBusy)
@pages.errorhandler(ModelMoved)
@pages.errorhandler(VersionNeeded)
def refused(error: Exception) -> Response:
    return errors.answer(
        409,
        what=sentence(error),
        do=_("Open the model's page again and see where it stands."),
    )


@pages.get("/models/<name>/compare")
def comparison(name: str) -> str:
    model = record().models.get(name)
    line = lineage.read(record(), name)
    new = _asked(line, "new", line.numbers[-1] if line.numbers else None)
    parent = line.parent(new)
    old = _asked(line, "old", parent if parent is not None else line.numbers[0])
    return render_template(
        "model_compare.html",
        model=model,
        numbers=line.numbers[: -CHOICES - 1 : -1],
        found=compare(record(), line, old, new),
    )


@pages.get("/models/<name>/versions/<int:number>/promote")
def confirm_promotion(name: str, number: int) -> str:
    record().models.check_kept(record().models.version(name, number))
    return _move(name, number, url_for(".promote", name=name, number=number))


@pages.post("/models/<name>/versions/<int:number>/promote")
def promote(name: str, number: int) -> Response:
    version = ModelDesk(record()).promote(name, number, me().name, instead_of=_instead_of())
    return _moved(name, version.number, "version_promoted")


@pages.get("/models/<name>/rollback")
def confirm_rollback(name: str) -> str:
    target = record().models.rollback_target(name)
    record().models.check_kept(target)
    return _move(name, target.number, url_for(".roll_back", name=name))


@pages.post("/models/<name>/rollback")
def roll_back(name: str) -> Response:
    version = ModelDesk(record()).rollback(name, me().name, instead_of=_instead_of())
    return _moved(name, version.number, "version_rolled_back")


@pages.get("/models/<name>/versions/<int:number>/delete")
def confirm_deletion(name: str, number: int) -> str:
    return _deletion(name, number, "", "")


@pages.post("/models/<name>/versions/<int:number>/delete")
def delete(name: str, number: int) -> tuple[str, int] | Response:
    reason, typed = request.form.get("reason", "").strip(), request.form.get("typed", "").strip()
    wrong = []
    if not 0 < len(reason) <= MOST_LETTERS:
        wrong.append("reason")
    if typed != f"{name}@{number}":
        wrong.append("typed")
    if wrong:
        return _deletion(name, number, reason, typed, tuple(wrong)), 422
    ModelDesk(record()).delete(name, number, me().name, reason)
    log.info("version_deleted", model=name, version=number, user=me().name)
    flash(_("The files of version %(number)s are deleted; its manifest stays.", number=number))
    return redirect(url_for("models.show", name=name), 303)


@pages.post("/models/<name>/policy")
def settle(name: str) -> Response:
    approval, alias = request.form.get("approval"), request.form.get("publish_as")
    if approval not in list(Approval) or alias not in ALIASES:
        approvals, aliases = " or ".join(Approval), " or ".join(ALIASES)
        raise BadInput(f"model {name}: choose approval {approvals} and alias {aliases}")
    ModelDesk(record()).settle(name, me().name, approval=approval, publish_as=alias)
    log.info("policy_settled", model=name, user=me().name)
    flash(_("Settled: it holds for tickets from now on."))
    return redirect(url_for("models.show", name=name), 303)


def _asked(line: Lineage, which: str, otherwise: int | None) -> int:
    """The number of a version that the address names.

    Raises:
        NoSuchModel
    """
    given = request.args.get(which, "")
    number = int(given) if given.isdecimal() and len(given) < 7 else otherwise
    wrong = bool(given) and (not given.isdecimal() or len(given) > 6)
    if number is None or number not in line.versions or wrong:
        raise NoSuchModel(f"there is no version {given[:12]!r}; choose one that the model has")
    return number


def _move(name: str, number: int, action: str) -> str:
    """What will change when ``number`` becomes current."""
    line = lineage.read(record(), name)
    current = record().models.aliases(name).get("current", number)
    again = line.recognised_again(number, current)
    instead = line.recognised_again(current, number)
    return render_template(
        "model_move.html",
        name=name,
        version=line.versions[number],
        current=line.versions[current],
        again=made(line, again),
        forgotten=made(line, instead),
        open_tickets=_open(name),
        busy=record().leases.held("model", name),
        action=action,
        rollback=action.endswith("/rollback"),
    )


def _moved(name: str, number: int, event: str) -> Response:
    log.info(event, model=name, version=number, user=me().name)
    flash(_("Version %(number)s is current now. Deployed files are as they were.", number=number))
    return redirect(url_for("models.show", name=name), 303)


def _instead_of() -> int | None:
    return request.form.get("instead_of", type=int)


def _open(name: str) -> int:
    return sum(record().tickets.count(name, state) for state in State if state not in ENDED)


def _deletion(name: str, number: int, reason: str, typed: str, wrong: tuple[str, ...] = ()) -> str:
    version = record().models.version(name, number)
    record().models.check_kept(version)
    line = lineage.read(record(), name)
    return render_template(
        "model_delete.html",
        name=name,
        version=version,
        aliases=[alias for alias, at in record().models.aliases(name).items() if at == number],
        last=len(line.numbers) - len(line.deleted) < 2,
        first=line.versions[number].parent is None,
        reason=reason,
        typed=typed,
        wrong=wrong,
        reason_length=MOST_LETTERS,
    )
