"""What may be written into a memory file: one harmless line of markdown, whatever text it was made from."""

from __future__ import annotations

import re
import time
import unicodedata
from typing import TYPE_CHECKING

from codebutler.errors import ToolFailed

if TYPE_CHECKING:
    from markdown_it.token import Token

AUTOMATIC = "(automatic)"
ITEM_CHARS, SECTION_CHARS = 600, 80
"""Caps in characters: a longer item is refused, a longer heading ends in an ellipsis."""
_SPELLED = re.compile(r"[\w-]*[^\W_][./_:][\w./:-]*\w")
"""A path, a file, a name with an underscore: its case counts."""
_JOINERS = "\u200c\u200d"
"""Invisible, but some scripts and emoji cannot do without them."""


def parse(text: str) -> list[Token]:
    """``text`` as markdown tokens; blocks carry the numbers of their lines."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").parse(text)


def inline(line: str) -> Token:
    """One line as an inline token, whatever block it would begin."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").parseInline(line)[0]


def plain(token: Token, code: str = "") -> str:
    """What a reader sees of an inline token, without comments; ``code`` stands around what is code."""
    parts = []
    for child in token.children or []:
        if child.type in {"softbreak", "hardbreak"}:
            parts.append(" ")
        elif child.type == "code_inline":
            parts.append(f"{code}{child.content}{code}")
        elif not (child.type == "html_inline" and child.content.startswith("<!--")):
            parts.append(child.content)
    return "".join(parts)


def same(one: Token, other: Token) -> bool:
    """Whether two items say the same: also where their links lead, and the case of code, paths and names."""
    return key(plain(one)) == key(plain(other)) and _exact(one) == _exact(other)


def _exact(token: Token) -> list[str]:
    """What of an item's words has a meaning beyond the words: targets, code, and what is spelled like it."""
    found = list[str]()
    for child in token.children or []:
        found += [str(child.attrs[name]) for name in ("href", "src") if name in child.attrs]
        if child.type == "code_inline":
            found.append(child.content)
        elif child.type == "text":
            found += _SPELLED.findall(child.content)
    return found


def key(text: str) -> str:
    """What makes two items the same: their words, without case, spacing, mark and final full stop."""
    words = " ".join(text.casefold().replace(AUTOMATIC, " ").split())
    return words.rstrip(" .;!") or words


def keys(text: str) -> set[str]:
    """What ``key`` may be of somebody's words: as they are, without quotes, and as memory shows them."""
    return {key(text), key(text.strip("`\"' ")), key(plain(inline(bare(text, len(text) + 8))))}


def item_line(text: str) -> str:
    """The text of a list item: one paragraph when parsed, whatever ``text`` tries to be."""
    line = bare(text, len(text) + 8)
    if len(line) > ITEM_CHARS:
        raise ToolFailed(f"the memory item has {len(line)} characters; it may have {ITEM_CHARS}: shorten it")
    if line and not _is_paragraph(line):
        line = f"\\{line}"
    if not line or not _is_paragraph(line) or not key(plain(inline(line))):
        raise ToolFailed("the memory item has no text that could be a list item; write one plain sentence")
    return line


def shown(text: str) -> str:
    """A line as it will stand in memory, for people who read it as markdown: nothing of it stays hidden.

    Words with a link, a picture or HTML, whose address or attributes a reader would not see, are code.
    """
    line = bare(text, len(text) + 8)
    hiding = {"link_open", "image", "html_inline"}
    if line and not _is_paragraph(line):
        line = f"\\{line}"  # as it will be written
    if not any(child.type in hiding for child in inline(line).children or []):
        return line
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    space = " " if "`" in (line[0], line[-1]) else ""
    return f"{fence}{space}{line}{space}{fence}"


def title(text: str) -> str:
    """The text of a heading."""
    line = bare(text, SECTION_CHARS)
    while True:
        tokens = parse(f"## {line}")
        if len(tokens) != 3 or not key(plain(tokens[1])):
            raise ToolFailed(f"{text[:SECTION_CHARS]!r} cannot be a heading; name the section in plain words")
        if tokens[1].content == line:
            return line
        line = tokens[1].content  # the parser dropped a closing run of #; there may be another


def word(text: str) -> str:
    """``text`` as one word that is safe in a comment."""
    kept = "".join(c if c.isalnum() or c in "_.@:/+" else "-" for c in text.strip()[:80])
    return "-".join(part for part in kept.split("-") if part) or "unknown"


def bare(text: str, cap: int) -> str:
    """``text`` as one visible line, without the markers of lists, headings and quotes that it begins with."""
    line = _flat(text, cap)
    while line:
        head, _, rest = line.partition(" ")
        numbered = head[:-1].isdecimal() and head[-1] in ".)"
        if head not in {"-", "*", "+", ">"} and not numbered and head.strip("#"):
            return line
        line = rest
    return line


def _flat(text: str, cap: int) -> str:
    """One line of visible characters, which opens and closes no comment."""
    spaced = (" " if c.isspace() or unicodedata.category(c) == "Cc" else c for c in text)
    seen = (c for c in spaced if c in _JOINERS or unicodedata.category(c) not in {"Cf", "Cs", "Co", "Cn"})
    line = " ".join("".join(seen).split()).replace("<!--", "<! --").replace("-->", "-- >")
    return line if len(line) <= cap else line[: cap - 1].rstrip() + "…"


def _is_paragraph(line: str) -> bool:
    """Whether a list item of this text is just that, by itself and with a comment after it."""
    alone, noted = parse(f"- {line}"), parse(f"- {line} <!-- x -->")
    for tokens in (alone, noted):  # list, item, paragraph, text, and their ends
        if len(tokens) != 7 or tokens[2].type != "paragraph_open":
            return False
    last = (noted[3].children or [])[-1]
    return last.type == "html_inline" and last.content == "<!-- x -->"


def day_of(text: str) -> str:
    """A day as YYYY-MM-DD; "" for none. ToolFailed for what is no day."""
    try:
        return time.strftime("%Y-%m-%d", time.strptime(text.strip(), "%Y-%m-%d")) if text.strip() else ""
    except ValueError as error:
        raise ToolFailed(f"'expires' is a day such as 2027-01-31, not {text[:40]!r}") from error


def note_of(thread: str, date: str, approver: str, expires: str) -> str:
    """The comment that says where an item was learned."""
    end = f" expires={expires}" if expires else ""
    return f"<!-- learned: thread={word(thread)} date={word(date)} by={word(approver)}{end} -->"
