"""Which files of the worktree can have changed since the last look, as the kernel tells (inotify).

A look at all files costs git 7 ms for 2,000 of them, after each command, and most change few or none.
Any doubt counts as a change of all: a folder that came or went, what git itself reads (.gitignore and the
like), events that were lost, too many folders, a job that may hold a file mapped, a kernel or border without
inotify. Whoever must be sure does not ask.
"""

from __future__ import annotations

import ctypes
import os
import struct

from workspace import Workspace

FOLDERS = 2000
"""Above this the kernel is not asked: a user has some ten thousand watches, for all programs."""
_NAMED = 50
"""Above this a look at all files costs as little."""
_WATCHED = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800  # from IN_MODIFY to IN_MOVE_SELF
_ONLY = 0x01000000 | 0x02000000  # IN_ONLYDIR, IN_DONT_FOLLOW
_ANEW = 0x2000 | 0x4000 | 0x8000 | 0x40000000  # unmounted, lost events, a watch that ended; a folder's event
_ITSELF = 0x400 | 0x800  # of a watched folder
_EVENT = struct.Struct("iIII")
_CHUNK = 65536


class Stillness:
    """The watch over one worktree."""

    def __init__(self, space: Workspace) -> None:
        """Nothing is watched before a second look is sure to come: most executors have one."""
        self._space = space
        self._fd = -1
        self._looks = 0
        self._folders: dict[int, bytes] = {}  # those that are watched, as the start of a path
        self._seen = 0  # the bits of all that was told since the last look
        self._names: set[bytes] = set()  # the files that it was told of
        self._any = False  # more than those may have changed
        self._given_up = False

    def changed(self) -> set[bytes] | None:
        """Paths of all files that can have changed since ``look`` and the last answer; None: any can have."""
        self._read()
        if self._fd < 0 or self._space.children.kept or self._any:
            return None
        names, self._names = self._names, set()
        return names

    @property
    def told(self) -> set[bytes]:
        """Files that the kernel told of since the last look or answer, though others may have changed."""
        return self._names

    def look(self, *, soon: bool) -> None:
        """A look at all files begins now: what changes from here on is told by the next ``changed``.

        ``soon``: there will be one, so that the watch begins with the first look.
        """
        self._looks += 1
        self._read()
        seen, self._seen = self._seen, 0
        self._names, self._any = set(), False
        if (self._looks < 2 and not soon) or self._given_up or (self._fd >= 0 and not seen & _ANEW):
            return
        self._end()
        try:
            self._begin()
        except OSError:  # a folder went in between, or cannot be listed
            self._end()

    def _read(self) -> None:
        """Take in what the kernel tells."""
        while self._fd >= 0:
            try:
                piece = os.read(self._fd, _CHUNK)
            except BlockingIOError:
                break
            at = 0
            while at < len(piece):
                folder, mask, _, length = _EVENT.unpack_from(piece, at)
                at += _EVENT.size + length
                self._note(mask, self._folders.get(folder), piece[at - length : at].rstrip(b"\0"))

    def _note(self, mask: int, folder: bytes | None, name: bytes) -> None:
        self._seen |= mask
        if mask & (_ANEW | _ITSELF) or folder is None or b"/.git" in b"/" + folder + name:
            self._any = True
        self._names.add((folder or b"") + name)
        self._any = self._any or len(self._names) > _NAMED

    def _begin(self) -> None:
        """Watch each folder before its content is listed: what comes in between is told."""
        libc = ctypes.CDLL(None)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        root = os.fsencode(self._space.root)
        left = [root]
        while left and self._fd >= 0:
            folder = left.pop()
            watch = libc.inotify_add_watch(self._fd, folder, _WATCHED | _ONLY)
            if watch < 0 or len(self._folders) == FOLDERS:
                self._end()
                self._given_up = True
                return
            self._folders[watch] = folder[len(root) + 1 :] + b"/" if folder != root else b""
            with os.scandir(folder) as entries:
                below = [each.path for each in entries if each.is_dir(follow_symlinks=False)]
            left += [each for each in below if folder != root or os.path.basename(each) != b".git"]
        self._given_up = self._fd < 0

    def _end(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._folders = {}
