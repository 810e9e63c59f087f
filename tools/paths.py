"""Paths, walked one component at a time from the worktree's descriptor.

The kernel border already confines this process. This walk exists so that a path or symlink that leads
outside is a plain tool failure, and so that nothing can be swapped between the check and the use:
the result is an open directory and a name in it, never a string to be opened again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat as modes
from collections import deque
from types import TracebackType
from typing import Self

from faults import Fault
from walking import walk
from workspace import Workspace

_DIR = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SYMLINKS = 40


class Place:
    """Where a path leads: ``name`` in the open directory ``parent``; ``stat`` is None if nothing is there.

    ``rel`` is the real path below the root ("." is the root itself), ``missing`` the folders that
    do not exist yet, from the outermost on. Close it, or use it as a context manager.
    """

    def __init__(
        self, parent: int, name: str, rel: str, stat: os.stat_result | None, missing: list[str]
    ) -> None:
        """Takes ownership of the descriptor ``parent``."""
        self.parent, self.name, self.rel, self.stat, self.missing = parent, name, rel, stat, missing

    def __enter__(self) -> Self:
        """Nothing to do: the walk has opened everything."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close the directory."""
        os.close(self.parent)

    @property
    def is_link(self) -> bool:
        """Whether a walk that keeps links ended at one."""
        return self.stat is not None and modes.S_ISLNK(self.stat.st_mode)

    def missing_folders(self) -> list[str]:
        """The folders that ``make_folders`` will make, by their paths below the root, outermost first."""
        parts = self.rel.split("/")[:-1]
        known = len(parts) - len(self.missing)
        return ["/".join(parts[: known + n]) for n in range(1, len(self.missing) + 1)]

    def open(self) -> int:
        """A descriptor for reading a regular file. FIFOs and devices are refused, never waited for."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(self.name, flags, dir_fd=self.parent)
        except OSError as error:
            if error.errno != errno.ENXIO:  # a socket
                raise
            raise Fault(f"{self.rel} is not a regular file") from error
        if not modes.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise Fault(f"{self.rel} is not a regular file")
        return fd

    def make_folders(self) -> None:
        """Create the missing folders and step into the innermost one."""
        for name in self.missing:
            with contextlib.suppress(FileExistsError):  # made meanwhile, for a neighbour of this file
                os.mkdir(name, dir_fd=self.parent)
            inner = os.open(name, _DIR, dir_fd=self.parent)
            os.close(self.parent)
            self.parent = inner
        self.missing = []


def outside(path: str) -> Fault:
    """The failure for every path that is not below the root."""
    return Fault(f"{path} is outside the worktree")


def split(space: Workspace, path: str) -> tuple[bool, list[str]]:
    """Whether the path is in the output folder, and its components below that folder or the worktree."""
    if "\0" in path or not path:
        raise Fault("a path must not be empty or hold a NUL character")
    if not path.startswith("/"):
        return False, path.split("/")
    for base, is_output in ((space.root, False), (space.output, True)):
        if path == base or path.startswith(base.rstrip("/") + "/"):
            return is_output, path[len(base) :].split("/")
    raise Fault(f"{path} is outside the worktree: name a path relative to it")


def locate(space: Workspace, path: str, *, keep_link: bool = False) -> Place:
    """Walk to ``path``, following symlinks that stay inside. Raises Fault if it leads outside.

    ``keep_link``: a symlink at the end is itself the place, wherever it leads.
    """
    is_output, parts = split(space, path)
    walk = _Walk(
        space, path, space.output_fd if is_output else space.root_fd, space.output if is_output else ""
    )
    walk.keep_link = keep_link
    try:
        return walk.run(deque(parts))
    except BaseException:
        walk.close()
        raise


class _Walk:
    def __init__(self, space: Workspace, path: str, base: int, prefix: str) -> None:
        self.space, self.path, self.base, self.prefix = space, path, base, prefix
        self.stack: list[int] = [os.dup(base)]
        self.names: list[str] = []
        self.links = 0
        self.keep_link = False

    def close(self) -> None:
        for fd in self.stack:
            os.close(fd)
        self.stack = []

    def run(self, todo: deque[str]) -> Place:
        while todo:
            name = todo.popleft()
            if name in ("", "."):
                continue
            if name == "..":
                self.up()
                continue
            try:
                stat = os.stat(name, dir_fd=self.stack[-1], follow_symlinks=False)
            except FileNotFoundError:
                return self.absent(name, todo)
            is_last = all(part in ("", ".") for part in todo)
            if modes.S_ISLNK(stat.st_mode) and not (is_last and self.keep_link):
                self.follow(name, todo)
            elif not is_last:
                self.down(name)
            else:
                return self.place(name, stat, [])
        return self.here()

    def up(self) -> None:
        if not self.names:
            raise outside(self.path)
        self.names.pop()
        os.close(self.stack.pop())

    def down(self, name: str) -> None:
        try:
            self.stack.append(os.open(name, _DIR, dir_fd=self.stack[-1]))
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise Fault(f"{self.path}: {'/'.join([*self.names, name])} is not a folder") from error
            raise
        self.names.append(name)

    def follow(self, name: str, todo: deque[str]) -> None:
        self.links += 1
        if self.links > _SYMLINKS:
            raise Fault(f"{self.path}: too many symlinks")
        target = os.readlink(name, dir_fd=self.stack[-1])
        if target.startswith("/"):
            is_output, parts = split(self.space, target)
            if is_output or self.prefix:
                raise outside(self.path)
            self.close()
            self.stack, self.names = [os.dup(self.base)], []
        else:
            parts = target.split("/")
        todo.extendleft(reversed(parts))

    def absent(self, name: str, todo: deque[str]) -> Place:
        rest = [name, *(part for part in todo if part not in ("", "."))]
        if ".." in rest:
            raise Fault(f"{self.path}: {name} does not exist")
        return self.place(rest[-1], None, rest[:-1])

    def here(self) -> Place:
        if not self.names:
            return self.place(".", os.fstat(self.stack[-1]), [])
        os.close(self.stack.pop())
        name = self.names.pop()
        return self.place(name, os.stat(name, dir_fd=self.stack[-1], follow_symlinks=False), [])

    def place(self, name: str, stat: os.stat_result | None, missing: list[str]) -> Place:
        parent = self.stack.pop()
        self.close()
        rel = "/".join([*self.names, *missing, name])
        return Place(parent, name, os.path.join(self.prefix, rel) if self.prefix else rel, stat, missing)


def writable(space: Workspace, path: str, *, keep_link: bool = False) -> Place:
    """The place of a file that is to be written. Refuses the read-only phase and git's own folder.

    ``keep_link``: it is to be deleted, and of a symlink that is the link.
    """
    if space.config.read_only:
        raise Fault("the worktree is read-only now: nothing may be changed before the plan is approved")
    place = locate(space, path, keep_link=keep_link)
    if place.rel == ".git" or place.rel.startswith((".git/", "/")):
        os.close(place.parent)
        raise Fault(f"{path} is read-only")
    if place.stat is not None and not (modes.S_ISREG(place.stat.st_mode) or place.is_link):
        os.close(place.parent)
        kind = "a folder" if modes.S_ISDIR(place.stat.st_mode) else "not a regular file"
        raise Fault(f"{place.rel} is {kind}")
    if os.path.basename(path) in ("", ".", ".."):
        os.close(place.parent)
        raise Fault(f"{path} names a folder: give the name of a file, without / at the end")
    return place


def absent(space: Workspace, place: Place, path: str) -> Fault:
    """The failure for a file that is not there, with names that are nearly the same."""
    import difflib

    near: list[str] = []
    if not place.missing:
        names = os.listdir(f"/proc/self/fd/{place.parent}")
        folder = os.path.dirname(place.rel)
        lower = {name.lower(): name for name in names}
        close = difflib.get_close_matches(place.name.lower(), list(lower), n=3, cutoff=0.6)
        near = [os.path.join(folder, lower[name]) for name in close]
    near += [found for found in _same_name(space, place.name) if found not in near]
    hint = f" Did you mean {', '.join(near[:4])}?" if near else ""
    return Fault(f"{path} does not exist.{hint}")


def _same_name(space: Workspace, name: str, entries: int = 20_000) -> list[str]:
    """Files of the same name elsewhere in the worktree, looking at a bounded number of entries."""
    found: list[str] = []
    for folder, folders, files in walk(space.root):
        folders[:] = [each for each in folders if each not in (".git", "node_modules", ".venv")]
        entries -= len(files) + len(folders)
        found += [os.path.relpath(os.path.join(folder, each), space.root) for each in files if each == name]
        if entries < 0 or len(found) >= 4:
            break
    return found
