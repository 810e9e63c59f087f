"""Attempts to get out, by category. Every one is a command that a hostile model might run."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings

SECRET = "CANARY-7c1f"


@pytest.fixture
def secrets(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """What lies about on a host: a file beside the worktree, keys in the home, a variable."""
    places = {
        "beside": tmp_path / "secret.txt",
        "key": home / ".ssh" / "id",
        "config": home / ".codebutler/config.json",
    }
    for path in places.values():
        path.parent.mkdir(exist_ok=True)
        path.write_text(SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    return places


READS = {
    "absolute": "cat {beside}",
    "climbing": "cat ../secret.txt",
    "home": "cat {key} {config} ~/.ssh/id",
    "symlink": "ln -s {beside} l && cat l",
    "hardlink": "ln {beside} l && cat l",
    "proc root": "cat /proc/1/root{beside} /proc/self/root{beside}",
    "proc cwd": "cat /proc/*/cwd/../secret.txt",
    "proc fd": "for f in /proc/1/fd/*; do cat $f/../secret.txt; done",
    "environment": "env; cat /proc/*/environ",
    "command lines": "cat /proc/*/cmdline",
    "find": "find / -xdev -name secret.txt -exec cat {{}} +; find / -name id -path '*.ssh*' -exec cat {{}} +",
    "accounts": "cat /etc/shadow; grep root /etc/passwd && echo CANARY-7c1f",
    "disk": "cat /dev/vda /dev/sda | head -c 100",
    "kernel memory": "head -c 100 /proc/kcore | grep -q . && echo CANARY-7c1f",
    "sys": "ls /sys/class && echo CANARY-7c1f",
}


@pytest.mark.parametrize("command", READS.values(), ids=READS)
async def test_reading(executor: Executor, secrets: dict[str, Path], command: str) -> None:
    result = await executor.call("bash", {"command": command.format(**secrets), "timeout": 20})
    assert SECRET not in result.text


WRITES = {
    "absolute": "echo x > {beside}",
    "climbing": "echo x > ../planted; mkdir ../d",
    "home": "echo x >> {key}; mkdir -p ~/.config && echo x > ~/.bashrc",
    "symlink": "ln -s {parent} l && echo x > l/planted",
    "remove": "rm -rf {beside} {parent}/*",
    "rename": "mv {beside} {parent}/moved; mv {parent} /tmp/else",
    "mount": "mount --bind / /tmp; mount -t tmpfs none {parent}",
    "remount": "mount -o remount,rw /usr; touch /usr/planted",
    "namespace": "unshare -Urm sh -c 'mount --bind {parent} /tmp && echo x > /tmp/planted'",
    "proc root": "echo x > /proc/1/root{parent}/planted",
}


@pytest.mark.parametrize("command", WRITES.values(), ids=WRITES)
async def test_writing(
    executor: Executor, secrets: dict[str, Path], outside: Callable[[], dict[str, bytes]], command: str
) -> None:
    before = outside()
    await executor.call("bash", {"command": command.format(**secrets, parent=secrets["beside"].parent)})
    assert outside() == before
    assert secrets["key"].read_text() == SECRET


MUST_FAIL = {
    "user namespace": "unshare -Ur true",
    "mount namespace": "unshare -m true",
    "mount": "mount -t tmpfs none /tmp",
    "chroot": "chroot / true",
    "vsock": "python3 -c 'import socket; socket.socket(40, 1)'",
    "netlink": "python3 -c 'import socket; socket.socket(16, 3)'",
    "packet": "python3 -c 'import socket; socket.socket(17, 3)'",
    "dns": "python3 -c 'import socket; socket.getaddrinfo(\"example.com\", 80)'",
    "route": "python3 -c 'import socket; socket.create_connection((\"1.1.1.1\", 443), 2)'",
    "executor memory": "head -c 1 /proc/1/mem",
    "executor descriptors": "ls /proc/1/fd/0",
    "kill the executor": "kill -9 1; kill -0 1 && test ! -d /proc/1",
    "sysctl": "echo x > /proc/sys/kernel/core_pattern",
    "sysrq": "echo h > /proc/sysrq-trigger | grep -q . || test -s /proc/sysrq-trigger",
    "replace the pointer": "rm -f .git && test ! -e .git",
    "device": "mknod d c 1 3 && test -c d",
    "write to /usr": "touch /usr/x",
    "write to /etc": "touch /etc/x",
    "write to the root": "touch /x",
    "write to /dev": "touch /dev/x",
    "write to the program": "touch /codebutler/tools/x || echo >> /codebutler/tools/server.py",
    "set the clock": "date -s '2001-01-01'",
    "raise limits": "ulimit -u 100000",
    "fill memory": "python3 -c 'bytearray(3 * 1024**3)'",
}


@pytest.mark.parametrize("command", MUST_FAIL.values(), ids=MUST_FAIL)
async def test_refused(hands: Executor, command: str) -> None:
    result = await hands.call("bash", {"command": command, "timeout": 20})
    assert not result.ok, result.text
    assert (await hands.call("bash", {"command": "true"})).ok


async def test_the_sandbox_is_never_root(hands: Executor, linked: Any) -> None:
    """Neither in its own eyes, nor in the host's: what it leaves belongs to the sandbox's user."""
    assert (await hands.call("bash", {"command": "id -u; echo x > mine"})).text == "1000"
    owner = (linked.tree / "mine").stat().st_uid
    assert owner == (SandboxSettings().uid if os.geteuid() == 0 else os.geteuid())


@pytest.mark.parametrize(
    "command",
    [
        "cp /bin/true s; chmod u+s s; chmod 6755 s; chmod g+s s",
        "python3 -c 'import os; os.open(\"s\", os.O_CREAT | os.O_WRONLY, 0o4755)'",
        "python3 -c 'import os; os.mknod(\"s\", 0o104755)'",
        "install -m 4755 /bin/true s",
    ],
)
async def test_no_setuid_file_is_left(executor: Executor, folder: Path, command: str) -> None:
    await executor.call("bash", {"command": command})
    for path in folder.iterdir():
        assert not path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)


async def test_the_openat2_way_round_is_closed(executor: Executor, folder: Path) -> None:
    """A filter cannot look into its arguments, so the call does not exist inside."""
    script = (
        "import ctypes, struct; how = struct.pack('QQQ', 0o101, 0o4755, 0); "
        "print(ctypes.CDLL(None).syscall(437, -100, b's', how, 24))"
    )
    assert (await executor.call("bash", {"command": f'python3 -c "{script}"'})).text == "-1"
    assert not (folder / "s").exists()


async def test_the_hosts_loopback_is_out_of_reach(executor: Executor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)"
        result = await executor.call("bash", {"command": f'python3 -c "{script}"'})
    assert "refused" in result.text


async def test_the_hosts_processes_are_out_of_sight(executor: Executor) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "seen-from-inside"]
    ) as victim:
        result = await executor.call(
            "bash", {"command": f"cat /proc/*/cmdline; kill -9 {victim.pid}; kill -9 -1"}
        )
        assert "seen-from-inside" not in result.text
        assert victim.poll() is None
        victim.kill()


async def test_a_fork_bomb_ends_with_its_command(executor: Executor) -> None:
    command = "bomb() { bomb | bomb & }; bomb; sleep 1; echo over"
    await executor.call("bash", {"command": command, "timeout": 3})
    left = await executor.call("bash", {"command": "ls -d /proc/[0-9]* | wc -l"})
    assert left.ok, left.text
    assert int(left.text) <= 5


async def test_memory_of_tmp_is_bounded(folder: Path) -> None:
    small = SandboxSettings(tmp_size=4 * 1024 * 1024)
    executor = await Executor.start(folder, settings=small)
    try:
        assert (
            "No space left"
            in (await executor.call("bash", {"command": "head -c 8M /dev/zero > /tmp/x"})).text
        )
    finally:
        await executor.close()


async def test_space_is_not_reserved_past_the_limit(executor: Executor, folder: Path) -> None:
    await executor.call("bash", {"command": "for i in 1 2 3; do fallocate -l 1G f$i; done"})
    assert sum(path.stat().st_blocks * 512 for path in folder.iterdir()) < 1024 * 1024


async def test_the_pointer_of_a_worktree_stays(hands: Executor, linked: Any) -> None:
    pointer = (linked.tree / ".git").read_bytes()
    for command in (
        "rm -rf .git",
        "mv .git x",
        "echo gitdir: /tmp > .git",
        "ln -sf /tmp .git",
        "mkdir -p .git/x",
    ):
        await hands.call("bash", {"command": command})
    for arguments in ({"path": ".git", "content": "x"}, {"path": "./sub/../.git", "content": "x"}):
        assert not (await hands.call("write", arguments)).ok
    assert (linked.tree / ".git").read_bytes() == pointer


async def test_the_repositorys_folder_is_unchanged(hands: Executor, linked: Any) -> None:
    dot = linked.repo / ".git"
    before = {path: path.read_bytes() for path in dot.rglob("*") if path.is_file()}
    command = f"""cd {dot}; rm -rf *; echo x > hooks/pre-commit; echo x > config; touch x objects/x refs/x
    git --git-dir {dot} update-ref refs/heads/evil HEAD; git --git-dir {dot} config core.pager evil"""
    await hands.call("bash", {"command": command})
    assert {path: path.read_bytes() for path in dot.rglob("*") if path.is_file()} == before


async def test_a_checkout_hides_the_daemons_records(git_repo: Path) -> None:
    """A person's own checkout holds our store and other threads' worktrees."""
    own = git_repo / ".codebutler"
    (own / "branches" / "other").mkdir(parents=True)
    (own / "branches" / "other" / "file").write_text(SECRET)
    (own / "store.db").write_text(SECRET)
    (own / "memory").mkdir()
    (own / "memory" / "pm.md").write_text("known\n")
    executor = await Executor.start(git_repo)
    try:
        result = await executor.call(
            "bash", {"command": "grep -r . .codebutler; touch .codebutler/memory/x; true"}
        )
        assert SECRET not in result.text
        assert "known" in result.text
    finally:
        await executor.close()
    assert [path.name for path in (own / "memory").iterdir()] == ["pm.md"]
