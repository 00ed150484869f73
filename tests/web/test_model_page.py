"""A model's page: where its aliases were, what it settles, what was deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from storage.accounts.users import Role
from storage.models.desk import ModelDesk
from storage.models.registry import Version
from storage.record import Record
from tests.web.conftest import MODEL, Visitor, publish

Visit = Callable[[Role], Visitor]


def test_the_moves_of_the_aliases_are_shown_with_who_and_why(
    visit: Visit, record: Record, model: Version, tmp_path: Path
) -> None:
    publish(record, tmp_path, b"second", parent=model)
    desk = ModelDesk(record)
    desk.rollback(MODEL, "grace")
    desk.promote(MODEL, 2, "<b>ada</b>")
    page = visit(Role.AUDITOR).get(f"/models/{MODEL}/moves").text
    for words in ("rolled back", "promoted", "published", "by grace", "&lt;b&gt;ada&lt;/b&gt;"):
        assert words in page
    assert page.index("promoted") < page.index("rolled back") < page.index("published")


def test_a_model_s_policy_is_shown(visit: Visit, record: Record, model: Version) -> None:
    audrey = visit(Role.AUDITOR)
    page = audrey.get(f"/models/{model.model}").text
    assert "approved by hand" in page
    assert "becomes current at once" in page
    ModelDesk(record).settle(MODEL, "ada", approval="automatic", publish_as="candidate")
    page = audrey.get(f"/models/{MODEL}").text
    assert "approved automatically" in page
    assert "becomes the candidate" in page


def test_a_deleted_version_is_shown_as_one_and_not_downloaded(
    visit: Visit, record: Record, model: Version, tmp_path: Path
) -> None:
    publish(record, tmp_path, b"second", parent=model)
    ModelDesk(record).delete(MODEL, 1, "grace", "it recognises the forgotten")
    visitor = visit(Role.ADMIN)
    page = visitor.get(f"/models/{MODEL}").text
    assert "by grace: it recognises the forgotten" in page
    assert f"/models/{MODEL}/versions/2/download" in page
    assert f"/models/{MODEL}/versions/1/download" not in page
    answer = visitor.get(f"/models/{MODEL}/versions/1/model.onnx")
    assert answer.status_code == 404
    assert "it recognises the forgotten" in answer.text
