"""What an app's message says: apps write into blocks and attachments, and the text is often empty."""

from __future__ import annotations

from collections.abc import Iterator

from codebutler.types import Json

INLINE = frozenset({"rich_text_section", "rich_text_preformatted", "rich_text_quote"})
"""Blocks whose elements stand in one line."""
SILENT = frozenset({"button", "actions", "input", "image"})
DEEP = 8
"""How deep blocks are read; Slack's own go to five."""


def told(message: Json) -> str:
    """The words of an app's message, or of an attachment, in Slack's own notation; "" if it has none."""
    parts = [str(message.get("pretext") or ""), _title(message), _body(message)]
    parts += [line for field in _rows(message, "fields") for line in _field(field)]
    parts += [told(each) or str(each.get("fallback") or "") for each in _rows(message, "attachments")]
    return "\n".join(part for part in parts if part)


def _body(message: Json) -> str:
    """The text or what stands in the blocks, whichever says more: one is the other's short form."""
    blocks = "\n".join(line for block in _rows(message, "blocks") for line in _lines(block, DEEP) if line)
    return max(str(message.get("text") or ""), blocks, key=len)


def _title(message: Json) -> str:
    title, link = (str(message.get(name) or "") for name in ("title", "title_link"))
    return f"{title} ({link})" if title and link else title


def _field(field: Json) -> Iterator[str]:
    yield ": ".join(str(field[name]) for name in ("title", "value") if field.get(name))


def _rows(holder: Json, name: str) -> list[Json]:
    rows = holder.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _lines(block: Json, deep: int) -> Iterator[str]:
    """The words of a block, a line for each of its parts."""
    if not deep or block.get("type") in SILENT:
        return
    text = block.get("text")
    if isinstance(text, dict):
        yield from _lines(text, deep - 1)
    elif text or block.get("url"):
        yield str(text or block["url"])
    inner = [
        line
        for name in ("fields", "elements")
        for row in _rows(block, name)
        for line in _lines(row, deep - 1)
    ]
    yield from ["".join(inner)] if block.get("type") in INLINE else inner
