"""Styles and scripts: browsers keep them for as long as their content is the same."""

import re
from pathlib import Path

import pytest
from flask import Flask

from tests.web.conftest import Visitor
from web.static_files import install

KEPT = "public, max-age=31536000, immutable"


def test_what_a_page_has_fetched_is_kept_for_a_year(stranger: Visitor) -> None:
    paths = re.findall(r'(?:src|href)="(/static/[^"]+)"', stranger.get("/sign-in").text)
    assert len(paths) >= 3
    for path in paths:
        answer = stranger.get(path)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, KEPT), path
        again = stranger.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.headers["Cache-Control"]) == (304, KEPT)


@pytest.mark.parametrize("query", ["", "?v=000000000000"])
def test_what_another_release_asks_for_is_not_kept(stranger: Visitor, query: str) -> None:
    answer = stranger.get(f"/static/lethe.css{query}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


def test_other_content_has_another_address(tmp_path: Path) -> None:
    def address(content: str) -> str:
        (tmp_path / "one.css").write_text(content)
        app = Flask("one", static_folder=str(tmp_path))
        install(app)
        with app.test_request_context():
            return app.url_for("static", filename="one.css")

    assert address("a") == address("a") != address("b")
