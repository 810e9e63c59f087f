"""One process runs a repo's turns: the one that holds its lock. Others append to the store and kick it."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from codebutler.errors import CodeButlerError
from codebutler.repo.discover import Repo
from codebutler.repo.layout import own_file, own_folder
from codebutler.thread.intake import Stop

_LINE = 200
"""Bytes of one kick: a thread id, how it stops what is under way, and a newline."""
_GIVE_WAY = "!give-way"
_AWAY = "!away"
_SAID = 64 * 1024
"""Bytes of an owner's answer, and seconds that it may take."""
_PATIENCE = 2.0
PATIENCE = 4.0
"""Seconds after which an owner that says nothing is called stalled: a busy one answers between two steps."""
_STOPS: dict[str, Stop] = {"soft": "soft", "now": "now"}
LOOK = 5.0
"""Seconds between looks whether the lock is still the one that was taken."""
GRACE = 5.0
"""Seconds for which a process that gave way leaves the repo to the one that asked."""


class Owner:
    """Holds the lock for its life; the kernel drops it when the process ends, however it ends."""

    def __init__(self, fd: int, file: Path, listens: Path) -> None:
        """Use ``take``."""
        self._fd = fd
        self._file = file
        self._socket = listens
        self._server: asyncio.Server | None = None

    @classmethod
    def take(cls, repo: Repo, home: Path, *, serves: bool = False) -> Owner | None:
        """The repo's lock, or None when another process has it. ``serves``: it is held for good."""
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
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()} {'serve' if serves else 'session'}\n".encode(), 0)
        return cls(fd, folder / "lock", socket_path(repo.root, home))

    def holds(self) -> bool:
        """False once the lock's file was deleted or replaced: another process may have taken the repo."""
        try:
            return os.path.samestat(os.fstat(self._fd), self._file.stat())
        except FileNotFoundError:
            return False

    async def lost(self, every: float = LOOK) -> None:
        """Wait until it no longer holds."""
        while self.holds():  # noqa: ASYNC110 - a file, not an event
            await asyncio.sleep(every)

    async def listen(
        self,
        kick: Callable[[str, Stop], None],
        give_way: Callable[[], None] | None = None,
        *,
        away: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """Take kicks of other processes from a Unix socket that only this user can reach.

        ``give_way`` is called when one of them wants to run the repo in place of this one, ``away`` when one
        asks which models are: a line for each.
        """
        self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = (await reader.read(_LINE)).decode("ascii", "replace").strip()
            thread, _, how = line.partition(" ")
            if line == _GIVE_WAY and give_way is not None:
                give_way()
            elif line == _AWAY:
                writer.write("\n".join(away()).encode("utf-8", "replace")[:_SAID])
            elif line != _GIVE_WAY:
                kick(thread, _STOPS.get(how, ""))
            writer.close()

        with _short(self._socket) as path:
            self._server = await asyncio.start_unix_server(serve, sock=_private(path))

    async def release(self) -> None:
        """Let go of socket and lock."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            if self.holds():  # else it is another owner's by now
                self._socket.unlink(missing_ok=True)
        os.close(self._fd)


def socket_path(root: Path, home: Path) -> Path:
    """Where the owner of the repo at ``root`` listens."""
    return home / "run" / f"{hashlib.sha256(str(root).encode()).hexdigest()[:16]}.sock"


def _private(path: str) -> socket.socket:
    """A socket at ``path`` that no other user can reach, from its first moment on.

    Its mode is set before it has a name. The umask would do the same, and is the whole process's: folders
    that another thread makes meanwhile would be closed to everybody, too.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        os.fchmod(made.fileno(), 0o600)
        made.bind(path)
    except OSError:
        made.close()
        raise
    return made


@contextmanager
def _short(there: Path) -> Iterator[str]:
    """A name for ``there`` that fits the 108 bytes of a Unix socket's address, however deep it lies."""
    folder = os.open(there.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{there.name}"
    finally:
        os.close(folder)


def holder(repo: Repo) -> tuple[int, bool]:
    """The process that last took the lock, and whether it holds it for good; (0, False) if unknown."""
    try:
        pid, _, what = (repo.inner / "lock").read_text("ascii").strip().partition(" ")
        return int(pid), what == "serve"
    except (OSError, ValueError):
        return 0, False


async def kick(root: Path, home: Path, thread: str, stop: Stop = "") -> bool:
    """Tell the owner that ``thread`` is ready; False when nobody listens (it will find out by itself)."""
    return await _send(root, home, f"{thread} {stop}".strip())


async def ask_for_way(root: Path, home: Path) -> bool:
    """Ask the owner for the repo. One that serves it stays; any other gives way after its step."""
    return await _send(root, home, _GIVE_WAY)


async def models_away(root: Path, home: Path) -> list[str]:
    """The owner's word on models that are away, a line each; [] when there is no owner, or it is silent."""
    try:
        said = await _ask(root, home, _PATIENCE)
    except (OSError, TimeoutError):
        return []
    return said.decode("utf-8", "replace").splitlines()


async def stalled(repo: Repo, home: Path, *, patience: float = PATIENCE) -> CodeButlerError | None:
    """What to tell people when the owner listens, but says nothing for ``patience`` seconds; else None."""
    try:
        await _ask(repo.root, home, patience)
    except TimeoutError:  # an OSError, too
        pid, serves = holder(repo)
        who = f"process {pid} ({'serve' if serves else 'chat or run'})" if pid else "another process"
        ways = f"Wake it (kill -CONT {pid}) or end it (kill -9 {pid})" if pid else "Wake it or end it"
        return CodeButlerError(
            f"{who} runs the threads of {repo.root} and does not answer",
            fix=f"What is said is kept meanwhile. {ways}: the threads go on where they were.",
        )
    except OSError:  # there is none, or it comes or goes at this very moment
        return None
    return None


async def _ask(root: Path, home: Path, patience: float) -> bytes:
    """The owner's answer to whether models are away. OSError: nobody listens; TimeoutError: it is silent."""
    async with asyncio.timeout(patience):
        with _short(socket_path(root, home)) as path:
            reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(f"{_AWAY}\n".encode())
            return await reader.read(_SAID)
        finally:
            writer.close()


async def _send(root: Path, home: Path, line: str) -> bool:
    try:
        with _short(socket_path(root, home)) as path:
            _, writer = await asyncio.open_unix_connection(path)
        writer.write(f"{line}\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except OSError:  # also an owner that ends at this very moment
        return False
    return True
