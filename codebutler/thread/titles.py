"""What a thread is called before it has a plan."""

from __future__ import annotations

from collections.abc import Sequence

from codebutler.filetypes import safe_name
from codebutler.types import Attachment

TAKEN_BACK = "(taken back)"
"""A thread of which nothing is left to call it by."""


def title_of(text: str, files: Sequence[Attachment]) -> str:
    """The first line of the request, or its first file, short enough for a list."""
    lines = (x.strip() for x in (*text.splitlines(), *(safe_name(file.name) for file in files)))
    line = next((x for x in lines if x), "untitled")
    return line if len(line) <= 80 else line[:79] + "…"
