"""The border's own text: the filter, the probe, and what is said when there is none."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from codebutler.errors import NoSandbox
from codebutler.sandbox import host, seccomp
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.job import Job
from codebutler.sandbox.launch import opened
from codebutler.sandbox.probe import probe
from codebutler.sandbox.settings import SandboxSettings

ALLOW, EPERM, ENOSYS, EAFNOSUPPORT = 0x7FFF0000, 0x50001, 0x50026, 0x50061
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def judge(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """Run the filter as the kernel would: the value that it returns for one call."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("=IIQ6Q", number, ARCH[machine] if arch is None else arch, 0, *padded)
    program, at, loaded = seccomp.program(machine), 0, 0
    while True:
        code, yes, no, k = program[at]
        at += 1
        if code == 0x06:
            return k
        if code == 0x20:
            loaded = struct.unpack_from("=I", data, k)[0]
        else:
            taken = {0x15: loaded == k, 0x35: loaded >= k, 0x45: bool(loaded & k)}[code]
            at += yes if taken else no


@pytest.mark.parametrize(
    ("machine", "number", "arguments", "verdict"),
    [
        ("x86_64", 0, (), ALLOW),  # read
        ("x86_64", 101, (), EPERM),  # ptrace
        ("x86_64", 165, (), EPERM),  # mount
        ("x86_64", 435, (), ENOSYS),  # clone3
        ("x86_64", 0x40000000, (), ENOSYS),  # x32
        ("x86_64", 56, (0x10000000,), EPERM),  # clone, new user namespace
        ("x86_64", 56, (0x3D0F00,), ALLOW),  # clone, a thread
        ("x86_64", 41, (1,), ALLOW),  # socket, unix
        ("x86_64", 41, (10,), ALLOW),  # socket, inet6
        ("x86_64", 41, (40,), EAFNOSUPPORT),  # socket, vsock
        ("x86_64", 53, (16,), EAFNOSUPPORT),  # socketpair, netlink
        ("x86_64", 16, (0, 0x5412), EPERM),  # TIOCSTI
        ("x86_64", 16, (0, 0xFFFFFFFF00005412), EPERM),  # the kernel drops the high half too
        ("x86_64", 16, (0, 0x5413), ALLOW),
        ("x86_64", 90, (0, 0o4755), EPERM),  # chmod u+s
        ("x86_64", 90, (0, 0o1777), ALLOW),
        ("x86_64", 257, (0, 0, 0, 0o6000), ALLOW),  # openat without a mode
        ("x86_64", 257, (0, 0, 0o101, 0o4755), EPERM),  # openat that creates
        ("x86_64", 257, (0, 0, 0o101, 0o644), ALLOW),
        ("x86_64", 2, (0, 0o20200001, 0o2755), EPERM),  # open with O_TMPFILE
        ("aarch64", 117, (), EPERM),  # ptrace
        ("aarch64", 220, (0x20000000,), EPERM),  # clone, new pid namespace
        ("aarch64", 198, (40,), EAFNOSUPPORT),  # socket, vsock
        ("aarch64", 53, (0, 0, 0o4755), EPERM),  # fchmodat
        ("aarch64", 101, (), ALLOW),  # nanosleep there, ptrace elsewhere
    ],
)
def test_verdicts(machine: str, number: int, arguments: tuple[int, ...], verdict: int) -> None:
    assert judge(machine, number, *arguments) == verdict


def test_calls_of_another_architecture_do_not_exist() -> None:
    assert judge("x86_64", 0, arch=0x40000003) == ENOSYS


def test_debuggers_can_be_allowed() -> None:
    assert len(seccomp.assembled(allow_ptrace=True)) < len(seccomp.assembled())


def test_an_unknown_machine_has_no_filter() -> None:
    with pytest.raises(NoSandbox, match="riscv64"):
        seccomp.program("riscv64")


async def test_the_probe_finds_the_border() -> None:
    found = await probe()
    assert found.ok, [check for check in found.checks if not check.ok]
    assert found.tier == "bwrap"
    assert found.by.startswith("bwrap 0.1")
    assert len(found.checks) > 12


async def test_the_probe_sees_that_it_is_off() -> None:
    found = await probe(SandboxSettings(tier="off"))
    assert not found.ok
    assert "switched off" in found.problem


async def test_the_probe_reports_instead_of_raising(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("raise SystemExit('broken')")
    found = await probe(SandboxSettings(tools=tmp_path))
    assert not found.ok
    assert found.tier == "none"
    assert found.fix


@pytest.mark.parametrize(
    "place", ["", ".ssh", ".cargo", "..", "link", "file", "none", "/", "/etc", "/var/lib", "/run"]
)
def test_folders_that_are_never_shown(home: Path, place: str) -> None:
    for name in (".ssh", ".cargo", "real"):
        (home / name).mkdir()
    (home / "link").symlink_to(home / "real")
    (home / "file").touch()
    with pytest.raises(NoSandbox, match=r"sandbox\.show"):
        host.shown([(home / place).resolve() if place == ".." else home / place])


async def test_toolchains_and_shown_folders_are_readable_and_nothing_beside_them(
    home: Path, open_tmp: Path, folder: Path
) -> None:
    """What the home holds beside compilers stays out, also where both lie in one folder."""
    home.parent.chmod(0o755)
    home.chmod(0o755)
    programs = [
        ".cargo/bin/cc1",
        ".rustup/x",
        ".nvm/versions/node/v1/bin/n",
        "go/pkg/m",
        ".local/share/uv/x",
        "jdk/x",
    ]
    programs += [".local/share/mise/x", ".asdf/x", ".pyenv/x"]
    secrets = [
        ".cargo/credentials.toml",
        ".npmrc",
        ".nvm/x",
        "go/src/x",
        ".local/share/keys",
        ".local/bin/x",
        ".ssh/id",
    ]
    for name in (*programs, *secrets):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    executor = await Executor.start(folder, settings=SandboxSettings(show=(home / "jdk",)))
    try:
        for name in programs:
            assert (
                await executor.call("bash", {"command": f"cat {home}/{name}; ! touch {home}/{name}"})
            ).ok, name
        for name in secrets:
            assert (await executor.call("bash", {"command": f"! test -e {home}/{name}"})).ok, name
    finally:
        await executor.close()


async def test_the_probe_asks_the_way_out_too() -> None:
    found = await probe(SandboxSettings(allow=("a.example.org:443",)))
    assert found.ok, [check for check in found.checks if not check.ok]
    assert "reach a host that is not listed" in [check.name for check in found.checks]


def test_a_source_that_became_a_link_is_not_followed(tmp_path: Path, folder: Path) -> None:
    """A command of another sandbox may swap them between the look and the mount."""
    (tmp_path / "keys").mkdir()
    (folder / "real").mkdir()
    (folder / "link").symlink_to(tmp_path / "keys")
    (folder / "above").symlink_to(folder / "real")
    (folder / "real/below").mkdir()
    job = Job(folder.resolve(), None, read_only=False, settings=SandboxSettings())
    os.close(opened(job.root / "real/below", job))
    for name in ("link", "above/below"):
        with pytest.raises(NoSandbox, match="into a link"):
            opened(job.root / name, job)
