"""A picture of a message, as SVG, from the very blocks that an app sends. Sizes are pixels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from codebutler.types import Json

if TYPE_CHECKING:
    from markdown_it.token import Token

WIDTH = 720
LEFT, RIGHT = 64, 24
SIZE, LINE = 15, 22
SMALL = 13
_MRKDWN = re.compile(r"(?P<code>`[^`]+`)|(?P<link><[^>]+>)|(?P<bold>\*[^*\n]+\*)|(?P<em>\b_[^_\n]+_\b)")
_INK, _PALE, _LINK, _CODE = "#1d1c1d", "#616061", "#1264a3", "#c01343"
_FILL = {"primary": ("#007a5a", "#ffffff"), "danger": ("#e01e5a", "#ffffff")}


@dataclass(frozen=True)
class Span:
    """Words of one look: "", bold, em, strike, code or link."""

    words: str
    look: str = ""


@dataclass(frozen=True)
class Row:
    """A line before it is wrapped. ``kind``: text, head, code or small."""

    spans: Sequence[Span] = ()
    indent: int = 0
    kind: str = "text"
    gap: int = 0
    """Space above it."""


@dataclass
class _Canvas:
    y: float = 16
    parts: list[str] = field(default_factory=list)


def svg(blocks: Sequence[Json], *, author: str = "CodeButler", when: str = "10:24") -> str:
    """The message, with its author in front."""
    canvas = _Canvas()
    canvas.parts.append('<rect x="16" y="16" width="36" height="36" rx="8" fill="#4a154b"/>')
    canvas.parts.append(_text(25, 40, [Span("CB", "bold")], size=SMALL, ink="#ffffff"))
    head = [Span(author, "bold"), Span(f"   APP   {when}", "pale")]
    canvas.parts.append(_text(LEFT, 30, head))
    canvas.y = 40
    for block in blocks:
        _block(canvas, block)
    height = round(canvas.y + 14)
    body = "\n".join(canvas.parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="Lato, Helvetica, Arial, sans-serif">\n'
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff" stroke="#dddddd"/>\n{body}\n</svg>\n'
    )


def _block(canvas: _Canvas, block: Json) -> None:
    match block["type"]:
        case "markdown":
            _rows(canvas, markdown_rows(str(block["text"])))
        case "section":
            _rows(canvas, mrkdwn_rows(str(block["text"]["text"])))
        case "context":
            for element in block["elements"]:
                _rows(canvas, [replace(r, kind="small") for r in mrkdwn_rows(str(element["text"]))])
        case "actions":
            _buttons(canvas, block["elements"])
        case other:
            raise ValueError(f"no picture of a block of type {other}")


def _buttons(canvas: _Canvas, elements: Sequence[Json]) -> None:
    x: float = LEFT
    canvas.y += 8
    for element in elements:
        words = str(element["text"]["text"])
        wide = 24 + 8.2 * len(words)
        fill, ink = _FILL.get(str(element.get("style")), ("#ffffff", _INK))
        canvas.parts.append(
            f'<rect x="{x:g}" y="{canvas.y:g}" width="{wide:g}" height="30" rx="4" fill="{fill}" '
            f'stroke="{_PALE}"/>'
        )
        canvas.parts.append(_text(x + 12, canvas.y + 20, [Span(words, "bold")], size=SMALL, ink=ink))
        x += wide + 8
    canvas.y += 32


def _rows(canvas: _Canvas, rows: Sequence[Row]) -> None:
    longest = max((len(span.words) for row in rows for span in row.spans if row.kind == "code"), default=1)
    code = min(SMALL, round((WIDTH - LEFT - RIGHT - 16) / (0.62 * longest), 1))
    for row in rows:
        canvas.y += row.gap
        ink = _PALE if row.kind == "small" else _INK
        size = {"code": code, "small": SMALL, "head": SIZE + 3}.get(row.kind, SIZE)
        for spans in _wrapped(row, size):
            x = LEFT + row.indent
            if row.kind == "code":
                box = f'x="{LEFT}" y="{canvas.y:g}" width="{WIDTH - LEFT - RIGHT}" height="{LINE}"'
                canvas.parts.append(f'<rect {box} fill="#f4f4f4"/>')
                x += 8
            canvas.parts.append(_text(x, canvas.y + 16, spans, size=size, ink=ink, kind=row.kind))
            canvas.y += LINE


def _wrapped(row: Row, size: float) -> Iterator[list[Span]]:
    """The row in lines that fit; words are never torn."""
    room = (WIDTH - LEFT - RIGHT - row.indent) / (size * (0.6 if row.kind == "code" else 0.5))
    line: list[Span] = []
    used = 0
    for span in row.spans:
        for piece in re.findall(r"\s*\S+|\s+", span.words):
            if used and used + len(piece) > room and row.kind != "code":
                yield line
                line, used, piece = [], 0, piece.lstrip()  # noqa: PLW2901 - a line does not begin with a space
            used += len(piece)
            if line and line[-1].look == span.look:
                piece = line.pop().words + piece  # noqa: PLW2901 - one span for one look
            line.append(Span(piece, span.look))
    yield line


def _text(
    x: float, y: float, spans: Sequence[Span], *, size: float = SIZE, ink: str = _INK, kind: str = ""
) -> str:
    looks = {
        "bold": 'font-weight="700"', "em": 'font-style="italic"', "strike": 'text-decoration="line-through"',
        "code": f'font-family="monospace" fill="{_CODE}"', "link": f'fill="{_LINK}"',
        "pale": f'fill="{_PALE}" font-size="{SMALL - 1}"', "": "",
    }  # fmt: skip
    inside = "".join(f"<tspan {looks[s.look]}>{escape(s.words)}</tspan>".replace(" >", ">") for s in spans)
    font = ' font-family="monospace"' if kind == "code" else ' font-weight="700"' if kind == "head" else ""
    start = f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{ink}"{font} xml:space="preserve">'
    return f"{start}{inside}</text>"


# --------------------------------------------------------------------------------- text as rows


def mrkdwn_rows(text: str) -> list[Row]:
    """Slack's own markup: a row for each line."""
    rows, code = [], False
    for line in text.split("\n"):
        if line.strip() == "```":
            code = not code
            continue
        words = line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if code else line
        rows.append(Row([Span(words)], kind="code") if code else Row(list(_spans(line))))
    return rows


def _spans(line: str) -> Iterator[Span]:
    end = 0
    for match in _MRKDWN.finditer(line):
        yield Span(_plain(line[end : match.start()]))
        end, look, found = match.end(), str(match.lastgroup), match[0]
        yield Span(_plain(found[1:-1].rpartition("|")[2] if look == "link" else found[1:-1]), look)
    yield Span(_plain(line[end:]))


def _plain(words: str) -> str:
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def markdown_rows(text: str) -> list[Row]:
    """Markdown: headings, paragraphs, lists, code, tables."""
    from markdown_it import MarkdownIt

    reader = _Reader()
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        reader.feed(token)
    return reader.rows


@dataclass
class _Reader:
    """Markdown's tokens as rows."""

    rows: list[Row] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    """The number of the next item for each list around; 0 in one without numbers."""
    mark: str = ""
    kind: str = "text"
    table: list[list[str]] = field(default_factory=list)

    def feed(self, token: Token) -> None:
        """The next token."""
        match token.type:
            case "heading_open":
                self.kind = "head"
            case "heading_close":
                self.kind = "text"
            case "fence" | "code_block":
                code = token.content.rstrip("\n").split("\n")
                self.rows += [Row([Span(line)], kind="code") for line in code]
            case "tr_open":
                self.table.append([])
            case "table_close":
                self.rows += _table(self.table)
                self.table = []
            case "inline":
                self._inline(token)
            case _:
                self._list(token)

    def _list(self, token: Token) -> None:
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            self.counts.append(int(token.attrs.get("start", 1)) if token.tag == "ol" else 0)
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            self.counts.pop()
        elif token.type == "list_item_open":
            self.mark = f"{self.counts[-1]}. " if self.counts[-1] else "• "
            self.counts[-1] += self.counts[-1] > 0

    def _inline(self, token: Token) -> None:
        if self.table:
            self.table[-1].append("".join(span.words for span in _inline(token)))
            return
        deep = len(self.counts)
        indent = 20 * max(0, deep - 1) + 8 * bool(deep)
        for number, line in enumerate(_lines([Span(self.mark), *_inline(token)])):
            gap = 8 if self.rows and not deep and not number else 0
            self.rows.append(Row(line, indent, self.kind, gap))
        self.mark = ""


def _table(cells: list[list[str]]) -> list[Row]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
    return [Row([Span(line, "bold" if not n else "")], kind="code") for n, line in enumerate(lines)]


def _inline(token: Token) -> Iterator[Span]:
    look = ""
    for child in token.children or []:
        kind = child.type.removesuffix("_open")
        if kind in {"strong", "em", "s", "link"}:
            look = {"strong": "bold", "s": "strike"}.get(kind, kind)
        elif child.type.endswith("_close"):
            look = ""
        elif child.type in {"softbreak", "hardbreak"}:
            yield Span("\n")
        else:
            yield Span(child.content, "code" if child.type == "code_inline" else look)


def _lines(spans: Sequence[Span]) -> list[list[Span]]:
    lines: list[list[Span]] = [[]]
    for span in spans:
        if span.words == "\n":
            lines.append([])
        else:
            lines[-1].append(span)
    return lines
