"""What a repo tells those who work in it: AGENTS.md, or CLAUDE.md where there is none, in each folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codebutler.repo.objects import show_linked, which_exist

NAMES = ("AGENTS.md", "CLAUDE.md")
"""The first of them that a folder has counts."""
_DEEP = 12
"""Folders above a file that are looked into, from the top."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """One file. ``folder`` is "" for the repo's own; the text holds for everything below it."""

    path: str
    folder: str
    text: str


async def of_folders(gitdir: Path, commit: str, folders: Sequence[str]) -> list[Instructions]:
    """The instructions of each folder of the commit that has some, in the same order."""
    asked = [f"{folder}/{name}".lstrip("/") for folder in folders for name in NAMES]
    there = set(await which_exist(gitdir, commit, asked)) if asked else set()
    found = []
    for folder in folders:
        path = next((p for name in NAMES if (p := f"{folder}/{name}".lstrip("/")) in there), None)
        text = await show_linked(gitdir, commit, path) if path else None
        if path and text and text.strip():
            found.append(Instructions(path, folder, text))
    return found


def folders_above(path: str) -> list[str]:
    """The folders that ``path``, relative to the repo, lies in, from the top, the repo's own left out."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in path:
        return []
    return ["/".join(parts[: i + 1]) for i in range(min(len(parts), _DEEP + 1) - 1)]
