"""Run one git process: bounded in time and output, killed with its children, in an environment of its own.

Everything that git could be told to execute by a repository's own configuration is switched off here:
hooks, fsmonitor, credential helpers, ssh commands, askpass programs, external transports. What no setting
can switch off (diff, filter and merge drivers have free names) is avoided by not reading that
configuration at all: see ``git.plumb``.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path

from msgspec import Struct

from codebutler.errors import RepoError
from codebutler.processes import let_go
from codebutler.waiting import whole

SECONDS: ContextVar[float] = ContextVar("git_seconds", default=60.0)
"""How long a git process may take if its caller names no time; the service sets it from the configuration."""
OUTPUT = 64 * 1024 * 1024
_CHUNK = 256 * 1024
_STDERR = 64 * 1024

_SAFE_CONFIG = (
    ("safe.directory", "*"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.alternateRefsCommand", ":"),
    ("core.gitProxy", ""),
    ("core.fsync", "committed,reference"),  # by itself git leaves to chance what a power cut takes of either
    ("core.fsyncMethod", "batch"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("credential.helper", ""),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("push.gpgSign", "false"),
    ("commit.gpgSign", "false"),
    ("worktree.useRelativePaths", "false"),
    ("protocol.allow", "never"),
    ("protocol.ext.allow", "never"),
    ("protocol.file.allow", "always"),
    ("protocol.git.allow", "always"),
    ("protocol.http.allow", "always"),
    ("protocol.https.allow", "always"),
    ("protocol.ssh.allow", "always"),
)
"""Laid over every other configuration, the repository's included."""


class Result(Struct, frozen=True):
    """What a git process left behind. ``cut``: the output went over its limit and the process was stopped."""

    code: int
    out: bytes
    err: str
    cut: bool = False


class Identity(Struct, frozen=True):
    """The user that git runs as, where that is not the daemon's own."""

    uid: int
    gid: int


def environment(config: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """The whole environment of a git process; ``config`` is laid over the safe settings."""
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ASKPASS": "",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PAGER": "cat",
        "GIT_EDITOR": ":",
    }
    pairs = (*_SAFE_CONFIG, *config)
    for number, (key, value) in enumerate(pairs):
        env[f"GIT_CONFIG_KEY_{number}"] = key
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    return env | {"GIT_CONFIG_COUNT": str(len(pairs))}


def owner_of(gitdir: Path, *others: Path) -> Identity | None:
    """As root, the user that a repository belongs to, if that user can reach it and ``others`` too.

    Objects and refs that root leaves in somebody's repository would lock its owner out of it.
    """
    if os.geteuid() != 0:
        return None
    try:
        info = gitdir.stat()
        if info.st_uid == 0 or not all(
            _reachable(path, info.st_uid, info.st_gid) for path in (gitdir, *others)
        ):
            return None
    except OSError:
        return None
    return Identity(info.st_uid, info.st_gid)


def _reachable(path: Path, uid: int, gid: int) -> bool:
    """Whether a user may enter every folder on the way to ``path``, and ``path`` itself."""
    for folder in (path, *path.parents):
        info = folder.stat()
        shift = 6 if info.st_uid == uid else 3 if info.st_gid == gid else 0
        if not info.st_mode >> shift & 1:
            return False
    return True


async def run(
    args: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: bytes | AsyncIterable[bytes] = b"",
    timeout: float | None = None,
    limit: int = OUTPUT,
    identity: Identity | None = None,
) -> Result:
    """Run ``git ARGS`` in ``/`` with exactly ``env``; its process group ends past ``timeout`` seconds."""
    seconds = SECONDS.get() if timeout is None else timeout
    program = shutil.which("git")
    if program is None:
        raise RepoError("git is not installed, or not on PATH", fix="Install git 2.38 or newer")
    beginning = asyncio.create_subprocess_exec(
        program,
        *args,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd="/",
        env=dict(env),
        start_new_session=True,
        user=identity.uid if identity else None,
        group=identity.gid if identity else None,
        extra_groups=[] if identity else None,
    )
    process = await whole(beginning, _end)
    try:
        async with asyncio.timeout(seconds):
            result = await _converse(process, stdin, limit)
    except TimeoutError:
        await _end(process)
        raise RepoError(f"git {_verb(args)} took longer than {seconds:g} s and was stopped") from None
    except BaseException:
        await _end(process)
        raise
    if result.cut:
        await _end(process)
    return result


async def _converse(
    process: asyncio.subprocess.Process, stdin: bytes | AsyncIterable[bytes], limit: int
) -> Result:
    """Feed the process and drain it; a failure of the feeding source wins over git's own complaint."""
    feeding = asyncio.create_task(_feed(process, stdin))
    errors = asyncio.create_task(_drain(process.stderr, _STDERR))
    try:
        out, cut = await _read(process.stdout, limit)
        if cut:
            return Result(0, out, "", cut=True)
        await feeding
        err = await errors
        return Result(await process.wait(), out, err.decode(errors="replace"))
    finally:
        for task in (feeding, errors):
            task.cancel()
        await asyncio.gather(feeding, errors, return_exceptions=True)


async def _feed(process: asyncio.subprocess.Process, stdin: bytes | AsyncIterable[bytes]) -> None:
    pipe = process.stdin
    if pipe is None:
        raise RuntimeError("git was started without a standard input")
    try:
        if isinstance(stdin, bytes):
            pipe.write(stdin)
        else:
            async for chunk in stdin:
                pipe.write(chunk)
                await pipe.drain()
        await pipe.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # git stopped reading: its exit code and message say why
    finally:
        pipe.close()


async def _read(stream: asyncio.StreamReader | None, limit: int) -> tuple[bytes, bool]:
    """All of a stream up to ``limit`` bytes, and whether there was more."""
    parts: list[bytes] = []
    size = 0
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            return b"".join(parts)[:limit], True
    return b"".join(parts), False


async def _drain(stream: asyncio.StreamReader | None, keep: int) -> bytes:
    """Read a stream to its end so that its writer never blocks; the first ``keep`` bytes are kept."""
    kept = b""
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        kept = (kept + chunk)[:keep]
    return kept


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave nothing behind: git may remove its lock and temporary files, then the whole group is killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await process.wait()
                await asyncio.gather(_drain(process.stdout, 0), _drain(process.stderr, 0))
                break
    await let_go(process)


def _verb(args: Sequence[str]) -> str:
    """The git command among its arguments."""
    return next((arg for arg in args if not arg.startswith("-")), "")


def complaint(err: str) -> str:
    """The one line of git's error output that says most, without passwords."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote: error:"))]
    line = (telling or lines or ["no reason given"])[0]
    return without_passwords(re.sub(r"^(fatal|error): ", "", line))[:400]


def without_passwords(text: str) -> str:
    """Text in which URLs have lost the part that a password or token may stand in."""
    return re.sub(r"(?<=://)[^/@\s]+@", "", text)
