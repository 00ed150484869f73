"""What an endpoint takes and answers: requests are read by it, the document is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

JSON = "application/json"
MULTIPART = "multipart/form-data"
PROBLEM = "application/problem+json"

View = TypeVar("View", bound=Callable[..., Any])
# A view's answer: a document, nothing (204), or a response of its own; with headers of its own.
Answer = Any


@dataclass(frozen=True)
class Operation:
    """One method of one address. ``rule`` is below /api/v1, written as Flask does."""

    method: str
    rule: str
    view: Callable[..., Answer]
    tag: str
    answer: type[BaseModel] | None = None
    status: int = 200
    media: str = JSON
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None  # as JSON
    form: type[BaseModel] | None = None  # as multipart/form-data
    headers: type[BaseModel] | None = None
    problems: tuple[int, ...] = ()  # beside those that every operation of its kind has
    files: str = ""  # the form's field of them; the body may be as large as on the pages
    also: tuple[str, ...] = field(default=())  # headers of the answer

    @property
    def name(self) -> str:
        return self.view.__name__

    @property
    def endpoint(self) -> str:
        return f"api.{self.name}"

    @property
    def statuses(self) -> list[int]:
        """Of every refusal that this operation may answer with, but 500."""
        found = {401, 403, 406, 429, 503, *self.problems}
        if "<" in self.rule:
            found |= {404}
        if self.query or self.headers:
            found |= {422}
        if self.body or self.form:
            found |= {400, 413, 415, 422}
        if self.method != "GET":
            found |= {409}
        return sorted(found)


class Resource:
    """The operations of one resource, as its file lists them."""

    def __init__(self, tag: str, about: str) -> None:
        self.tag, self.about = tag, about
        self._operations: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations)

    def get(self, rule: str, **contract: Any) -> Callable[[View], View]:
        return self._add("GET", rule, contract)

    def post(self, rule: str, **contract: Any) -> Callable[[View], View]:
        return self._add("POST", rule, contract)

    def put(self, rule: str, **contract: Any) -> Callable[[View], View]:
        return self._add("PUT", rule, contract)

    def patch(self, rule: str, **contract: Any) -> Callable[[View], View]:
        return self._add("PATCH", rule, contract)

    def delete(self, rule: str, **contract: Any) -> Callable[[View], View]:
        return self._add("DELETE", rule, contract)

    def _add(self, method: str, rule: str, contract: dict[str, Any]) -> Callable[[View], View]:
        def add(view: View) -> View:
            self._operations.append(Operation(method, rule, view, self.tag, **contract))
            return view

        return add
