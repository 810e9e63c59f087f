"""A service's file: what stands in it, what systemd reads out of it, and what no file can hold."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest

from codebutler.errors import ConfigError, UsageError
from codebutler.service import envfile
from codebutler.service.unit import Service, edited, launchd_agent, name_of, systemd_unit

ODD = 'a b%h$HOME "q" \\n\'x'


def service(tmp_path: Path, folder: str = "shop", *, path: str = "/usr/bin:/bin") -> Service:
    root = tmp_path / folder
    root.mkdir()
    return Service(
        name=name_of(root),
        repos=[root],
        program=Path("/bin/true"),
        home=tmp_path / "home % dir",
        env_file=tmp_path / "home % dir" / "x.env",
        errors=tmp_path / "x.err",
        path=path,
        stop=30,
    )


def keys(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_what_a_unit_says(tmp_path: Path) -> None:
    found = keys(systemd_unit(service(tmp_path)))
    assert found["Type"] == ["notify"]
    assert found["Restart"] == ["on-failure"]
    assert found["WantedBy"] == ["default.target"]
    assert found["TimeoutStopSec"] == ["30"]
    assert found["OOMPolicy"] == ["continue"]
    assert found["ExecStart"][0].startswith('"/bin/true" "serve" "--repo" ')
    assert '"--env-file"' in found["ExecStart"][0]
    for breaks in (
        "RestrictNamespaces",
        "ProtectSystem",
        "PrivateTmp",
        "PrivateUsers",
        "ProtectKernelTunables",
    ):
        assert breaks not in found


def test_newer_systemd_waits_longer_each_time(tmp_path: Path) -> None:
    one = service(tmp_path)
    assert "RestartMaxDelaySec" not in keys(systemd_unit(one, version=252))
    assert keys(systemd_unit(one, version=255))["RestartMaxDelaySec"] == ["300"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze to read the unit")
@pytest.mark.parametrize("folder", ["shop", ODD])
def test_systemd_reads_it_as_meant(tmp_path: Path, folder: str) -> None:
    one = service(tmp_path, folder)
    file = tmp_path / f"{one.name}.service"
    file.write_text(systemd_unit(one, version=252))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(file)], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if one.name in line] == []
    assert done.returncode == 0


def test_a_path_keeps_its_letters(tmp_path: Path) -> None:
    unit = keys(systemd_unit(service(tmp_path, ODD)))
    assert unit["WorkingDirectory"] == [f"-{tmp_path}/{ODD}".replace("%", "%%")]
    assert r"a b%%h$$HOME \"q\" \\n" in unit["ExecStart"][0]
    agent = plistlib.loads(launchd_agent(service(tmp_path, f"<{ODD}>&")).encode())
    assert agent["WorkingDirectory"] == f"{tmp_path}/<{ODD}>&"
    assert agent["ProgramArguments"][3] == f"{tmp_path}/<{ODD}>&"


def test_an_agent_says_the_same(tmp_path: Path) -> None:
    agent = plistlib.loads(launchd_agent(service(tmp_path)).encode())
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["RunAtLoad"] is True
    assert agent["ExitTimeOut"] == 30
    assert agent["StandardOutPath"] == "/dev/null"
    assert agent["EnvironmentVariables"]["PATH"] == "/usr/bin:/bin"


@pytest.mark.parametrize("folder", ["two\nlines", "tab\there", "\x1b[2J", "\udcff"])
def test_a_path_that_no_file_can_hold_is_refused(tmp_path: Path, folder: str) -> None:
    one = service(tmp_path, folder)
    for write in (systemd_unit, launchd_agent):
        with pytest.raises(UsageError, match="plain letters"):
            write(one)


def test_a_change_by_hand_is_seen(tmp_path: Path) -> None:
    for text in (systemd_unit(service(tmp_path, "a")), launchd_agent(service(tmp_path, "b"))):
        assert not edited(text)
        assert edited(text.replace("30", "31"))
        assert edited("# something else\n")


def test_two_repos_of_one_name_have_two_services(tmp_path: Path) -> None:
    names = {name_of(tmp_path / place / "shop") for place in ("a", "b")}
    assert len(names) == 2
    assert all(name.startswith("codebutler-shop-") for name in names)
    assert name_of(Path("/srv/Über shop!")).startswith("codebutler-ber-shop-")
    assert name_of(Path("/")).startswith("codebutler-repo-")


def test_the_environment_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "services" / "x.env"
    envfile.write(file, {"OPENAI_API_KEY": "sk-1=2", "CODEBUTLER_MODEL": "m # n"})
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert envfile.read(file) == {"OPENAI_API_KEY": "sk-1=2", "CODEBUTLER_MODEL": "m # n"}
    file.write_text("export A=1\n")
    with pytest.raises(ConfigError, match="line 1 is not NAME=VALUE"):
        envfile.read(file)
    file.chmod(0o622)
    with pytest.raises(ConfigError, match="can be written by others"):
        envfile.read(file)
    with pytest.raises(ConfigError, match="is gone"):
        envfile.read(tmp_path / "nowhere")
