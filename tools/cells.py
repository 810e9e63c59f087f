"""Edits of a notebook by the text of its cells, which is what read shows: the file stays its JSON."""

from __future__ import annotations

import json
from typing import Any

import limits
from faults import Fault
from matching import apply


def is_notebook(rel: str, text: str) -> bool:
    """Whether this is a notebook's JSON, of a size that is handled as one."""
    return rel.endswith(".ipynb") and len(text) <= limits.NOTEBOOK_BYTES and _cells(_parsed(text)) is not None


def edited(rel: str, text: str, edits: list[dict[str, Any]]) -> tuple[str, str]:
    """The notebook after all edits, and a small diff. Text of cells is taken for what it is there, anything
    else for the JSON. Raises Fault if an edit fits nowhere, or if what comes out were no notebook."""
    hunks: list[str] = []
    for number, each in enumerate(edits, 1):
        where = f"{rel}, edit {number}" if len(edits) > 1 else rel
        book = _parsed(text)
        within = [cell for cell in _cells(book) or [] if each["old"] and each["old"] in _source(cell)]
        if within:
            said = _edit_cells(where, within, each)
            text = _stored(where, book, text)
        else:
            text, said = _edit_json(where, text, each)
        hunks.append(said)
    return text, limits.clip("\n".join(hunks), limits.DIFF_LINES + 1, limits.DIFF_SHOWN)


def _edit_cells(where: str, within: list[dict[str, Any]], each: dict[str, Any]) -> str:
    times = sum(_source(cell).count(each["old"]) for cell in within)
    if times > 1 and not each.get("replace_all"):
        raise Fault(
            f"{where}: old occurs {times} times in {len(within)} cells. Add lines around it, or set "
            "replace_all. Nothing was changed"
        )
    said = ""
    for cell in within:
        source, said = apply(where, _source(cell), [each])
        listed = isinstance(cell["source"], list)
        cell["source"] = source.splitlines(keepends=True) if listed else source
    return said


def _edit_json(where: str, text: str, each: dict[str, Any]) -> tuple[str, str]:
    try:
        changed, said = apply(where, text, [each])
    except Fault as fault:
        if "was not found" not in fault.text:
            raise
        raise Fault(f"{where}: old is in no cell and not in the file's JSON. Nothing was changed") from fault
    if _cells(_parsed(changed)) is None:
        raise Fault(f"{where}: with this change the file would be no notebook (JSON). Nothing was changed")
    return changed, said


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _cells(book: object) -> list[dict[str, Any]] | None:
    cells = book.get("cells") if isinstance(book, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return None
    return cells


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    return source if isinstance(source, str) else ""


def _stored(where: str, book: object, before: str) -> str:
    """The JSON in the file's own layout. Raises Fault for a layout that would change all of the file."""
    end = before[len(before.rstrip()) :]
    for indent in (1, 2, 4, None):
        for ascii_only in (False, True):
            if json.dumps(_parsed(before), indent=indent, ensure_ascii=ascii_only) + end == before:
                return json.dumps(book, indent=indent, ensure_ascii=ascii_only) + end
    raise Fault(
        f"{where}: its JSON has a layout of its own: change it with bash, in Python. Nothing was changed"
    )
