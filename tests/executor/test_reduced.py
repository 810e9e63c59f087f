"""The reduced border: what it holds that the corpus cannot ask for.

Each attempt is shown to succeed for the same user without the border, in the same test.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from codebutler.sandbox import host, seccomp
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.launch import give_to
from codebutler.sandbox.settings import SandboxSettings

REDUCED = SandboxSettings(tier="reduced")
UID = REDUCED.uid if os.geteuid() == 0 else os.geteuid()
AS_UID: dict[str, Any] = {"user": UID, "group": UID, "extra_groups": []} if os.geteuid() == 0 else {}


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A program of the same user, outside."""
    with subprocess.Popen(["sleep", "60"], env={"TOKEN": "CANARY"}, cwd="/", **AS_UID) as running:
        yield running
        running.kill()


NEIGHBOUR = {
    "signal": "kill -0 {pid}",
    "stop": "kill -STOP {pid} && kill -CONT {pid}",
    "command line": "head -c1 /proc/{pid}/cmdline",
    "environment": "head -c1 /proc/{pid}/environ",
    "status": "head -c1 /proc/{pid}/status",
    "memory map": "head -c1 /proc/{pid}/maps",
    "descriptors": "ls /proc/{pid}/fd",
    "its root": "ls /proc/{pid}/root/",
    "limits": "prlimit --pid {pid} --nofile=64:64",
    "priority": "renice -n 19 -p {pid}",
    "processors": "taskset -p 1 {pid}",
    "list of processes": "ls /proc | grep -q 1",
}


@pytest.mark.parametrize("command", NEIGHBOUR.values(), ids=NEIGHBOUR)
async def test_programs_of_the_same_user(
    reduced: Executor, victim: subprocess.Popen[bytes], command: str
) -> None:
    line = command.format(pid=victim.pid)
    outside = subprocess.run(["bash", "-c", line], capture_output=True, check=False, cwd="/", **AS_UID)
    assert outside.returncode == 0, outside.stderr
    inside = await reduced.call("bash", {"command": line})
    assert not inside.ok, inside.text
    assert victim.poll() is None


TRACE = (
    "import ctypes, sys; l = ctypes.CDLL(None, use_errno=True); "
    "sys.exit(l.ptrace(16, int(sys.argv[1]), 0, 0) != 0)"
)


async def test_tracing_where_debuggers_are_allowed(open_tmp: Path, victim: subprocess.Popen[bytes]) -> None:
    """Only what the sandbox started itself, whatever the filter lets through."""
    work = open_tmp / "work"
    work.mkdir()
    attach = f"/usr/bin/python3 -I -S -c '{TRACE}' {victim.pid}"
    outside = subprocess.run(["bash", "-c", attach], check=False, cwd="/", **AS_UID)
    executor = await Executor.start(work, own=True, settings=replace(REDUCED, allow_ptrace=True))
    try:
        assert outside.returncode == 0
        own = f"sleep 5 & /usr/bin/python3 -I -S -c '{TRACE}' $!"
        assert (await executor.call("bash", {"command": own})).ok
        assert not (await executor.call("bash", {"command": attach})).ok
        assert not (await executor.call("bash", {"command": attach.replace(str(victim.pid), "$PPID")})).ok
    finally:
        await executor.close()


_WAIT = "print(1, flush=True); time.sleep(60)"
_FILE = f"import time; open('@/f', 'w').close(); {_WAIT}"
_UNIX = "import socket, time; s = socket.socket(socket.AF_UNIX"
_DATAGRAMS = f"{_UNIX}, socket.SOCK_DGRAM); s.bind('@/d'); {_WAIT}"
_PAIR = "import socket; a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)"
_C = "import ctypes, sys, time; l = ctypes.CDLL(None)"
_WATCH = "sys.exit(l.inotify_add_watch(l.inotify_init(), b'@', 1) != 1)"
_LISTEN = f"{_UNIX}); s.bind('@/s'); s.listen(); {_WAIT}"
# What a program of a user offers to all others of that user, and how one uses it. @ is a folder.
# fmt: off
SHARED = {
    "memory": (f"{_C}; l.shmget(KEY, 4096, 0o1666); {_WAIT}", f"{_C}; sys.exit(l.shmget(KEY, 0, 0) < 0)"),
    "messages": (f"{_C}; l.msgget(KEY, 0o1666); {_WAIT}", f"{_C}; sys.exit(l.msgget(KEY, 0) < 0)"),
    "socket with a path": (_LISTEN, "import socket; socket.socket(socket.AF_UNIX).connect('@/s')"),
    "socket with a path, from a pair": (_DATAGRAMS, f"{_PAIR}; a.sendto(b'x', '@/d')"),
    "a pair, connected elsewhere": (_DATAGRAMS, f"{_PAIR}; b.close(); a.connect('@/d')"),
    "what happens in a folder": (_FILE, f"{_C}; {_WATCH}"),
    "attributes of a file": (_FILE, "import os; os.setxattr('@/f', 'user.x', b'x')"),
    "the group of a file": (_FILE, "import os; os.chown('@/f', -1, os.getgid())"),
}
# fmt: on
_DROP = f"{_C}; l.shmctl(l.shmget(KEY, 0, 0), 0, 0); l.msgctl(l.msgget(KEY, 0), 0, 0)"


@pytest.mark.parametrize(("offer", "use"), SHARED.values(), ids=SHARED)
async def test_what_programs_of_a_user_share(reduced: Executor, open_tmp: Path, offer: str, use: str) -> None:
    room = open_tmp / "r"
    room.mkdir()
    give_to(room, UID)
    short = Path(f"/tmp/codebutler-{os.getpid()}-{room.stat().st_ino}")  # a socket's path must be short
    short.symlink_to(room)
    python = ["/usr/bin/python3", "-I", "-S", "-c"]
    key = str(os.getpid())
    command = [*python, offer.replace("@", str(short)).replace("KEY", key)]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd="/", **AS_UID) as offering:
            assert offering.stdout is not None
            offering.stdout.readline()
            line = use.replace("@", str(short)).replace("KEY", key)
            outside = subprocess.run([*python, line], check=False, capture_output=True, cwd="/", **AS_UID)
            program = reduced.worktree / "use.py"
            program.write_text(line)
            program.chmod(0o644)
            inside = await reduced.call("bash", {"command": "/usr/bin/python3 -I -S use.py"})
            offering.kill()
    finally:
        short.unlink()
        subprocess.run([*python, _DROP.replace("KEY", key)], check=True, cwd="/", **AS_UID)
    assert outside.returncode == 0, outside.stderr
    assert not inside.ok, inside.text


@pytest.mark.parametrize("kind", ["AF_INET", "AF_INET6"])
async def test_no_socket_of_the_internet(reduced: Executor, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = f"exec 3<>/dev/tcp/127.0.0.1/{server.getsockname()[1]}"
        make = f"/usr/bin/python3 -c 'import socket; socket.socket(socket.{kind})'"
        result = await reduced.call("bash", {"command": f"{make}; {connect}"})
    assert not result.ok
    assert "PermissionError" in result.text


def test_the_filter_is_wider_without_namespaces() -> None:
    assert len(seccomp.assembled(namespaces=False)) > len(seccomp.assembled()) + 8 * 60


@pytest.mark.skipif(os.geteuid() != 0, reason="only root looks for an interpreter of others")
def test_an_interpreter_for_another_user() -> None:
    program, prefix = host.shared_interpreter()
    with contextlib.suppress(PermissionError):
        assert subprocess.run([program, "-I", "-S", "-c", "pass"], check=False, **AS_UID).returncode == 0
    assert prefix is None or prefix.is_dir()
