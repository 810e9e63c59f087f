"""``codebutler service`` against stand-ins for systemctl and launchctl that record what they are told.

What systemd makes of a unit is systemd's; its command line is run here for real, with a notification socket.
"""

from __future__ import annotations

import asyncio
import json
import os
import plistlib
import shlex
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.service import installed
from codebutler.service.app import find_place, log_file
from codebutler.service.managers import Launchd
from codebutler.testing.stage import PROGRAM

if TYPE_CHECKING:
    from tests.conftest import Warm

SYSTEMCTL = """#!/bin/sh
cd "$STUB" || exit 9
echo "$*" >> calls
case "$*" in
  --version) echo "systemd 252 (252.1)"; exit 0 ;;
  *show-environment) test ! -e away || { echo "Failed to connect to bus: No medium found"; exit 1; } ;;
  "--user restart"*) test ! -e broken || { echo "Job failed because the control process exited"; exit 1; }
    touch active ;;
  "--user enable"*) touch enabled ;;
  "--user disable"*) rm -f enabled active ;;
  "--user show "*)
    if test -e active; then echo ActiveState=active; echo SubState=running; echo MainPID=4321
    else echo ActiveState=inactive; echo SubState=dead; echo MainPID=0; fi
    test -e enabled && echo UnitFileState=enabled
    echo NRestarts=2; echo Result=success; echo StatusText=codebutler serves it ;;
esac
exit 0
"""
LAUNCHCTL = """#!/bin/sh
cd "$STUB" || exit 9
echo "$*" >> calls
case "$1" in
  bootstrap) touch active ;;
  bootout) test -e active || exit 3; rm -f active ;;
  print) case "$2" in */*/*) test -e active || exit 113; printf '\\tstate = running\\n\\tpid = 77\\n\\truns = 1\\n' ;; esac ;;
esac
exit 0
"""
Cli = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """A folder with the stand-ins; ``calls`` in it is what they were told."""
    folder = tmp_path / "stub"
    folder.mkdir()
    for name, text in (
        ("systemctl", SYSTEMCTL),
        ("launchctl", LAUNCHCTL),
        ("loginctl", "#!/bin/sh\necho no\n"),
        ("journalctl", "#!/bin/sh\nexit 1\n"),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def env(tmp_path: Path, stub: Path) -> dict[str, str]:
    return {
        "PATH": f"{stub}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "me"),
        "STUB": str(stub),
        "OPENAI_API_KEY": "sk-canary-0123456789abcdefghij",
    }


@pytest.fixture
def cli(warm: Warm, git_repo: Path, env: dict[str, str]) -> Cli:
    async def run(*words: str, where: Path = git_repo, **more: str) -> tuple[int, str, str]:
        code, out, err = await warm.run(words, where, {**env, **more})
        return code, out.decode(), err.decode()

    return run


def unit_of(env: dict[str, str]) -> Path:
    [unit] = (Path(env["HOME"]) / ".config/systemd/user").glob("*.service")
    return unit


def told(stub: Path) -> list[str]:
    """What systemctl was told since the last look, without what only looks."""
    calls = (stub / "calls").read_text().splitlines()
    (stub / "calls").write_text("")
    return [c for c in calls if "show" not in c and c != "--version"]


async def test_a_service_comes_and_goes(cli: Cli, stub: Path, env: dict[str, str], git_repo: Path) -> None:
    code, out, err = await cli("service", "install")
    assert (code, err) == (0, "")
    assert "loginctl enable-linger" in out
    unit = unit_of(env)
    assert told(stub) == ["--user daemon-reload", f"--user enable {unit.name}", f"--user restart {unit.name}"]
    assert "sk-canary" not in unit.read_text() + out
    secrets = Path(env["HOME"]) / ".codebutler/services" / f"{unit.stem}.env"
    assert "OPENAI_API_KEY=sk-canary-0123456789abcdefghij" in secrets.read_text()
    assert secrets.stat().st_mode & 0o777 == 0o600

    code, out, err = await cli("--install")
    assert (code, err, told(stub)) == (0, "", [])
    assert "ran already" in out

    code, out, err = await cli("service", "status", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["running"]
    assert (found["pid"], found["restarts"], found["repos"]) == (4321, 2, [str(git_repo)])
    assert not found["edited"]

    code, out, err = await cli("service", "uninstall")
    assert (code, err) == (0, "")
    assert told(stub) == [
        f"--user disable --now {unit.name}", "--user daemon-reload", f"--user reset-failed {unit.name}",
    ]  # fmt: skip
    assert not unit.exists()
    assert secrets.exists()
    code, _, err = await cli("service", "uninstall")
    assert (code, "no service is installed for" in err) == (2, True)
    code, out, _ = await cli("service", "status", "--all")
    assert (code, out) == (0, "No service is installed.\n")


async def test_a_unit_that_was_edited_stays_until_forced(cli: Cli, stub: Path, env: dict[str, str]) -> None:
    await cli("service", "install")
    unit = unit_of(env)
    unit.write_text(unit.read_text().replace("RestartSec=15", "RestartSec=99"))
    told(stub)
    code, out, _ = await cli("service", "install")
    assert (code, "was changed by hand" in out, told(stub)) == (0, True, [])
    assert "RestartSec=99" in unit.read_text()
    assert "(changed by hand)" in (await cli("service", "status"))[1]
    await cli("service", "install", "--force")
    assert "RestartSec=15" in unit.read_text()
    assert any("restart" in call for call in told(stub))


async def test_a_key_of_the_host_stays_in_one_place(cli: Cli, env: dict[str, str]) -> None:
    """A copy would go on working, or failing, when the host's own is renewed."""
    home = Path(env["HOME"]) / ".codebutler"
    home.mkdir(parents=True)
    (home / "config.json").write_text('{"openai": {"apiKey": "sk-of-the-host"}}')
    (home / "config.json").chmod(0o600)
    code, out, _ = await cli(
        "service", "install", HTTPS_PROXY="http://proxy.example:3128", AWS_API_KEY="x" * 20
    )
    assert code == 0
    assert "OPENAI_API_KEY of this shell is left out" in out
    [file] = (home / "services").glob("*.env")
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert lines == ["HTTPS_PROXY=http://proxy.example:3128"]
    with file.open("a") as out_:
        out_.write("MINE=1\n")
    await cli("service", "install")
    assert "MINE=1" in file.read_text()


async def test_two_services_do_not_share_a_repo_or_an_app(
    cli: Cli, git_repo: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    other = tmp_path / "other" / "repo"
    subprocess.run(["git", "clone", "-q", str(git_repo), str(other)], check=True)
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1-2-3456789012", "SLACK_APP_TOKEN": "xapp-1-A0APP-3-456789012345"}
    assert (await cli("service", "install", **tokens))[0] == 0
    code, _, err = await cli("service", "install", "--repo", str(other), **tokens)
    assert code == 2
    assert f"codebutler service install --repo {git_repo} --repo {other}" in err
    code, _, err = await cli("service", "install", "--repo", str(other), "--repo", str(git_repo))
    assert (code, "is served by codebutler-repo-" in err) == (2, True)
    assert (await cli("service", "install", "--repo", str(git_repo), "--repo", str(other), **tokens))[0] == 0
    assert shlex.split(unit_of(env).read_text().split("ExecStart=")[1].splitlines()[0])[2:6] == [
        "--repo", str(git_repo), "--repo", str(other),
    ]  # fmt: skip


async def test_a_repo_that_moved_is_told_of(cli: Cli, git_repo: Path, tmp_path: Path) -> None:
    await cli("service", "install")
    moved = tmp_path / "moved"
    git_repo.rename(moved)
    code, out, _ = await cli("service", "install", where=moved)
    assert code == 0
    assert f"serves {git_repo}, which is gone: codebutler service uninstall codebutler-repo-" in out
    code, out, _ = await cli("service", "status", "--all", where=tmp_path)
    assert f"{git_repo} is gone" in out
    name = next(line.split()[-1] for line in out.splitlines() if "is gone" in line)
    assert (await cli("service", "uninstall", name, where=tmp_path))[0] == 0


@pytest.mark.parametrize(
    ("words", "mark", "said"),
    [
        (("install",), "away", "systemd runs no services for this user here (Failed to connect to bus"),
        (("install",), "broken", "Job failed because the control process exited. codebutler service logs"),
        (("install", "--repo", "/nowhere"), "", "/nowhere is not a folder"),
        (("install", "--repo", ".", "--repo", "."), "", "a repo is named twice"),
        (("install", "--status"), "", "say one of: install"),
        ((), "", "say one of: install"),
        (("logs",), "", "no service is installed for"),
        (("uninstall", "codebutler-x"), "", "no service 'codebutler-x' is installed"),
    ],
)
async def test_mistakes_are_one_line(
    cli: Cli, stub: Path, words: tuple[str, ...], mark: str, said: str
) -> None:
    if mark:
        (stub / mark).touch()
    code, out, err = await cli("service", *words)
    assert code in {1, 2}
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


async def test_where_there_is_no_systemd_the_container_is_named(cli: Cli, tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    git = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    (bare / "git").symlink_to(git)
    code, _, err = await cli("service", "install", PATH=str(bare))
    assert code == 1
    assert "systemctl is not installed" in err
    assert "codebutler serve --repo DIR" in err


async def test_launchd_gets_an_agent(
    stub: Path, git_repo: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    place, keeper = await find_place(git_repo, env=env), Launchd(env)
    record = (await installed.install([place], keeper, env, force=False)).record
    domain = f"gui/{os.getuid()}"
    assert f"bootstrap {domain} {record.file}" in (stub / "calls").read_text()
    agent = plistlib.loads(Path(record.file).read_bytes())
    assert agent["Label"] == record.name
    assert "sk-canary" not in Path(record.file).read_text()
    assert (await keeper.state(record.name)).pid == 77
    assert not (await installed.install([place], keeper, env, force=False)).changed
    await installed.uninstall(place.home, record, keeper)
    assert not Path(record.file).exists()
    assert not (await keeper.state(record.name)).running


async def test_the_units_command_line_says_that_it_is_up_and_alive(
    cli: Cli, env: dict[str, str], tmp_path: Path
) -> None:
    await cli("service", "install")
    unit = unit_of(env).read_text()
    words = shlex.split(unit.split("ExecStart=")[1].splitlines()[0])
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(path))
        heard.setblocking(False)
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, *words[1:], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": env["PATH"], "HOME": env["HOME"], "NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"},
        )  # fmt: skip
        loop, said = asyncio.get_running_loop(), list[str]()
        async with asyncio.timeout(60):
            while sum("WATCHDOG=1" in s for s in said) < 3 or not any("READY=1" in s for s in said):
                said.append((await loop.sock_recv(heard, 1000)).decode())
            process.send_signal(signal.SIGTERM)
            while not said[-1].startswith("STOPPING=1"):
                said.append((await loop.sock_recv(heard, 1000)).decode())
            _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert any("STATUS=codebutler serves" in s for s in said)


async def test_logs_come_from_the_file_where_no_journal_is(cli: Cli, stub: Path, env: dict[str, str]) -> None:
    await cli("service", "install")
    code, _, err = await cli("service", "logs")
    assert (code, "has said nothing yet" in err) == (1, True)
    home = Path(env["HOME"]) / ".codebutler"
    place = await find_place(
        Path(json.loads((await cli("service", "status", "--json"))[1])["repos"][0]), home=home
    )
    log_file(place).write_text("one\ntwo\nthree\n")
    assert (await cli("service", "logs", "-n", "2"))[1] == "two\nthree\n"
    (stub / "journalctl").write_text('#!/bin/sh\necho "$*"\n')
    out = (await cli("service", "--logs"))[1]
    assert out == f"--user -u {unit_of(env).name} -o cat --no-pager -n 50\n"
