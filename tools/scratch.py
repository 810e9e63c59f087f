"""Git as scratch: a copy of the repository's records that commands may write, over its own objects.

The repository itself is read-only at another path, and everything that the daemon asks of git is done there
(gitwork.py). What commands commit, stash or configure is in the copy, which lies in memory, is seen by
nobody, and ends with this executor. Objects are borrowed (info/alternates), so that nothing has to be
mounted again when the host adds some, and a stash outlives a checkpoint.
"""

from __future__ import annotations

import os
import stat as modes
import threading

import limits
from faults import Fault
from walking import walk
from workspace import Stamp, Workspace, stamp

_LEFT_OUT = ("objects", "logs", "modules", "hooks")
_STASH = b" refs/stash"
_PIECE = 1024 * 1024


class Scratch:
    """The copy. ``follows``: no command has written to it yet, so it goes where the branch goes."""

    def __init__(self, space: Workspace) -> None:
        """Makes the copy. Where that fails, ``ready`` says why: other tools need no git."""
        self.objects, self.target = space.config.objects, space.config.scratch
        self.made: dict[str, Stamp | None] = {}
        self.seen: dict[str, Stamp | None] = {}
        self.problem = ""
        self.follows = False
        self._lock = threading.Lock()
        if self.target:
            self.source = os.path.dirname(self.objects.split("\0")[0])
            self.gitdir = os.path.relpath(space.config.gitdir, self.source)
            # A checkout's HEAD and index are shown as they were at the start: there is nothing to follow.
            self.follows = self.gitdir != "."
            try:
                self._fill()
            except (OSError, Fault) as error:
                self.problem = f"git's scratch copy could not be made: {error}"

    def ready(self) -> None:
        """Before a command: bring the copy up to date. Raises Fault where there is none."""
        if self.problem:
            raise Fault(self.problem)
        with self._lock:
            self.follows = self.follows and all(
                _stamp(self.target, name) == known for name, known in self.made.items()
            )
            try:
                for name in self._moving() if self.follows else ():
                    if _stamp(self.source, name) != self.seen.get(name):
                        self._copy(name)
            except OSError:
                self.follows = False  # the host took its records away: the copy is all there is

    def _fill(self) -> None:
        room = limits.SCRATCH_COPY
        for folder, folders, files in walk(self.source):
            at = os.path.relpath(folder, self.source)
            if at in (".", self.gitdir):
                folders[:] = [each for each in folders if each not in _LEFT_OUT]
            os.makedirs(os.path.join(self.target, at), exist_ok=True)
            for name in files:
                path = os.path.normpath(os.path.join(at, name))
                stat = os.lstat(os.path.join(self.source, path))
                room -= stat.st_size + 256
                if room < 0:
                    raise Fault("the repository's refs and index are too large")
                if modes.S_ISREG(stat.st_mode) and path != "refs/stash":  # the person's own stash
                    copy(os.path.join(self.source, path), os.path.join(self.target, path))
        for name in ("hooks", "objects/info", "objects/pack"):
            os.makedirs(os.path.join(self.target, name), exist_ok=True)
        with open(os.path.join(self.target, "objects/info/alternates"), "w", encoding="utf-8") as file:
            file.writelines(f"{each}\n" for each in self.objects.split("\0"))
        self._forget_stash()
        for name in self._moving():
            self._note(name)

    def _forget_stash(self) -> None:
        path = os.path.join(self.target, "packed-refs")
        if os.path.exists(path):
            with open(path, "rb+") as file:
                lines = [line for line in file if not line.rstrip(b"\n").endswith(_STASH)]
                file.seek(0)
                file.writelines(lines)
                file.truncate()

    def _moving(self) -> list[str]:
        """What a checkpoint moves: the branch, and the worktree's HEAD and index."""
        names = [os.path.normpath(os.path.join(self.gitdir, name)) for name in ("HEAD", "index")]
        with open(os.path.join(self.source, names[0]), encoding="utf-8", errors="replace") as file:
            _, _, ref = file.read(4096).strip().partition("ref: ")
        return [*names, ref] if ref.startswith("refs/heads/") else names

    def _copy(self, name: str) -> None:
        """Only ever a newer state of what nobody wrote: in one step, as git does it."""
        target = os.path.join(self.target, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if _stamp(self.source, name) is not None:
            copy(os.path.join(self.source, name), target + ".new")
            os.rename(target + ".new", target)
        self._note(name)

    def _note(self, name: str) -> None:
        self.seen[name], self.made[name] = _stamp(self.source, name), _stamp(self.target, name)


def copy(source: str, target: str) -> None:
    """A file's bytes, as they are now. (Half a megabyte of shutil, in every executor, would do no more.)"""
    with open(source, "rb") as read, open(target, "wb") as write:
        while piece := read.read(_PIECE):
            write.write(piece)


def _stamp(folder: str, name: str) -> Stamp | None:
    try:
        return stamp(os.lstat(os.path.join(folder, name)))
    except FileNotFoundError:
        return None
