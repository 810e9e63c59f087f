"""What a checkpoint cannot hold, in words for people: nobody may think that it is saved."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

NAMED = re.compile(r"""['"](.+)['"]""")
_NAME_CHARS = 300


def left_out(said: str, *, failed: bool) -> list[str]:
    """What git add says it could not take, a line each, in words for people."""
    told = []
    for line in said.splitlines():
        name = NAMED.search(line)
        if "could not open directory '" in line:  # such a name may be too long to be told whole
            start = line.partition("'")[2].rpartition("'")[0].rstrip("/")[:_NAME_CHARS]
            told.append(f"not saved, its path is too long or closed: '{start}'")
        elif failed and "unable to index file" in line and name:
            told.append(f"not saved, it cannot be read: '{name[1]}'")
        elif failed and "does not have a commit" in line and name:
            told.append(f"nested repository without a commit left out: '{name[1]}'")
    if failed and not told:
        told = [line for line in said.splitlines() if "warning: " not in line]
    return told


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
    ignored = git("ls-files", "-c", "-i", "-z", "--exclude-standard").split(b"\0")
    if ignored == [b""]:
        return []
    only = ("--name-only", "-z", "--no-renames", "--diff-filter=A", "--ignore-submodules=none")
    added = set(git("diff-index", "--cached", *only, since).split(b"\0"))
    return [name for name in ignored if name and name in added]
