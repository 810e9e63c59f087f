"""One process runs a repo's turns: the one that holds its lock. Others append to the store and kick it."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from codebutler.errors import CodeButlerError
from codebutler.repo.discover import Repo
from codebutler.repo.layout import own_file, own_folder

_LINE = 200
"""Bytes of one kick: a thread id and a newline."""


class Owner:
    """Holds the lock for its life; the kernel drops it when the process ends, however it ends."""

    def __init__(self, fd: int, socket: Path) -> None:
        """Use ``take``."""
        self._fd = fd
        self._socket = socket
        self._server: asyncio.Server | None = None

    @classmethod
    def take(cls, repo: Repo, home: Path) -> Owner | None:
        """The repo's lock, or None when another process has it."""
        folder = repo.inner
        own_folder(repo, folder)
        own_file(repo, folder / "lock")
        try:
            fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise CodeButlerError(
                f"cannot lock {folder}: {error.strerror}", fix="Make the folder writable for this user."
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return cls(fd, socket_path(repo.root, home))

    async def listen(self, kick: Callable[[str], None]) -> None:
        """Take kicks of other processes from a Unix socket that only this user can reach."""
        self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = await reader.read(_LINE)
            kick(line.decode("ascii", "replace").strip())
            writer.close()

        previous = os.umask(0o177)
        try:
            with _short(self._socket) as path:
                self._server = await asyncio.start_unix_server(serve, path=path)
        finally:
            os.umask(previous)

    async def release(self) -> None:
        """Let go of socket and lock."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._socket.unlink(missing_ok=True)
        os.close(self._fd)


def socket_path(root: Path, home: Path) -> Path:
    """Where the owner of the repo at ``root`` listens."""
    return home / "run" / f"{hashlib.sha256(str(root).encode()).hexdigest()[:16]}.sock"


@contextmanager
def _short(socket: Path) -> Iterator[str]:
    """A name for ``socket`` that fits the 108 bytes of a Unix socket's address, however deep it lies."""
    folder = os.open(socket.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{socket.name}"
    finally:
        os.close(folder)


async def kick(root: Path, home: Path, thread: str) -> bool:
    """Tell the owner that ``thread`` is ready; False when nobody listens (it will find out by itself)."""
    try:
        with _short(socket_path(root, home)) as path:
            _, writer = await asyncio.open_unix_connection(path)
        writer.write(f"{thread}\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except OSError:  # also an owner that ends at this very moment
        return False
    return True
