"""What makes git wait for ever: pipes and devices in a worktree where git looks for files of its own."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Iterator

from faults import Fault
from walking import walk

_OPENED = (".gitignore", ".gitattributes", ".gitmodules")
"""Files of a worktree that git opens wherever they lie."""
_ODD = 50


class Stuck(Fault):
    """Git waits for something that is no file."""


def odd_files(root: str, *, everywhere: bool = False) -> Iterator[str]:
    """Pipes, sockets and devices below ``root`` where git looks for files of its own, at most 50 of them.

    ``everywhere``: all that lies there is git's own.
    """
    found = 0
    for folder, _, names in walk(root):
        rel = os.path.relpath(folder, root)
        within = everywhere or ".git" in rel.split("/")
        for name in names:
            if within or name in _OPENED:
                try:
                    mode = os.stat(os.path.join(folder, name)).st_mode
                except OSError:  # gone meanwhile, or a link to nowhere: git does not wait for it
                    continue
                if found < _ODD and not (modes.S_ISREG(mode) or modes.S_ISDIR(mode)):
                    found += 1
                    yield os.path.normpath(os.path.join(rel, name))
