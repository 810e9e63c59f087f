"""What read shows of files that are no plain text: notebooks as cells, PDFs as the text of their pages."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import limits
from faults import Fault
from workspace import Workspace

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pdfpages.py")


def notebook(data: bytes) -> list[str] | None:
    """The lines of a Jupyter notebook's cells, outputs trimmed; None if this is no notebook."""
    try:
        book = json.loads(data)
    except (ValueError, RecursionError):
        return None
    cells = book.get("cells") if isinstance(book, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return None
    lines = [f"(notebook of {len(cells)} cells as text; edit takes the text of cells)"]
    for number, cell in enumerate(cells, 1):
        lines += [f"[cell {number}: {cell.get('cell_type')}]", *_text(cell.get("source")).split("\n")]
        outputs = cell.get("outputs")
        for output in outputs[: limits.CELL_OUTPUTS] if isinstance(outputs, list) else []:
            said = _output(output) if isinstance(output, dict) else ""
            if said:
                lines += ["[output]", *limits.clip(said, limits.CELL_LINES, limits.CELL_BYTES).split("\n")]
    return lines


def _text(value: object) -> str:
    """A notebook's text: a string, or a list of lines."""
    if isinstance(value, list):
        return "".join(each for each in value if isinstance(each, str)).rstrip("\n")
    return value.rstrip("\n") if isinstance(value, str) else ""


def _output(output: dict[str, Any]) -> str:
    if output.get("output_type") == "error":
        return f"{output.get('ename')}: {output.get('evalue')}"
    data = output.get("data")
    if not isinstance(data, dict):
        return _text(output.get("text"))
    others = [str(kind) for kind in data if not str(kind).startswith("text/")]
    return _text(data.get("text/plain")) or (f"({', '.join(others)})" if others else "")


def pdf(space: Workspace, rel: str, fd: int, first: int, count: int) -> tuple[str, dict[str, Any]]:
    """The text of some pages. Another process parses, with bounds of its own: PDFs are hostile."""
    if not space.config.pdf:
        raise Fault(f"{rel} is a PDF document, and no PDF parser is installed here")
    bounds = {
        "parser": space.config.pdf,
        "first": first,
        "count": count,
        "room": limits.READ_BYTES,
        "size": limits.PDF_BYTES,
        "memory": limits.PDF_MEMORY,
        "seconds": limits.PDF_SECONDS,
    }
    command = [sys.executable, "-I", "-S", _PROGRAM, json.dumps(bounds)]
    result = space.children.capture(command, stdin=fd, limit=1_000_000, timeout=limits.PDF_SECONDS)
    if result.cut or result.code:
        said = result.err.decode("utf-8", "replace").strip().split("\n")[-1]
        why = "it takes too long" if result.cut else limits.cut_line(said, 300) or "the parser gave up"
        raise Fault(f"{rel} cannot be read as PDF: {why}")
    head, _, text = result.out.decode("utf-8", "replace").partition("\n")
    total, last = (int(each) for each in head.split())
    if first > total:
        return f"({rel} has {total} pages)", {"pages": total}
    shown = limits.first_part(text, limits.READ_LINES, limits.READ_BYTES)
    if len(shown) < len(text):
        shown += "\n[… page cut]"
    more = f"\n[pages {first}-{last} of {total}; go on with offset {last + 1}]" if last < total else ""
    return shown.replace("\f", "") + more, {"pages": total}
