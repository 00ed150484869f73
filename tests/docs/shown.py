"""Commands as the pages show them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import PAGES, ROOT, blocks, inline

# Words that begin a command. What a page shows in a block and begins with another is no command,
# or a program that PROGRAMS must learn of: SHELL says in which blocks there are commands alone.
SHELL = {"sh", "bash", "shell", "console"}
# fmt: off
PROGRAMS = frozenset({
    "lethe", "make", "python", "pytest", "ruff", "mypy", "pip", "pybabel", "celery", "gunicorn",
    "openssl", "sha256sum", "curl", "export", "docker", "helm", "kubectl", "promtool", "prometheus",
    "aws", "mc", "rclone", "redis-cli", "tail", "head", "base64", "git", "jq", "systemctl", "weed",
})
# fmt: on


@dataclass(frozen=True)
class Shown:
    page: Path
    line: int
    text: str
    whole: bool  # in a block: all of it is there. In a line of prose it may be a mention

    @property
    def program(self) -> str:
        return Path(words(self.text)[0]).name

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}: {self.text}"


def words(text: str) -> list[str]:
    """As a shell reads it; ``A=b`` before the program is left out."""
    try:
        found = shlex.split(text, comments=True)
    except ValueError:  # an apostrophe in prose
        found = text.split()
    while found and re.fullmatch(r"[A-Z_]+=.*", found[0]):
        found = found[1:]
    return found


def commands() -> Iterator[Shown]:
    for page in PAGES:
        yield from _in_blocks(page)
        for text in inline(page):
            if text.split()[0] in PROGRAMS - {"export"} and " " in text and " → " not in text:
                yield Shown(page, 0, text, whole=False)


def _in_blocks(page: Path) -> Iterator[Shown]:
    for block in blocks(page):
        if block.kind not in {"", "indented", *SHELL}:
            continue
        for line, text in _lines(block.text):
            found = words(text.removeprefix("$ "))
            if found and (block.kind in SHELL or Path(found[0]).name in PROGRAMS):
                yield Shown(page, block.line + line, text.removeprefix("$ "), whole=True)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Joined where a backslash, a further indent or an open bracket says that it goes on."""
    held, begun = "", 0
    for number, line in enumerate(text.splitlines()):
        if held and (held.endswith("\\") or line.startswith("    ")):
            held = f"{held.removesuffix(chr(92)).rstrip()} {line.strip()}"
            continue
        if held:
            yield begun, held
        held, begun = line.rstrip(), number
    if held:
        yield begun, held
