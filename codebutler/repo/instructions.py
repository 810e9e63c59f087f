"""What a repo tells those who work in it: AGENTS.md, or CLAUDE.md where there is none, in each folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from codebutler.repo.git import need_oid, plumb
from codebutler.repo.objects import show_linked

NAMES = ("AGENTS.md", "CLAUDE.md")
"""The first of them that a folder has counts."""
_DEEP = 12
"""Folders above a file that are looked into, from the top."""
_EMPTY = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The tree without entries, which git knows by itself, by the length of its id."""
_COMMITS = 64
_names: dict[tuple[Path, str], frozenset[str]] = {}
"""Of the last commits that were asked for: all paths in them that have such a name."""


class Instructions(Struct, frozen=True):
    """One file. ``folder`` is "" for the repo's own; the text holds for everything below it."""

    path: str
    folder: str
    text: str


async def of_folders(gitdir: Path, commit: str, folders: Sequence[str]) -> list[Instructions]:
    """The instructions of each folder of the commit that has some, in the same order."""
    asked = [f"{folder}/{name}".lstrip("/") for folder in folders for name in NAMES]
    there = await _named(gitdir, commit) if asked else frozenset()
    found = []
    for folder in folders:
        path = next((p for name in NAMES if (p := f"{folder}/{name}".lstrip("/")) in there), None)
        text = await show_linked(gitdir, commit, path) if path else None
        if path and text and text.strip():
            found.append(Instructions(path, folder, text))
    return found


async def _named(gitdir: Path, commit: str) -> frozenset[str]:
    """Where the commit has files of these names: one look serves all of its folders."""
    key = (gitdir, need_oid(commit, "a commit"))
    if key not in _names:
        ends = (_EMPTY[len(commit)], commit)
        globs = [f":(glob)**/{name}" for name in NAMES]
        ask = ("diff-tree", "-r", "--no-renames", "--name-only", "-z", *ends, "--", *globs)
        out = await plumb(*ask, gitdir=gitdir, env_extra={"GIT_LITERAL_PATHSPECS": "0"})
        while len(_names) >= _COMMITS:
            del _names[next(iter(_names))]
        _names[key] = frozenset(out.decode(errors="surrogateescape").split("\0"))
    return _names[key]


def folders_above(path: str) -> list[str]:
    """The folders that ``path``, relative to the repo, lies in, from the top, the repo's own left out."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in path:
        return []
    return ["/".join(parts[: i + 1]) for i in range(min(len(parts), _DEEP + 1) - 1)]
