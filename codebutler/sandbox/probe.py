"""Is the border there? Starts a real sandbox and tries to leave it: every canary must fail."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
from pathlib import Path

from msgspec import Struct

from codebutler import temporary
from codebutler.errors import NoSandbox
from codebutler.sandbox import host, landlock
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings


class Check(Struct, frozen=True):
    """One attempt. ``ok``: the border held, or for a control, the work could be done."""

    name: str
    ok: bool
    detail: str = ""


class Probe(Struct, frozen=True):
    """What ``doctor`` reports. ``problem`` and ``fix`` are empty when the border holds.

    ``by`` is the program or kernel part that makes the border, with its version. ``open`` is what this tier
    cannot hold, and what is therefore not tried.
    """

    tier: str
    by: str
    checks: tuple[Check, ...] = ()
    problem: str = ""
    fix: str = ""
    open: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether tools may run, and the border held against every canary."""
        return not self.problem and all(check.ok for check in self.checks)


_PYTHON = 'python3 -I -S -c "import socket; {}"'


def _canaries(home: Path, secret: Path, port: int) -> dict[str, str]:
    """Commands that must fail inside, by what they try."""
    own = os.getpid()
    return {
        "read a file beside the worktree": f"cat '{secret}'",
        "read the home's secrets": f"ls '{home}/.ssh' || ls '{home}/.codebutler' || ls /root/.ssh",
        "write to the system": "touch /usr/x || touch /etc/x || touch /x",
        "read the host's accounts": "grep -q '^root' /etc/passwd || test -r /etc/shadow",
        "connect to the host's loopback": _PYTHON.format(
            f"socket.create_connection(('127.0.0.1', {port}), 2)"
        ),
        "resolve a name": _PYTHON.format("socket.getaddrinfo('example.com', 443)"),
        "open a vsock": _PYTHON.format("socket.socket(40, 1)"),
        "see the host's processes": f"head -c1 /proc/{own}/cmdline | grep -q . && test {own} -gt 64",
        "signal the host's processes": f"kill -0 {own} && test {own} -gt 64",
        "make a user namespace": "unshare -Ur true",
        "mount": "mount -t tmpfs none /tmp",
        "leave a setuid file": "cp /bin/true s && chmod u+s s && test -u s",
        "write kernel settings": "echo x > /proc/sys/kernel/core_pattern",
        "reach the executor's memory": "head -c1 /proc/$PPID/environ || ls /proc/$PPID/fd/ | grep -q .",
        "end the executor": "kill -9 $PPID; false",
        "be root": 'test "$(id -u)" = 0',
    }


NOT_HELD = (
    "change the mode or times of this user's files",
    "see whether a file exists, how large it is, where a link leads",
    "replace the worktree's .git pointer",
)
"""What the reduced tier gives away."""
_UNLISTED = _PYTHON.format(
    "import urllib.request; urllib.request.urlopen('http://unlisted.invalid/', timeout=5)"
)
_CONTROLS = {"run a command": "true", "write in the worktree": "echo x > inside && test -s inside"}
_SCRATCH = {"commit as scratch": "git add inside && git commit -qm x && git log -1 --format=%h"}


async def probe(settings: SandboxSettings | None = None) -> Probe:
    """Try it out in a folder of its own. Never raises for a missing sandbox: the result says it."""
    settings = settings or SandboxSettings.from_host()
    if settings.tier == "off":
        return Probe("off", "", problem="the sandbox is switched off on this host", fix="Unset the switch.")
    room = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="codebutler-probe-", dir=temporary.folder()))
    try:
        return await _probe(room, settings)
    except NoSandbox as error:
        return Probe("none", _by(settings), problem=error.message, fix=error.fix)
    finally:
        await asyncio.to_thread(shutil.rmtree, room)


def _by(settings: SandboxSettings) -> str:
    if settings.tier == "reduced":
        return f"Landlock {landlock.abi()}"
    with contextlib.suppress(NoSandbox):
        return f"bwrap {host.bwrap_version()} ({host.bwrap()[0]})"
    return ""


async def _probe(room: Path, settings: SandboxSettings) -> Probe:
    whole = settings.tier == "bwrap"
    secret = await asyncio.to_thread(_furnish, room, repository=whole and shutil.which("git") is not None)
    records = await asyncio.to_thread(_records, room)
    with socket.create_server(("127.0.0.1", 0)) as server:
        canaries = _canaries(host.home() or Path("/root"), secret, server.getsockname()[1])
        executor = await Executor.start(room / "worktree", own=not whole, settings=settings)
        try:
            if settings.allow:
                canaries["reach a host that is not listed"] = _UNLISTED
            controls = {**_CONTROLS, **(_SCRATCH if settings.git_scratch else {})}
            checks = [await _try(executor, name, command, good=True) for name, command in controls.items()]
            checks += [await _try(executor, name, command, good=False) for name, command in canaries.items()]
            damage = f"echo x > '{room}/planted'; echo x > '{secret}'; echo x > .git/config; git branch -m x"
            await executor.call("bash", {"command": damage})
        finally:
            await executor.close()
    checks += await asyncio.to_thread(_untouched, room, records)
    return Probe(settings.tier, _by(settings), tuple(checks), open=() if whole else NOT_HELD)


def _furnish(room: Path, *, repository: bool) -> Path:
    """A worktree, which may be a repository without a commit, and a secret beside it."""
    room.chmod(0o755)
    (room / "worktree").mkdir()
    dot = room / "worktree" / ".git"
    for name in ("objects", "refs") if repository else ():
        (dot / name).mkdir(parents=True)
        (dot / "HEAD").write_text("ref: refs/heads/main\n")
        (dot / "config").write_text("[core]\n\trepositoryformatversion = 0\n")
    secret = room / "secret"
    secret.write_text("canary")
    return secret


def _untouched(room: Path, records: dict[str, bytes]) -> list[Check]:
    left = sorted(path.name for path in room.iterdir())
    good = left == ["secret", "worktree"] and (room / "secret").read_text() == "canary"
    now = _records(room)
    return [
        Check("write beside the worktree", good, ", ".join(left)),
        Check("write git's records", now == records, ", ".join(sorted(now))),
    ]


def _records(room: Path) -> dict[str, bytes]:
    """The files of the repository."""
    return {p.name: p.read_bytes() for p in (room / "worktree" / ".git").rglob("*") if p.is_file()}


async def _try(executor: Executor, name: str, command: str, *, good: bool) -> Check:
    result = await executor.call("bash", {"command": command, "timeout": 10})
    ran = result.details.get("ended") == "exit"
    return Check(name, ran and result.ok is good, "" if ran and result.ok is good else result.text[:300])
