"""A file's new content, written before it gets its name: nobody sees half of it, no kill leaves half of it.

The content goes into a file without a name (O_TMPFILE), which vanishes with this process. Only where a file
is to be replaced does it bear another name for a moment, between two system calls: a kill in there leaves
the whole new content under that name.
"""

from __future__ import annotations

import errno
import os
import stat as modes

from paths import Place
from workspace import Workspace

_UNSUPPORTED = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)


class Staged:
    """New content for ``place``. ``name`` is where it lies beside it, "" while it has no name."""

    def __init__(self, place: Place, fd: int, name: str = "") -> None:
        """Takes ownership of the descriptor ``fd``."""
        self.place, self.fd, self.name = place, fd, name

    def drop(self) -> None:
        """Give it up. Harmless after ``settle``."""
        if self.name:
            os.unlink(self.name, dir_fd=self.place.parent)
            self.name = ""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def settle(self, space: Workspace) -> None:
        """Put it in the file's place, and note it as known. It is gone when that fails."""
        try:
            if not self.name:
                self.name = _free_name(self.place)
                source = f"/proc/self/fd/{self.fd}"
                os.link(source, self.name, dst_dir_fd=self.place.parent, follow_symlinks=True)
            parent = self.place.parent
            os.rename(self.name, self.place.name, src_dir_fd=parent, dst_dir_fd=parent)
            self.name = ""
            space.remember(self.place.rel, os.fstat(self.fd))
        finally:
            self.drop()


def stage(place: Place, data: bytes, mode: int = -1) -> Staged:
    """Write ``data``, ready to be settled.

    Unless ``mode`` is given, a file keeps its permissions and a new one gets the usual ones.
    """
    staged = _opened(place)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(staged.fd, left) :]
        if mode < 0 and place.stat is not None and not place.is_link:
            mode = modes.S_IMODE(place.stat.st_mode) & 0o777
        if mode >= 0:
            os.fchmod(staged.fd, mode)
    except BaseException:
        staged.drop()
        raise
    return staged


def _opened(place: Place) -> Staged:
    flags = os.O_WRONLY | os.O_CLOEXEC
    try:
        return Staged(place, os.open(".", flags | os.O_TMPFILE, 0o666, dir_fd=place.parent))
    except OSError as error:
        if error.errno not in _UNSUPPORTED:  # some file systems have no such files
            raise
    name = _free_name(place)
    new = flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    return Staged(place, os.open(name, new, 0o666, dir_fd=place.parent), name)


def _free_name(place: Place) -> str:
    return f".{place.name[:80]}.{os.urandom(6).hex()}.tmp"
