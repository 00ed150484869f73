"""The catalogue: every text of the pages is in it, in Russian too, and it is compiled."""

from __future__ import annotations

import ast
import io
import re
import tomllib
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import force_locale

import web
from tests.web import texts
from web.operations.rule_words import rule_words
from web.tickets.progress_words import progress_words

WEB = Path(web.__file__).parent
ROOT = WEB.parent
MESSAGES = WEB / "translations/ru/LC_MESSAGES"
# What is the same in every language.
NAMES = frozenset({"Lethe", "· Lethe", "Python", "SHA-256", "http://localhost:8000"})
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%")
_SHOW = frozenset({"answer", "flash", "render_template"})
# What workers say what they do to, and which argument it is.
_SAY = {"_say": 0, "progress": 0, "report": 0, "Step": 1, "Progress": 2}


@pytest.fixture(scope="module")
def russian() -> Catalog:
    with (MESSAGES / "messages.po").open("rb") as file:
        return read_po(file, locale="ru")


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """As `make translations` extracts it."""
    pot = tmp_path_factory.mktemp("babel") / "messages.pot"
    mapping = ROOT / "pyproject.toml"
    command = ["pybabel", "-q", "extract", "-F", str(mapping), "-o", str(pot), str(ROOT)]
    CommandLineInterface().run(command)
    with pot.open("rb") as file:
        return read_po(file)


def _messages(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def _forms(text: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


@pytest.mark.parametrize("path", sorted((WEB / "templates").glob("*.html")), ids=lambda p: p.name)
def test_a_template_writes_no_text_of_its_own(path: Path) -> None:
    assert set(texts.of_template(path.read_text())) <= NAMES


def test_a_text_that_is_not_marked_is_found() -> None:
    source = '<p title="Over it">{% if a %}In {{ b or "else" }}{% endif %}{{ _("marked") }}</p>'
    assert texts.of_template(source) == ["Over it", "In else"]


@pytest.mark.parametrize("path", sorted(WEB.glob("*.py")), ids=lambda p: p.name)
def test_views_show_no_text_that_is_not_marked(path: Path) -> None:
    shown = [
        text
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in _SHOW
        for part in (*call.args, *(keyword.value for keyword in call.keywords))
        if (text := _text(part)) is not None and re.search(r"[a-z]+ [a-z]+", text)
    ]
    assert shown == []


def test_the_catalogue_holds_the_texts_of_the_sources_and_no_others(
    russian: Catalog, extracted: Catalog
) -> None:
    found, kept = ({message.id for message in _messages(c)} for c in (extracted, russian))
    assert found == kept, "run `make translations` and translate what is new"


def test_every_text_has_a_russian_one_with_the_same_places_to_fill(russian: Catalog) -> None:
    for message in _messages(russian):
        said, meant = _forms(message.string), _forms(message.id)
        assert not message.fuzzy, meant
        assert all(said), f"not translated: {meant}"
        assert len(said) == (3 if message.pluralizable else 1), meant
        for form in said:
            assert set(_PLACEHOLDER.findall(form)) == set(_PLACEHOLDER.findall(meant[-1])), form
            assert form[0].isspace() == meant[0][0].isspace(), form


def test_what_is_installed_is_compiled_from_what_translators_wrote(russian: Catalog) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, russian)
    assert (MESSAGES / "messages.mo").read_bytes() == compiled.getvalue(), "run `make translations`"


def test_the_rules_of_every_policy_that_comes_with_lethe_have_russian_words(app: Flask) -> None:
    policies = sorted((ROOT / "workers/certification/policies").glob("*.toml"))
    assert len(policies) == 3
    with app.test_request_context(), force_locale("ru"):
        for path in policies:
            for rule in tomllib.loads(path.read_text())["rules"]:
                assert rule_words(rule["text"]) != rule["text"]
        assert rule_words("At most 5 % of it, 100 %(sure)s") == "At most 5 % of it, 100 %(sure)s"


def test_what_workers_say_of_their_progress_has_russian_words(app: Flask) -> None:
    files = (ROOT / "workers").rglob("*.py")
    # What an attack tells stays in the certification, which names the attack.
    said = [text for path in files if path.parent.name != "attacks" for text in _said(path)]
    assert "forgetting: step 7 of 7" in said
    with app.test_request_context(), force_locale("ru"):
        for text in said:
            assert progress_words(text) != text
    with app.test_request_context(), force_locale("en"):
        for text in said:
            assert progress_words(text) == text or text.startswith("rolled back")


def _said(path: Path) -> list[str]:
    """The texts that one of ``_SAY`` is given, with 7 for what is filled in."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    given = (
        call.args[place : place + 1]
        for call in calls
        if (place := _SAY.get(getattr(call.func, "id", getattr(call.func, "attr", "")))) is not None
    )
    return [text for parts in given for part in parts if (text := _text(part)) is not None]


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else 7 for part in node.values)
        return "".join(map(str, parts))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
