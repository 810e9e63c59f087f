"""workflows.md as workflows and steps: what the team does for a type of task, and who does it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from msgspec import Struct

from codebutler.repo.memory_items import item_id, seen
from codebutler.repo.memory_page import Page, lines_of, steps_of
from codebutler.repo.memory_text import AUTOMATIC, key

T = TypeVar("T")

FILE = "workflows.md"
ANYBODY = "anybody"
_ROLES = ("pm", "researcher", "artist", "coder", "lead", "person", "user")
_WHO = re.compile(r"(?P<who>[A-Za-z]+)\s*:\s*(?P<rest>\S.*)", re.DOTALL)
_WHEN = re.compile(
    r"(?:if|when)\s+(?:the\s+)?(?:request|plan)\s+(?:names|mentions|touches)\s+(?P<what>.+?)\s*(?:,|:|→|\bthen\b)\s*"
    r"(?:then\b\s*)?(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_PASSING = re.compile(
    r"(?:if|when)\s+(?:the\s+)?(?:request|plan)\s+(?:names|mentions|touches)\s+(?P<what>[^:→]+?)\s*→\s*"
    r"(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
"""With an arrow, a comma parts the words of the condition and does not end it."""
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_AUTOMATIC = re.compile(re.escape(AUTOMATIC), re.IGNORECASE)
_PASSED = re.compile(r"→\s*(?P<who>[A-Za-z]+)\s*:\s*(?P<rest>\S.*)", re.DOTALL)


class Step(Struct, frozen=True):
    """One step. ``who`` is a role, ``person`` or ``anybody``; ``number`` is its place, from 1.

    ``when`` are the words of its condition ("" = always); ``task`` is what is left to do.
    """

    id: str
    number: int
    who: str
    text: str
    task: str
    when: str = ""
    automatic: bool = False


class Workflow(Struct, frozen=True):
    """A way to go about a type of task. ``purpose`` is what stands between its name and its steps."""

    name: str
    purpose: str
    steps: tuple[Step, ...]


def parse(text: str) -> dict[str, Workflow]:
    """The workflows by name: sections with a numbered list, or a "For:" and any list.

    Of two with one name it is the first.
    """
    page, found = Page(text), dict[str, Workflow]()
    entries = _by_section(page, ((e.start, e) for e in page.entries()))
    after = zip(page.tokens, page.tokens[1:], strict=False)
    prose = _by_section(
        page, ((lines_of(t)[0], t) for p, t in after if p.type == "paragraph_open" and p.level == 0)
    )
    for section in page.sections:
        steps = steps_of(section, entries.get(section.start, []))
        if not steps or section.title in found:
            continue
        purpose = [
            seen(t) for t in prose.get(section.start, ()) if section.start < lines_of(t)[0] < steps[0].start
        ]
        numbered = [_step(section.title, n, seen(e.text), e.text.content) for n, e in enumerate(steps, 1)]
        found[section.title] = Workflow(section.title, " ".join(purpose), tuple(numbered))
    return found


def _by_section(page: Page, placed: Iterable[tuple[int, T]]) -> dict[int, list[T]]:
    """Things with their lines, by the line that their section begins with; what is in none is left out."""
    found = dict[int, list[T]]()
    for line, thing in placed:
        if (section := page.section_at(line)) is not None:
            found.setdefault(section.start, []).append(thing)
    return found


def find(known: dict[str, Workflow], name: str) -> Workflow | None:
    """The workflow called so, in whatever case."""
    return next((w for w in known.values() if key(w.name) == key(name)), None)


def task_of(text: str) -> str:
    """What a step's words leave to do, without who does it and when."""
    return _step("", 0, text, text).task


def _step(home: str, number: int, text: str, source: str) -> Step:
    automatic = _AUTOMATIC.search(text) is not None
    words = " ".join(_AUTOMATIC.sub(" ", _COMMENT.sub(" ", source)).split())
    who, task = _doer(words)
    condition = _PASSING.match(task) or _WHEN.match(task)
    when = ""
    if condition is not None:
        when, task = condition["what"].strip(), condition["rest"].strip()
        inner, rest = _doer(task)
        if inner != ANYBODY:
            who, task = inner, rest
    passed = _PASSED.search(task)
    if passed is not None and passed["who"].lower() in _ROLES:
        who, task = passed["who"].lower(), passed["rest"]
    return Step(
        item_id(FILE, home, text), number, "person" if who == "user" else who, words, task, when, automatic
    )


def _doer(words: str) -> tuple[str, str]:
    said = _WHO.fullmatch(words)
    if said is None or said["who"].lower() not in _ROLES:
        return ANYBODY, words
    return said["who"].lower(), said["rest"]


_ADDRESS = re.compile(r"https?://[\w.-]+")
_API = re.compile(
    r"\b(?:REST |GraphQL |HTTP |web |third[- ]party |external )?(?:API|SDK|webhook|endpoint)s?\b",
    re.IGNORECASE,
)


def holds(when: str, text: str) -> bool:
    """Whether ``text`` meets a step's condition: one of its words, separated by "or" or commas, occurs.

    "an external API" is met by an address, and by API, SDK, webhook or endpoint as a word.
    """
    if not when:
        return True
    for part in re.split(r"\s+or\s+|\s*[/,]\s*(?:or\s+)?", when):
        wanted = re.sub(r"^(?:an?|the)\s+", "", part.strip(" `\"'.,"), flags=re.IGNORECASE)
        if key(wanted) in {"external api", "external apis", "api"}:
            if _ADDRESS.search(text) or _API.search(text):
                return True
        elif wanted and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text, re.IGNORECASE):
            return True
    return False
