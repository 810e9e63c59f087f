"""A memory file as lines and markdown tokens: where things stand in it, and splices that disturb nothing.

Positions are the parser's line numbers, never patterns. After a splice the text is parsed again: what reads
otherwise than meant, or changes how anything else reads, is refused.
"""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from codebutler.errors import ToolFailed
from codebutler.repo.memory_text import inline, key, parse, plain, same

if TYPE_CHECKING:
    from markdown_it.token import Token


OURS = re.compile(r"<!-- (?:learned|automated): ")


class Section(Struct, frozen=True):
    """Lines from the heading (included) to the next heading or the end (excluded)."""

    start: int
    end: int
    title: str = ""
    level: int = 0
    """Of its heading: 1 is the highest."""
    is_flow: bool = False
    """Whether it says what it is "For:"."""

    def has(self, token: Token) -> bool:
        """Whether the block begins in it."""
        return self.start <= lines_of(token)[0] < self.end


class Entry(Struct, frozen=True):
    """An item of a top-level list. ``token`` is its number among the page's tokens; lines as in Section."""

    token: int
    start: int
    end: int
    ordered: bool
    section: str
    text: Token


class Page:
    """A memory file: its lines, with their ends, and its markdown tokens."""

    def __init__(self, text: str) -> None:
        """Parse ``text``."""
        self.text = text
        self.lines = list(io.StringIO(text, newline=""))
        self.tokens = parse(text)

    @cached_property
    def sections(self) -> list[Section]:
        """All sections, in order, headings of any level alike; but for the parts of a workflow."""
        starts = [i for i, t in enumerate(self.tokens) if t.type == "heading_open" and t.level == 0]
        starts = [
            starts[n] for n in _begun([(int(self.tokens[i].tag[1:]), self._is_flow(i)) for i in starts])
        ]
        lines = [lines_of(self.tokens[i])[0] for i in starts]
        ends = [*lines[1:], len(self.lines)]
        return [
            Section(line, end, _name(self.tokens[i + 1]), int(self.tokens[i].tag[1:]), self._is_flow(i))
            for i, line, end in zip(starts, lines, ends, strict=False)
        ]

    def _is_flow(self, heading: int) -> bool:
        """Whether a workflow begins there: text that says what it is "For:" stands right below."""
        below = self.tokens[heading + 3 : heading + 5]
        return len(below) == 2 and below[0].type == "paragraph_open" and below[1].content.startswith("For:")

    def section(self, heading: str) -> Section | None:
        """The first section with this heading."""
        wanted = key(plain(inline(heading)))
        return next((s for s in self.sections if key(s.title) == wanted), None)

    def section_at(self, line: int) -> Section | None:
        """The section that the line is in; None before the first."""
        at = bisect_right(self.sections, line, key=lambda s: s.start)
        return self.sections[at - 1] if at else None

    def has_parts(self, section: Section) -> bool:
        """Whether the heading that follows is one below the section's own."""
        following = self.section_at(section.end)
        return following is not None and following.start == section.end and following.level > section.level

    def entries(self, within: Section | None = None) -> list[Entry]:
        """The items of top-level lists that begin with text, in the order of the file."""
        found = []
        for i, token in enumerate(self.tokens):
            if token.type != "list_item_open" or token.level != 1 or self.tokens[i + 2].type != "inline":
                continue
            start, end = lines_of(token)
            if within is None or within.has(token):
                home = self.section_at(start)
                ordered, title = token.markup in {".", ")"}, home.title if home else ""
                found.append(Entry(i, start, self.after_text(end), ordered, title, self.tokens[i + 2]))
        return found

    def steps(self, section: Section) -> list[Entry]:
        """The steps of a workflow, of all its lists: people put text in between."""
        return steps_of(section, self.entries(section))

    def find(self, content: str, within: Section | None, *, loosely: bool = False) -> Token | None:
        """The text of a list item, in the section or anywhere, that says the same as ``content``.

        ``loosely``: by what is read alone, as people and models name a step.
        """
        asked = inline(content)
        wanted = key(plain(asked))
        for i, token in enumerate(self.tokens):
            is_item = token.type == "inline" and self.tokens[i - 2].type == "list_item_open"
            is_here = is_item and (within is None or within.has(token))
            if is_here and key(plain(token)) == wanted and (loosely or same(token, asked)):
                return token
        return None

    def last_list(self, within: Section, kind: str) -> list[Entry]:
        """The items of the section's last list of this kind."""
        lists = [t for t in self.tokens if t.type == kind and t.level == 0 and within.has(t)]
        if not lists:
            return []
        start, end = lines_of(lists[-1])
        return [e for e in self.entries() if start <= e.start < end]

    def after_text(self, end: int) -> int:
        """The number of the line after the last one before ``end`` that is not blank."""
        while end > 0 and is_blank(self.lines[end - 1]):
            end -= 1
        return end

    def at(self, line: int) -> int:
        """Where ``line`` begins in the text, in characters."""
        return sum(len(x) for x in self.lines[:line])

    def beginning(self, entry: Entry) -> str:
        """Indent and marker with which the item's first line begins."""
        first, token = self.lines[entry.start], self.tokens[entry.token]
        return f"{first[: len(first) - len(first.lstrip(' '))]}{token.info}{token.markup} "

    def placed(self, line: int, block: Sequence[str], *, gap: bool) -> str:
        """The text with ``block`` before ``line``, once it reads as meant and disturbs nothing.

        ``gap`` asks for a blank line before it; after it there is one unless the file ends.
        """
        at = self.at(line)
        previous = self.lines[line - 1] if line else ""
        newline = self._newline(previous)
        lead = newline if previous and not end_of(previous) else ""
        lead += newline if gap and not is_blank(previous) else ""
        follows = line < len(self.lines) and not is_blank(self.lines[line])
        tail = newline if follows and (gap or not self._goes_on(line)) else ""
        result = f"{self.text[:at]}{lead}{newline.join(block)}{newline}{tail}{self.text[at:]}"
        first = len(list(io.StringIO(self.text[:at] + lead, newline="")))
        self._check(result, first, block)
        return result

    def without(self, first: Entry) -> str:
        """The text without an item, its lines alone; refused where that changes how the rest reads."""
        rest = self._tokens_without(first)
        result = self.text[: self.at(first.start)] + self.text[self.at(first.end) :]
        if told(parse(result)) != told(rest):
            raise no_room(first.start)
        return result

    def instead(self, entry: Entry, content: str) -> str:
        """The text with other words for an item, under the same marker; what stands below them stays."""
        end = lines_of(entry.text)[1]
        line = f"{self.beginning(entry)}{content}{end_of(self.lines[end - 1])}"
        result = f"{self.text[: self.at(entry.start)]}{line}{self.text[self.at(end) :]}"
        meant = told(self.tokens)
        kind, level, _, info = meant[entry.token + 2]
        meant[entry.token + 2] = (kind, level, content, info)
        if told(parse(result)) != meant:
            raise no_room(entry.start)
        return result

    def below(self, entry: Entry) -> str:
        """What stands in an item beside its own text, in one line; comments of ours are no part of it."""
        lines = self.lines[lines_of(entry.text)[1] : entry.end]
        return " ".join(" ".join([*comments(entry.text), *lines]).split())

    def _goes_on(self, line: int) -> bool:
        """Whether the line begins an item of a list: a neighbour that needs no blank line before it."""
        return any(t.type == "list_item_open" and lines_of(t)[0] == line for t in self.tokens)

    def _newline(self, previous: str) -> str:
        return end_of(previous) or end_of(self.lines[0] if self.lines else "") or "\n"

    def _item_cut(self, entry: Entry) -> list[Token]:
        """The tokens without those of the item."""
        level = self.tokens[entry.token].level
        close = next(
            i
            for i in range(entry.token, len(self.tokens))
            if self.tokens[i].type == "list_item_close" and self.tokens[i].level == level
        )
        return [*self.tokens[: entry.token], *self.tokens[close + 1 :]]

    def _tokens_without(self, entry: Entry) -> list[Token]:
        """The same, and without its list if nothing else is in it."""
        rest = self._item_cut(entry)
        i = entry.token
        if rest[i - 1].type.endswith("_list_open") and rest[i].type.endswith("_list_close"):
            del rest[i - 1 : i + 1]
        return rest

    def _check(self, result: str, first: int, block: Sequence[str]) -> None:
        tokens = parse(result)
        ours = range(first, first + len(block))
        read = [t.content for t in tokens if t.type == "inline" and lines_of(t)[0] in ours]
        words = [x for x in block if x and not x.startswith("<!--")]
        meant = [x if x.startswith("For:") else x.lstrip().partition(" ")[2] for x in words]
        if read != meant or not _grown(self.tokens, tokens):
            raise no_room(first)


def _name(heading: Token) -> str:
    """What a heading says, without the comments in it and the room that they leave."""
    return " ".join(plain(heading).split())


def _begun(headings: Sequence[tuple[int, bool]]) -> Iterator[int]:
    """Which headings begin a section, given their levels and whether they begin a workflow: a deeper one
    below a workflow's is a part of it."""
    home = 0
    for number, (level, is_flow) in enumerate(headings):
        if is_flow or not home or level <= home:
            home = level if is_flow else 0
            yield number


def steps_of(section: Section, entries: Sequence[Entry]) -> list[Entry]:
    """Those of the section's items that are steps: the numbered ones; where none is, all of a workflow's."""
    return [e for e in entries if e.ordered] or [e for e in entries if section.is_flow]


def comments(token: Token) -> list[str]:
    """The comments in an item's words that a person wrote."""
    found = [
        c.content for c in token.children or [] if c.type == "html_inline" and c.content.startswith("<!--")
    ]
    return [text for text in found if not OURS.match(text)]


def told(tokens: Sequence[Token]) -> list[tuple[str, int, str, str]]:
    """What a reader takes from tokens: all but where they stand."""
    return [(t.type, t.level, t.content, t.info) for t in tokens]


def _grown(old: Sequence[Token], new: Sequence[Token]) -> bool:
    """Whether ``new`` is ``old`` with tokens added at one place."""
    before, after = told(old), told(new)
    same = 0
    while same < len(before) and before[same] == after[same]:
        same += 1
    return same == len(before) or before[same:] == after[same - len(before) :]


def no_room(line: int) -> ToolFailed:
    """The file's form does not allow the change."""
    return ToolFailed(
        f"the memory file cannot be changed near line {line + 1} without disturbing what stands there",
        fix="Look for an unclosed code block or comment and close it by hand.",
    )


def lines_of(token: Token) -> tuple[int, int]:
    """First line, and the one after the last; blocks and their texts always have them."""
    start, end = token.map or (0, 0)
    return start, end


def end_of(line: str) -> str:
    """The line's end: none, or one of the three kinds."""
    return line[len(line.rstrip("\r\n")) :]


def is_blank(line: str) -> bool:
    """Nothing to see."""
    return not line.strip(" \t\r\n")
