"""Memory files: one approved item goes in at its place, and every other byte stays as people wrote it.

Files are read as markdown (by its parser's line numbers), never with patterns. An item is only ever inserted;
afterwards the result is parsed again, and what would have disturbed its neighbours is refused.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebutler.errors import ToolFailed
from codebutler.repo.memory_text import (
    AUTOMATIC,
    ITEM_CHARS,
    bare,
    inline,
    item_line,
    key,
    parse,
    plain,
    title,
    word,
)
from codebutler.types import MemoryItem

if TYPE_CHECKING:
    from markdown_it.token import Token

MEMORY_FILES = ("workflows.md", "pm.md", "lead.md", "artist.md")
WORKFLOWS = "workflows.md"
DEFAULT_SECTION = "Learned"
STEPS = 20
"""Most steps of a new workflow."""


def apply_item(text: str, item: MemoryItem, *, thread: str, date: str, approver: str) -> str:
    """``text`` with ``item`` at its place, with its provenance in a comment.

    Returns ``text`` itself if it holds the item already. Raises ToolFailed, for the model to read, when
    the file is not a memory file, the item has no text or place, or the file's form leaves no room for it.
    """
    _refuse_misplaced(item)
    page = _Page(text)
    note = f"<!-- learned: thread={word(thread)} date={word(date)} by={word(approver)} -->"
    if item.kind == "new_workflow":
        return _new_workflow(page, item, note)
    is_step = item.kind != "lesson"
    content = item_line(item.text)
    heading = title(item.section if item.section.strip() else DEFAULT_SECTION)
    section = page.section(heading)
    known = None if is_step and section is None else page.find(content, section if is_step else None)
    if known is not None:
        return _mark(page, known, note) if item.kind == "automate" else text
    if item.kind == "automate" and not content.endswith(AUTOMATIC):
        content = f"{content} {AUTOMATIC}"
    return _insert(page, section, heading, f"{content} {note}", ordered=is_step)


def is_known(text: str, item: MemoryItem) -> bool:
    """Whether ``text`` holds ``item`` already. Raises ToolFailed where ``apply_item`` would."""
    return apply_item(text, item, thread="", date="", approver="") == text


def _refuse_misplaced(item: MemoryItem) -> None:
    if item.file not in MEMORY_FILES:
        raise ToolFailed(f"{item.file!r} is not a memory file", fix=f"They are: {', '.join(MEMORY_FILES)}.")
    if item.kind == "lesson":
        return
    if item.file != WORKFLOWS:
        raise ToolFailed(f"an item of kind {item.kind} belongs into {WORKFLOWS}, not into {item.file}")
    if not item.section.strip():
        raise ToolFailed(f"an item of kind {item.kind} needs the workflow's name in 'section'")


# ------------------------------------------------------------------------------------------ the file


@dataclass(frozen=True, slots=True)
class _Section:
    """Lines from the heading (included) to the next heading or the end (excluded)."""

    start: int
    end: int

    def has(self, token: Token) -> bool:
        return self.start <= _lines_of(token)[0] < self.end


class _Page:
    """A memory file: its lines, with their ends, and its markdown tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = list(io.StringIO(text, newline=""))
        self.tokens = parse(text)

    def section(self, heading: str) -> _Section | None:
        """The first section with this heading, at any level, up to the next heading."""
        wanted = key(plain(inline(heading)))
        starts = [i for i, t in enumerate(self.tokens) if t.type == "heading_open" and t.level == 0]
        for nth, i in enumerate(starts):
            if key(plain(self.tokens[i + 1])) == wanted:
                following = starts[nth + 1 : nth + 2]
                end = _lines_of(self.tokens[following[0]])[0] if following else len(self.lines)
                return _Section(_lines_of(self.tokens[i])[0], end)
        return None

    def find(self, content: str, within: _Section | None) -> Token | None:
        """The text of a list item, in the section or anywhere, that says the same as ``content``."""
        wanted = key(plain(inline(content)))
        for i, token in enumerate(self.tokens):
            is_item = token.type == "inline" and self.tokens[i - 2].type == "list_item_open"
            if is_item and (within is None or within.has(token)) and key(plain(token)) == wanted:
                return token
        return None

    def last_item(self, within: _Section, kind: str) -> tuple[Token, int] | None:
        """The last item of the section's last list of this kind, and the line number after that list."""
        lists = [t for t in self.tokens if t.type == kind and t.level == 0 and within.has(t)]
        if not lists:
            return None
        start, end = _lines_of(lists[-1])
        items = [t for t in self.tokens if t.type == "list_item_open" and t.level == 1]
        return [t for t in items if start <= _lines_of(t)[0] < end][-1], self.after_text(end)

    def after_text(self, end: int) -> int:
        """The number of the line after the last one before ``end`` that is not blank."""
        while end > 0 and _is_blank(self.lines[end - 1]):
            end -= 1
        return end

    def placed(self, line: int, block: Sequence[str], *, gap: bool) -> str:
        """The text with ``block`` before ``line``, once it reads as meant and disturbs nothing.

        ``gap`` asks for a blank line before it; after it there is one unless the file ends.
        """
        at = sum(len(x) for x in self.lines[:line])
        previous = self.lines[line - 1] if line else ""
        newline = _end_of(previous) or _end_of(self.lines[0] if self.lines else "") or "\n"
        lead = newline if previous and not _end_of(previous) else ""
        lead += newline if gap and not _is_blank(previous) else ""
        tail = newline if line < len(self.lines) and not _is_blank(self.lines[line]) else ""
        result = f"{self.text[:at]}{lead}{newline.join(block)}{newline}{tail}{self.text[at:]}"
        first = len(list(io.StringIO(self.text[:at] + lead, newline="")))
        self._check(result, first, block)
        return result

    def _check(self, result: str, first: int, block: Sequence[str]) -> None:
        tokens = parse(result)
        ours = range(first, first + len(block))
        read = [t.content for t in tokens if t.type == "inline" and _lines_of(t)[0] in ours]
        meant = [x.lstrip().partition(" ")[2] for x in block if x and not x.startswith("<!--")]
        if read != meant or not _grown(self.tokens, tokens):
            raise _no_room(first)


# --------------------------------------------------------------------------------------- the changes


def _insert(page: _Page, section: _Section | None, heading: str, entry: str, *, ordered: bool) -> str:
    """A new list item at the end of the section's list; list and section are made where there are none."""
    marker = "1." if ordered else "-"
    if section is None:
        return page.placed(len(page.lines), [f"## {heading}", "", f"{marker} {entry}"], gap=True)
    found = page.last_item(section, "ordered_list_open" if ordered else "bullet_list_open")
    if found is None:
        return page.placed(page.after_text(section.end), [f"{marker} {entry}"], gap=True)
    last, line = found
    first = page.lines[_lines_of(last)[0]]
    indent = first[: len(first) - len(first.lstrip(" "))]
    number = str(int(last.info) + 1) if ordered else ""
    return page.placed(line, [f"{indent}{number}{last.markup} {entry}"], gap=False)


def _new_workflow(page: _Page, item: MemoryItem, note: str) -> str:
    heading = title(item.section)
    steps = [item_line(x) for x in item.text.splitlines() if bare(x, ITEM_CHARS)]
    if steps and key(steps[0]) == key(heading):
        steps = steps[1:]
    if not 0 < len(steps) <= STEPS:
        raise ToolFailed(f"a workflow has 1 to {STEPS} steps, one a line; this one has {len(steps)}")
    section = page.section(heading)
    if section is None:
        numbered = [f"{n}. {step}" for n, step in enumerate(steps, 1)]
        return page.placed(len(page.lines), [f"## {heading}", "", note, "", *numbered], gap=True)
    if all(page.find(step, section) for step in steps):
        return page.text
    raise ToolFailed(f"there is a workflow {heading!r} already", fix="Propose add_step for it instead.")


def _mark(page: _Page, step: Token, note: str) -> str:
    """The step, now marked as automatic at its end."""
    if AUTOMATIC in plain(step):
        return page.text
    number = _lines_of(step)[1] - 1
    at = sum(len(x) for x in page.lines[:number]) + len(page.lines[number].rstrip())
    return f"{page.text[:at]} {AUTOMATIC} {note}{page.text[at:]}"


def _grown(old: Sequence[Token], new: Sequence[Token]) -> bool:
    """Whether ``new`` is ``old`` with tokens added at one place."""
    before = [(t.type, t.level, t.content, t.info) for t in old]
    after = [(t.type, t.level, t.content, t.info) for t in new]
    same = 0
    while same < len(before) and before[same] == after[same]:
        same += 1
    return same == len(before) or before[same:] == after[same - len(before) :]


def _no_room(line: int) -> ToolFailed:
    return ToolFailed(
        f"the memory file cannot take an item near line {line + 1} without disturbing what stands there",
        fix="Look for an unclosed code block or comment and close it by hand.",
    )


def _lines_of(token: Token) -> tuple[int, int]:
    """First line, and the one after the last; blocks and their texts always have them."""
    start, end = token.map or (0, 0)
    return start, end


def _end_of(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _is_blank(line: str) -> bool:
    return not line.strip(" \t\r\n")
