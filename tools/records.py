"""The private index, objects and pack of one executor. Commands, of the same user, can write there."""

from __future__ import annotations

import contextlib
import os

import limits


class Records:
    """Where git of the daemon keeps what is not the repository's. Nothing is made until the first use."""

    def __init__(self, state: str) -> None:
        """``state`` is the executor's own folder, in memory."""
        self.state = state
        self.home = os.path.join(state, "git")
        self.index = os.path.join(self.home, "index")
        self.objects = os.path.join(self.home, "objects")
        self._pack = -1
        self._ours: tuple[int, ...] = ()  # the index as the last git of ours left it

    def begin(self) -> None:
        """Start without anything of before."""
        with contextlib.suppress(OSError):
            os.unlink(self.home)  # a link or a file in its place
        if os.path.isdir(self.home):
            import shutil  # only here, and seldom

            shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.objects, exist_ok=True)
        self._ours = ()

    def bound(self) -> None:
        """Begin afresh when the folder fills up: always correct, only slower once."""
        space = os.statvfs(self.state)
        if space.f_bavail * 2 < space.f_blocks:
            self.begin()

    def stamp(self) -> tuple[int, ...]:
        """Tells one state of the index from the next; nothing where there is none."""
        try:
            found = os.lstat(self.index)
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def accept(self) -> None:
        """The index is as git of ours left it just now."""
        self._ours = self.stamp()

    def ours(self) -> bool:
        """Whether there is an index that nobody else has written to: no command sets a change time."""
        return bool(self._ours) and self._ours == self.stamp()

    def new_pack(self) -> int:
        """An empty file for a pack, which no name leads to: no command can change it."""
        if self._pack >= 0:
            os.close(self._pack)
        name = os.path.join(self.state, f"pack-{os.urandom(8).hex()}")
        self._pack = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.unlink(name)
        return self._pack

    def piece(self, offset: int) -> bytes | None:
        """Bytes of the last pack from ``offset`` on; None if there is none."""
        return os.pread(self._pack, limits.PACK_CHUNK, offset) if self._pack >= 0 else None
