"""What a reader meets of a page or a template: its text nodes, and attributes that are read out."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from jinja2 import Environment, nodes

READ_OUT = frozenset({"alt", "aria-description", "aria-label", "label", "placeholder", "title"})
VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "wbr"})
UNREAD = frozenset({"code", "pre", "script", "style"})  # commands and the like
_ATTRIBUTE = re.compile(r'[a-z-]+="[^"]*"')  # that a macro prints
_SOURCE = Environment(autoescape=True, extensions=["jinja2.ext.i18n"])


class _Reader(HTMLParser):
    def __init__(self, ours: str | None) -> None:
        super().__init__()
        self.ours = ours  # texts of another language are none of ours; None: all are
        self.texts: list[str] = []
        self._open: list[tuple[str, bool]] = []  # each with whether what is in it is read

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        foreign = self.ours is not None and given.get("lang", self.ours) != self.ours
        data = "mono" in (given.get("class") or "").split()
        read = self._read and not foreign
        if read:
            self._keep(*(value for name, value in attrs if name in READ_OUT))
        if tag not in VOID:
            self._open.append((tag, read and not data and tag not in UNREAD))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._read:
            self._keep(data)

    @property
    def _read(self) -> bool:
        return all(read for _, read in self._open)

    def _keep(self, *found: str | None) -> None:
        self.texts += [" ".join(text.split()) for text in found if text and text.strip()]


def of_page(html: str, language: str | None = None) -> list[str]:
    reader = _Reader(language)
    reader.feed(html)
    return reader.texts


def of_template(source: str) -> list[str]:
    """Those that are written in the template itself and go through no catalogue."""
    page = _written(_SOURCE.parse(source))
    return [text for text in of_page(page) if re.search(r"[a-z]{2}", _ATTRIBUTE.sub("", text))]


def _written(node: nodes.Node) -> str:
    """The page as it comes out with every branch taken and nothing filled in."""
    match node:
        case nodes.TemplateData(data=str(text)) | nodes.Const(value=str(text)):
            return text
        case nodes.Extends() | nodes.Include() | nodes.FromImport() | nodes.Const():
            return ""
        case nodes.Macro(body=body):
            return "".join(map(_written, body))
        case nodes.If(body=body, elif_=others, else_=rest):
            return "".join(map(_written, [*body, *others, *rest]))
        case nodes.CondExpr(expr1=one, expr2=two):
            return _written(one) + (_written(two) if two else "")
        case nodes.Or() | nodes.And() | nodes.Add() | nodes.Concat():
            return "".join(map(_written, node.iter_child_nodes()))
        case nodes.Filter(node=nodes.Node() as inner) | nodes.Getitem(node=inner):
            return _written(inner)
        case nodes.Dict(items=items):
            return "".join(_written(item.value) for item in items)
        case nodes.Expr():
            return ""
    return "".join(map(_written, node.iter_child_nodes()))
