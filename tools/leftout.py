"""What a commit cannot hold, in words for models and people: nobody may think that it is saved."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from gitcall import listed

Name = TypeVar("Name", str, bytes)
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
    for name in _passed_over(run, names):
        yield f"ignored by .gitignore, so in no commit: '{os.fsencode(name).decode('utf-8', 'replace')}'"


def take_ignored(run: Callable[..., bytes], gone: Iterable[bytes], covered: Iterable[str]) -> bool:
    """Take files ``gone`` from the index into it that are there: git passed them over, as they are ignored.

    A commit of the daemon's own may hold such files. ``covered`` folders are no part of the worktree.
    """
    no_part = tuple(f"{name}/" for name in covered)
    here = list(_passed_over(run, [name for name in map(os.fsdecode, gone) if not name.startswith(no_part)]))
    if here:
        with listed(os.fsencode(name) for name in here) as names:
            run("update-index", "--add", "-z", "--stdin", stdin=names)
    return bool(here)


def _passed_over(run: Callable[..., bytes], names: list[str]) -> Iterator[str]:
    """Those of the files ``names`` that are there and that git passes over, and does not hold either."""
    for some in batches(names):
        wanted = (f":(literal){name}" for name in some)
        found = run("ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", *wanted)
        yield from map(os.fsdecode, found.split(b"\0")[:-1])


def batches(names: Sequence[Name]) -> Iterator[Sequence[Name]]:
    """As many names at a time as one command line holds."""
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]


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
