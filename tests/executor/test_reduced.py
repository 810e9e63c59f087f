"""The reduced border: what it holds that the corpus cannot ask for, what works behind it, what it refuses.

Each attempt is shown to succeed for the same user without the border, in the same test.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codebutler.errors import NoSandbox
from codebutler.sandbox import host, landlock, seccomp
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.launch import give_to
from codebutler.sandbox.outfit import Layer, Outfit
from codebutler.sandbox.probe import NOT_HELD, probe
from codebutler.sandbox.settings import SandboxSettings

REDUCED = SandboxSettings(tier="reduced")
UID = REDUCED.uid if os.geteuid() == 0 else os.geteuid()
AS_UID: dict[str, Any] = {"user": UID, "group": UID, "extra_groups": []} if os.geteuid() == 0 else {}


@pytest.fixture
async def reduced(open_tmp: Path) -> AsyncIterator[Executor]:
    """An executor behind the reduced border, on a folder of its own."""
    work = open_tmp / "work"
    work.mkdir()
    running = await Executor.start(work, own=True, settings=REDUCED)
    yield running
    await running.close()


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
    "priority": "renice -n 5 -p {pid}",
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


async def test_nothing_outlives_its_call(reduced: Executor) -> None:
    """Whatever it does to its session, parent or signals; also a chain in which each starts the next."""
    chain = reduced.worktree / "chain.sh"
    chain.write_text("trap '' TERM HUP\nsetsid bash chain.sh \"$1\" > /dev/null 2>&1 &\n")
    for start in ("(setsid sleep 977 &) &", "setsid bash chain.sh 977 > /dev/null 2>&1 &"):
        await reduced.call("bash", {"command": f"{start} sleep 0.2"})
        assert _running("977") == []


async def test_a_job_outlives_its_call_and_nothing_else_does(reduced: Executor) -> None:
    job = await reduced.call("bash", {"command": "sleep 978 & sleep 979; wait", "background": True})
    number = job.details["job"]
    await reduced.call("bash", {"command": "setsid sleep 976 > /dev/null 2>&1 &"})
    assert (_running("976"), len(_running("978")), len(_running("979"))) == ([], 1, 1)
    stopped = await reduced.call("bash", {"job": number, "stop": True})
    assert "ended" in stopped.text
    assert _running("97[89]") == []


@pytest.mark.parametrize("how", ["close", "kill"])
async def test_nothing_outlives_the_executor(reduced: Executor, how: str) -> None:
    call = asyncio.create_task(reduced.call("bash", {"command": "(setsid sleep 975 &); sleep 974"}))
    await _number("97[45]", 2)
    if how == "close":
        await reduced.close()
    else:
        os.kill(reduced.pid, signal.SIGTERM)
    assert not (await call).ok
    await _number("97[45]", 0)
    if how == "kill":
        assert (await reduced.call("bash", {"command": "echo back"})).text == "back"


async def test_nothing_outlives_the_daemon(codebutler: list[str], open_tmp: Path, home: Path) -> None:
    work = open_tmp / "work"
    work.mkdir()
    give_to(work, UID)
    _configure(home)
    command = [*codebutler, "executor", "--worktree", str(work)]
    call = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"bash","arguments":'
        b'{"command":"(setsid sleep 973 &); sleep 972"}}}\n'
    )
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as daemon:
        assert daemon.stdin is not None
        daemon.stdin.write(call)
        daemon.stdin.flush()
        await _number("97[23]", 2)
        daemon.kill()
    await _number("97[23]", 0)


def _running(seconds: str) -> list[str]:
    pattern = f"^(sleep|bash chain.sh) {seconds}$"
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, check=False)
    return found.stdout.decode().split()


async def _number(seconds: str, wanted: int) -> None:
    """Until so many of them run."""
    until = time.monotonic() + 20
    while len(_running(seconds)) != wanted and time.monotonic() < until:  # noqa: ASYNC110 - they are no tasks of ours
        await asyncio.sleep(0.05)
    assert len(_running(seconds)) == wanted


# ------------------------------------------------------------------------------------------------ git

GIT = {
    "git status --short": "?? new",
    "git log --format=%s -1": "more",
    "git diff HEAD~1 --stat": "code.py",
    "git show HEAD:hello.txt": "hello",
    "git blame hello.txt": "hello",
    "git grep -c hello": "hello.txt:1",
    "git -C sub log --format=%s -1": "more",
    "cd sub && git rev-parse --show-toplevel": "/t",
    "git branch --list main --format='%(refname)'": "refs/heads/main",
    "git init -q $TMPDIR/o && git -C $TMPDIR/o commit -qm first --allow-empty "
    "&& git -C $TMPDIR/o log --format=%s": "first",
    "git init -q n && cd n && git commit -qm nested --allow-empty && git log --format=%s": "nested",
    "git config --get core.bare; git config --list | grep -c TOKEN || true": "0",
}
GIT_FAILS = (
    "git clone -q . $TMPDIR/c",
    "git add new",
    "git commit -qm x --allow-empty",
    "git branch x",
    "git stash -u",
    "git tag x",
)


async def test_git_behind_it(linked: Any, open_tmp: Path) -> None:
    """Reading works, also beside other repositories; writing its records does not; checkpoints do."""
    before = linked.git("for-each-ref")
    executor = await Executor.start(linked.tree, own=True, settings=REDUCED)
    try:
        await executor.fill(linked.base)
        subprocess.run(
            ["git", "--git-dir", linked.repo / ".git/worktrees/t", "read-tree", "HEAD"], check=True
        )
        for path in (linked.repo / ".git/worktrees/t").iterdir():
            path.chmod(path.stat().st_mode | 0o044)
        assert (await executor.call("write", {"path": "new", "content": "x\n"})).ok
        for command, said in GIT.items():
            result = await executor.call("bash", {"command": command})
            assert (result.ok, said in result.text) == (True, True), (command, result.text)
        for command in GIT_FAILS:
            assert not (await executor.call("bash", {"command": command})).ok, command
        await executor.call("bash", {"command": "rm -rf n"})
        assert [each.path for each in await executor.status(linked.base)] == ["new"]
        assert "+x" in await executor.diff(linked.base)
        built = await executor.tree(linked.base)
        assert sum([len(piece) async for piece in executor.pack()]) == built.pack_size
    finally:
        await executor.close()
    assert linked.git("for-each-ref") == before


# ------------------------------------------------------------------------------------------- refusals


async def test_what_it_cannot_hold_is_refused(git_repo: Path, open_tmp: Path) -> None:
    work = open_tmp / "work"
    work.mkdir()
    cases: list[tuple[Path, SandboxSettings, Outfit | None, str]] = [
        (git_repo, REDUCED, None, "cannot protect a repository inside"),
        (work, replace(REDUCED, allow=("a.example.org:443",)), None, "has no network"),
        (work, replace(REDUCED, git_scratch=True), None, "gitScratch"),
        (work, REDUCED, Outfit((Layer(work, "/x"),)), "lay dependencies"),
    ]
    for folder, settings, outfit, said in cases:
        with pytest.raises(NoSandbox, match=said) as refused:
            await Executor.start(folder, own=True, settings=settings, outfit=outfit)
        assert refused.value.fix


async def test_a_planted_repository_gets_nothing_shown(open_tmp: Path, git_repo: Path) -> None:
    """A pointer to a repository that the sandbox made itself, which borrows from another one."""
    work = open_tmp / "work"
    evil = work / "evil"
    shutil.copytree(git_repo / ".git", evil)
    (evil / "objects/info/alternates").write_text(f"{git_repo}/.git/objects\n")
    (evil / "worktrees/t").mkdir(parents=True)
    (evil / "worktrees/t/gitdir").write_text(f"{work}/.git\n")
    (work / ".git").write_text(f"gitdir: {evil}/worktrees/t\n")
    with pytest.raises(NoSandbox, match="cannot protect a repository inside"):
        await Executor.start(work, own=True, settings=REDUCED)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user works in what is theirs")
async def test_as_root_only_what_the_sandboxes_user_can_reach(open_tmp: Path) -> None:
    work = open_tmp / "closed" / "work"
    work.mkdir(parents=True)
    with pytest.raises(NoSandbox, match=r"uid 59743, cannot use .*work \(it cannot write there\)") as refused:
        await Executor.start(work, settings=REDUCED)
    assert "chown -R 59743" in refused.value.fix
    work.parent.chmod(0o700)
    with pytest.raises(NoSandbox, match=r"uid 59743, cannot use .*work"):
        await Executor.start(work, own=True, settings=REDUCED)
    work.parent.chmod(0o755)
    reading = await Executor.start(work, read_only=True, settings=REDUCED)
    assert not (await reading.call("write", {"path": "x", "content": "x"})).ok
    await reading.close()


def _configure(home: Path) -> None:
    (home / ".codebutler").mkdir(mode=0o700)
    (home / ".codebutler/config.json").write_text('{"sandbox": {"tier": "reduced"}}')
    (home / ".codebutler/config.json").chmod(0o600)


WITHOUT = """
import ctypes, os, struct, sys
code = b"".join(struct.pack("=HBBI", *each) for each in
                [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x50026), (0x06, 0, 0, 0x7FFF0000)])
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
text = ctypes.create_string_buffer(code, len(code))
program = Program(4, ctypes.cast(text, ctypes.c_void_p))
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("landlock_is", ["there", "missing"])
def test_on_the_command_line(codebutler: list[str], open_tmp: Path, home: Path, landlock_is: str) -> None:
    """Announced on standard error; on a kernel without Landlock nothing runs and nothing else steps in."""
    work = open_tmp / "work"
    work.mkdir()
    give_to(work, UID)
    _configure(home)
    call = [*codebutler, "tool", "bash", '{"command":"id -u; touch ran"}', "--worktree", str(work)]
    before = [sys.executable, "-c", WITHOUT] if landlock_is == "missing" else []
    done = subprocess.run([*before, *call], capture_output=True, text=True, check=False)
    assert "REDUCED border" in done.stderr
    if landlock_is == "there":
        assert (done.returncode, done.stdout) == (0, f'{{"ok": true, "text": "{UID}"}}\n'), done.stderr
    else:
        assert (done.returncode, done.stdout) == (4, ""), done.stderr
        assert "Linux 6.12" in done.stderr
        assert list(work.iterdir()) == []


async def test_the_probe_tells_what_is_held_and_what_is_not() -> None:
    found = await probe(REDUCED)
    assert found.ok, [check for check in found.checks if not check.ok]
    assert (found.tier, found.by) == ("reduced", f"Landlock {landlock.abi()}")
    assert found.open == NOT_HELD
    assert len(found.checks) > 15


async def test_what_is_not_held_is_really_not(reduced: Executor, open_tmp: Path) -> None:
    """So that the list in docs/security.md stays honest: sizes and links can be seen, times changed."""
    secret = open_tmp / "secret"
    secret.write_text("four")
    give_to(open_tmp, UID)
    see = (
        f"stat -c %s {secret}; readlink /proc/self/exe > /dev/null; touch -d @0 {secret}; chmod 600 {secret}"
    )
    result = await reduced.call("bash", {"command": see})
    assert (result.ok, result.text) == (True, "4")
    assert (secret.stat().st_mtime, secret.stat().st_mode & 0o777) == (0, 0o600)


# --------------------------------------------------------------------------------------------- parts


def test_the_filter_is_wider_without_namespaces() -> None:
    assert len(seccomp.assembled(namespaces=False)) > len(seccomp.assembled()) + 8 * 60


@pytest.mark.skipif(os.geteuid() != 0, reason="only root looks for an interpreter of others")
def test_an_interpreter_for_another_user() -> None:
    program, prefix = host.shared_interpreter()
    with contextlib.suppress(PermissionError):
        assert subprocess.run([program, "-I", "-S", "-c", "pass"], check=False, **AS_UID).returncode == 0
    assert prefix is None or prefix.is_dir()
