"""What a thread is called before it has a plan."""

from __future__ import annotations

from collections.abc import Sequence

from codebutler.filetypes import safe_name
from codebutler.types import Attachment

TAKEN_BACK = "(taken back)"
"""A thread of which nothing is left to call it by."""


def title_of(text: str, files: Sequence[Attachment]) -> str:
    """The first line of the request that is no code, or its first file, short enough for a list."""
    words, code = _parted(text)
    lines = (*words, *code, *(safe_name(file.name) for file in files))
    line = next((x for x in lines if x), "untitled")
    return line if len(line) <= 80 else line[:79] + "…"


def _parted(text: str) -> tuple[list[str], list[str]]:
    """Its lines outside of fences, and those within: a pasted traceback does not name a thread."""
    words: list[str] = []
    code: list[str] = []
    fence = ""
    for line in (x.strip() for x in text.splitlines()):
        mark = line[:3] if line[:3] in {"```", "~~~"} else ""
        if mark and mark in line[3:] and not fence:  # a fence of one line
            code.append(line.strip(f"{mark} "))
        elif mark and fence in {"", mark}:
            fence = "" if fence else mark
        else:
            (code if fence else words).append(line)
    return words, code
