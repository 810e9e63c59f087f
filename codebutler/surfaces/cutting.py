"""Markdown in pieces that fit: cut between paragraphs, long code taken out. Lengths are characters."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

INLINE = 20
"""Code with so many lines becomes a file."""
FENCE = 60
"""Characters of a line that opens a fence, where it is opened again."""
_INSIDE = re.compile(r"^(?P<before>[ >]*)(?P<mark>`{3,}|~{3,})(?P<info>[^`\n]*)$", re.MULTILINE)
_ENDS = re.compile(r"\r\n?|\n")
SIGNS = 40
"""Characters of the longest sign that is made of several, with room."""
_JOINER = "\u200d"
_TARGET = re.compile(r"^ {0,3}\[([^\]]+)\]:\s*")
_FENCE = re.compile(r"^(?P<indent> {0,3})(?P<mark>`{3,}|~{3,})(?P<info>.*)$")
_LANGUAGES = """
python py python,py,python3 | javascript js javascript,js,node | javascript jsx jsx | typescript tsx tsx
typescript ts typescript,ts | go go go,golang | rust rs rust,rs | java java java | kotlin kt kotlin,kt
swift swift swift | c c c,h | cpp cpp cpp,c++,cc | csharp cs csharp,cs,c# | ruby rb ruby,rb | php php php
html html html | css css css | shell sh sh,bash,shell,zsh,console | sql sql sql | javascript json json
yaml yaml yaml,yml | xml xml xml | diff diff diff,patch | markdown md md,markdown | text toml toml
text txt text,txt
"""
"""A language's name as Slack has it, the ending of its files, and what models call it."""
_KINDS = {
    name: (language, ending)
    for language, ending, names in (entry.split() for entry in re.split(r"[|\n]", _LANGUAGES.strip()))
    for name in names.split(",")
}


class Snippet(Struct, frozen=True):
    """Code that goes as a file: its name, its language as Slack names it, and the code."""

    name: str
    language: str
    code: str


def parser() -> MarkdownIt:
    """The markdown of models: CommonMark with tables and struck words."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def lines_of(markdown: str) -> list[str]:
    """Lines, as the parser counts them: str.splitlines knows more ends, and places would not fit."""
    return _ENDS.split(markdown)


def without_long_code(markdown: str, mark: str) -> tuple[str, list[Snippet]]:
    """The text without code that is long or would end its fence, and that code, by names out of ``mark``."""
    lines = lines_of(markdown)
    snippets: list[Snippet] = []
    for token in reversed([t for t in parser().parse(markdown) if t.type == "fence" and t.map]):
        assert token.map is not None  # noqa: S101 - filtered above
        if token.content.count("\n") < INLINE and "```" not in token.content:
            continue
        start, end = token.map
        snippet = _snippet(token.info, token.content, f"{mark}:{start}")
        snippets.append(snippet)
        indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
        count = snippet.code.count("\n")
        lines[start:end] = [f"{indent}_({count} line{'s' if count > 1 else ''}: `{snippet.name}`)_"]
    return ("\n".join(lines) if snippets else markdown), snippets[::-1]


def _snippet(info: str, code: str, mark: str) -> Snippet:
    words = info.split()
    language, ending = _KINDS.get(words[0].lower() if words else "", ("text", "txt"))
    return Snippet(f"code-{hashlib.sha256(mark.encode()).hexdigest()[:8]}.{ending}", language, code)


def cut(markdown: str, most: int) -> list[str]:
    """Pieces of at most ``most`` characters, each markdown by itself."""
    if len(markdown) <= most:
        return [markdown] if markdown.strip() else []
    pieces: list[str] = []
    for block in _blocks(markdown, most):
        if pieces and len(pieces[-1]) + 2 + len(block) <= most:
            pieces[-1] += f"\n\n{block}"
        else:
            pieces.append(block)
    return pieces


def _blocks(markdown: str, most: int) -> Iterator[str]:
    """Paragraphs, lists, tables and fences; those that do not fit in pieces of their own."""
    lines, done = lines_of(markdown), 0
    tokens = [t for t in parser().parse(markdown) if not t.level and t.map is not None and t.nesting >= 0]
    for token in tokens:
        start, end = token.map or (done, done)
        yield from _between(lines[done:start], most)
        done = max(done, end)
        block = "\n".join(lines[start:end]).strip("\n")
        if len(block) <= most:
            yield block
        elif token.type == "fence":
            yield from _cut_fence(block, most)
        elif token.type == "table_open" and 2 * len(_head(block)) < most:
            yield from _cut_table(block, most)
        elif _INSIDE.search(block) and most > 3 * FENCE:
            yield from _closed(_cut_lines(block, most - 2 * FENCE))
        else:
            yield from _cut_lines(block, most)
    yield from _between(lines[done:], most)


def _between(lines: Sequence[str], most: int) -> Iterator[str]:
    """Where links lead, told apart from them: in another piece it would be seen by nobody."""
    told = "\n".join(_TARGET.sub(r"[\1] ", line) for line in lines if line.strip())
    yield from _cut_lines(told, most) if told else ()


def _head(table: str) -> str:
    """A table's names of columns, and the line under them."""
    return "\n".join(table.split("\n")[:2])


def _cut_table(block: str, most: int) -> Iterator[str]:
    """Each piece has the names of the columns."""
    head = _head(block)
    for piece in _cut_lines(block[len(head) + 1 :], most - len(head) - 1):
        yield f"{head}\n{piece}"


def _closed(pieces: Iterable[str]) -> Iterator[str]:
    """Code in lists and quotations that was cut: each piece closes its fence, and the next opens it again."""
    opened = ""
    for piece in pieces:
        lines = [opened, piece] if opened else [piece]
        for line in piece.split("\n"):
            match = _INSIDE.match(line)
            if match and not opened:
                opened = line[:FENCE]
            elif match and not match["info"].strip():
                opened = ""
        match = _INSIDE.match(opened)
        yield "\n".join([*lines, *([f"{match['before']}{match['mark']}"] if match else [])])


def _cut_fence(block: str, most: int) -> Iterator[str]:
    """Each piece opens and closes its own fence."""
    opening, *body = block.split("\n")
    match = _FENCE.match(opening)
    mark = match["mark"] if match else "```"
    if body and body[-1].strip().startswith(mark):
        body.pop()
    if len(opening) + len(mark) > most // 2:  # more fence than code
        yield from _cut_lines(block, most)
        return
    for piece in _cut_lines("\n".join(body), most - len(opening) - len(mark) - 2):
        yield f"{opening}\n{piece}\n{mark}"


def _cut_lines(text: str, most: int) -> Iterator[str]:
    held = ""
    for line in text.split("\n"):
        for part in _cut_words(line, most):
            if held and len(held) + 1 + len(part) > most:
                yield held
                held = part
            else:
                held = f"{held}\n{part}" if held else part
    if held.strip():
        yield held


def _cut_words(line: str, most: int) -> Iterator[str]:
    """A line that is too long, between words; never inside of something like ``&amp;``."""
    while len(line) > most:
        at = line.rfind(" ", most // 2, most)
        if at < 0:
            at = most
            entity = line.rfind("&", most - 10, most)
            if entity > 0 and ";" not in line[entity:most]:
                at = entity
            at = _whole_signs(line, at)
        yield line[:at].rstrip()
        line = line[at:].lstrip(" ")
    yield line


def _whole_signs(line: str, at: int) -> int:
    """A place at or before ``at`` that parts no sign from what changes it, if one is near."""
    for place in range(at, max(at - SIGNS, 0), -1):
        before, after = line[place - 1], line[place]
        if _JOINER not in (before, after) and not unicodedata.category(after).startswith("M"):
            return place
    return at


def aligned(table: SyntaxTreeNode) -> str:
    """A table as text in columns, for doors that know none."""
    rows = [[_plain(cell) for cell in row.children] for part in table.children for row in part.children]
    widths = [max(map(len, column)) for column in zip(*rows, strict=False)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=False)).rstrip() for row in rows]
    return "\n".join([*lines[:1], "  ".join("-" * width for width in widths), *lines[1:]])


def _plain(node: SyntaxTreeNode) -> str:
    """A cell's words without marks: in code they would be seen."""
    if node.type in {"softbreak", "hardbreak"}:
        return " "
    return node.content if not node.children else "".join(_plain(child) for child in node.children)
