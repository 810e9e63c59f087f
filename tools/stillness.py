"""Whether nothing in the worktree can have changed since the last look, as the kernel tells (inotify).

A look at all files costs git 7 ms for 2,000 of them, after each command, and most commands change none. Any
doubt counts as a change: a folder that came or went, events that were lost, too many folders, a job that may
hold a file mapped, a kernel or border without inotify. Whoever must be sure does not ask.
"""

from __future__ import annotations

import ctypes
import os
import struct

from workspace import Workspace

FOLDERS = 2000
"""Above this the kernel is not asked: a user has some ten thousand watches, for all programs."""
_WATCHED = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800  # from IN_MODIFY to IN_MOVE_SELF
_ONLY = 0x01000000 | 0x02000000  # IN_ONLYDIR, IN_DONT_FOLLOW
_ANEW = 0x2000 | 0x4000 | 0x8000 | 0x40000000  # unmounted, lost events, a watch that ended; a folder's event
_EVENT = struct.Struct("iIII")
_CHUNK = 65536


class Stillness:
    """The watch over one worktree."""

    def __init__(self, space: Workspace) -> None:
        """Nothing is watched before the second look: most executors have one."""
        self._space = space
        self._fd = -1
        self._looks = 0
        self._seen = 0  # the bits of all that was told since the last look
        self._given_up = False

    def proven(self) -> bool:
        """Whether nothing changed since ``look``."""
        return self._fd >= 0 and not self._space.children.kept and not self._read()

    def look(self) -> None:
        """A look at all files begins now: what changes from here on is told by the next ``proven``."""
        self._looks += 1
        seen, self._seen = self._read(), 0
        if self._looks < 2 or self._given_up or (self._fd >= 0 and not seen & _ANEW):
            return
        self._end()
        try:
            self._begin()
        except OSError:  # a folder went in between, or cannot be listed
            self._end()

    def _read(self) -> int:
        """Take what the kernel tells; returns the bits of all events since the last look."""
        while self._fd >= 0:
            try:
                piece = os.read(self._fd, _CHUNK)
            except BlockingIOError:
                break
            at = 0
            while at < len(piece):
                _, mask, _, length = _EVENT.unpack_from(piece, at)
                self._seen |= mask
                at += _EVENT.size + length
        return self._seen

    def _begin(self) -> None:
        """Watch each folder before its content is listed: what comes in between is told."""
        libc = ctypes.CDLL(None)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        left, watched = [os.fsencode(self._space.root)], 0
        while left and self._fd >= 0:
            folder = left.pop()
            watched += 1
            if watched > FOLDERS or libc.inotify_add_watch(self._fd, folder, _WATCHED | _ONLY) < 0:
                self._end()
                self._given_up = True
                return
            with os.scandir(folder) as entries:
                below = [each.path for each in entries if each.is_dir(follow_symlinks=False)]
            left += [each for each in below if watched > 1 or os.path.basename(each) != b".git"]
        self._given_up = self._fd < 0

    def _end(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
