"""What a commit cannot hold, in words for models and people: nobody may think that it is saved."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator

_NAMED = re.compile(r"""['"](.+)['"]""", re.DOTALL)
_NAME_CHARS = 300
_AT_ONCE = 500
"""Names in one command line."""


def left_out(said: str, *, failed: bool) -> list[str]:
    """What git add says it could not take, a line each, in words for people."""
    told = []
    for line in said.splitlines():
        name = _NAMED.search(line)
        if "could not open directory '" in line:  # such a name may be too long to be told whole
            start = line.partition("'")[2].rpartition("'")[0].rstrip("/")[:_NAME_CHARS]
            told.append(f"not saved, its path is too long or closed: '{start}'")
        elif failed and "unable to index file" in line and name:
            told.append(f"not saved, it cannot be read: '{name[1]}'")
        elif failed and "does not have a commit" in line and name:
            told.append(nested(name[1].rstrip("/")))
    if failed and not told:
        told = [line for line in said.splitlines() if "warning: " not in line]
    return told


def nested(name: str) -> str:
    """A folder inside the worktree that is a repository, as after git init or git clone there."""
    return f"a git repository of its own, left out: '{name}'; remove {name}/.git to take its files in"


def ignored(run: Callable[..., bytes], names: list[str]) -> Iterator[str]:
    """Those of the files ``names`` that are there and that git passes over, a line each."""
    for start in range(0, len(names), _AT_ONCE):
        wanted = (f":(literal){name}" for name in names[start : start + _AT_ONCE])
        listed = run("ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", *wanted)
        for name in listed.decode("utf-8", "replace").split("\0")[:-1]:
            yield f"ignored by .gitignore, so in no commit: '{name}'"


def named(lines: Iterable[str]) -> set[str]:
    """The paths that such lines tell of."""
    return {match[1].rstrip("/") for line in lines if (match := _NAMED.search(line))}


def has_strays(folder: str) -> bool:
    """Whether the folder of a submodule that is not checked out holds files."""
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    return bool(names) and ".git" not in names


def ignored_since(git: Callable[..., bytes], since: str) -> list[bytes]:
    """Paths of the index that are ignored now and that the commit ``since`` lacks.

    ``git`` runs it with the index. Git itself goes on with what it once took, be it named in a .gitignore.
    """
    found = git("ls-files", "-c", "-i", "-z", "--exclude-standard").split(b"\0")
    if found == [b""]:
        return []
    only = ("--name-only", "-z", "--no-renames", "--diff-filter=A", "--ignore-submodules=none")
    added = set(git("diff-index", "--cached", *only, since).split(b"\0"))
    return [name for name in found if name and name in added]
