"""What cannot run on the machine that this was written on is tested as text: cgroup scopes and macOS."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from codebutler.sandbox.job import Job
from codebutler.sandbox.launch import prepare
from codebutler.sandbox.scope import offered, wrapped
from codebutler.sandbox.seatbelt import profile
from codebutler.sandbox.settings import SandboxSettings

STAND_IN = """#!/bin/sh
while [ "$1" != -- ]; do echo "$1" >> {log}; shift; done; shift; exec "$@"
"""


def test_a_scope_bounds_memory_and_tasks_and_hides_the_bus() -> None:
    argv = wrapped(["/x/bwrap", "--cap-drop", "ALL"], memory=2**30, tasks=99)
    assert argv[:3] == ["systemd-run", "--user", "--scope"]
    assert {"MemoryMax=1073741824", "MemorySwapMax=0", "TasksMax=99", "CPUWeight=50"} <= set(argv)
    assert argv[argv.index("--") + 1 :] == ["/usr/bin/env", "-i", "/x/bwrap", "--cap-drop", "ALL"]


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's session with systemd; returns the file in which systemd-run notes its options."""
    (tmp_path / "run" / "systemd").mkdir(parents=True)
    (tmp_path / "run" / "systemd" / "private").touch()
    (tmp_path / "cgroup").mkdir()
    (tmp_path / "cgroup" / "cgroup.controllers").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "systemd-run").write_text(STAND_IN.format(log=tmp_path / "log"))
    (tmp_path / "bin" / "systemd-run").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path / "log"


def test_a_scope_is_used_only_where_it_is_offered(session: Path) -> None:
    cgroups = session.parent / "cgroup"
    found = offered(os.environ, uid=1000, cgroups=cgroups)
    assert found is not None
    assert set(found) == {"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "PATH"}
    assert offered(os.environ, uid=0, cgroups=cgroups) is None
    assert offered(os.environ, uid=1000, cgroups=session.parent) is None
    assert offered({**os.environ, "XDG_RUNTIME_DIR": "/nowhere"}, uid=1000, cgroups=cgroups) is None
    assert offered({**os.environ, "PATH": "/nowhere"}, uid=1000, cgroups=cgroups) is None


def test_the_sandbox_starts_through_a_scope(session: Path, folder: Path) -> None:
    """With a stand-in for systemd-run, which keeps descriptors and process as the real one does."""
    launch = prepare(Job(folder, None, False, SandboxSettings()))
    bus = offered(os.environ, uid=1000, cgroups=session.parent / "cgroup")
    argv = wrapped(launch.argv, memory=2**30, tasks=99)
    scoped = replace(launch, argv=argv, env=bus or {})
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    look = {"name": "bash", "arguments": {"command": "env; cat /proc/*/environ; echo here"}}
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": look}
    process = scoped.popen(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{json.dumps(hello)}\n{json.dumps(call)}\n".encode())
        process.stdin.flush()
        assert b"serverInfo" in process.stdout.readline()
        said = process.stdout.readline()
        process.stdin.close()
    assert b"here" in said
    assert b"XDG_RUNTIME_DIR" not in said
    assert "MemoryMax=1073741824" in session.read_text()


def test_the_profile_for_macos() -> None:
    text = profile(
        Path("/Users/x/w"), gitdir=Path("/Users/x/r/.git"), scratch=Path("/private/tmp/t"),
        visible=(Path("/Users/x/.cargo/bin"),),
    )  # fmt: skip
    lines = text.splitlines()
    assert lines[:2] == ["(version 1)", "(deny default)"]
    assert text.count("(") == text.count(")")
    reads = " ".join(line for line in lines if line.startswith("(allow file-read*"))
    writes = next(line for line in lines if line.startswith("(allow file-write*"))
    for path in ("/Users/x/w", "/private/tmp/t", "/Users/x/.cargo/bin", "/Users/x/r/.git"):
        assert f'(subpath "{path}")' in reads
    assert '"/Users/x"' not in reads
    assert '(subpath "/Users/x/r/.git")' not in writes
    assert lines.index('(deny file-write* (subpath "/Users/x/w/.git"))') > lines.index(writes)
    assert '(deny file-read* (literal "/Users/x/r/.git/config") (subpath "/Users/x/r/.git/hooks"))' in lines
    assert lines[-1] == "(deny network*)"
    assert not [
        service for service in ("launchservices", "pasteboard", "coreservices") if service in text.lower()
    ]


def test_the_profile_for_macos_with_a_way_out() -> None:
    text = profile(Path("/w"), gitdir=None, scratch=Path("/s"), proxy_port=3128)
    assert text.endswith('(deny network*)\n(allow network-outbound (remote ip "localhost:3128"))\n')


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a\0b"])
def test_a_name_cannot_end_the_profile_early(name: str) -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        profile(Path("/", name), gitdir=None, scratch=Path("/s"))
