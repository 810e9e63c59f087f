"""No sandbox, no tools: what is said where the kernel refuses one, and that nothing runs then."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

import codebutler as package
from codebutler.sandbox import host, launch
from codebutler.sandbox.asroot import MAPPING_REFUSED, NO_NAMESPACE, NO_RIGHTS
from codebutler.sandbox.problems import Machine, explain
from codebutler.sandbox.settings import SandboxSettings

# As bubblewrap 0.11 prints it. The first three were recorded: in a sandbox without further namespaces, under
# a filter that refuses clone, and below a masked /proc. The others come from reports.
EXCEEDED = (
    "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)"
)
REFUSED = (
    "bwrap: No permissions to creating new namespace, likely because the kernel does not allow "
    "non-privileged user namespaces. On e.g. debian this can be enabled with "
    "'sysctl kernel.unprivileged_userns_clone=1'."
)
MASKED = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"
SLAVE = "bwrap: Failed to make / slave: Permission denied"
UID_MAP = "bwrap: setting up uid map: Permission denied"
LOOPBACK = "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted"
ROOT = f"{NO_RIGHTS}: [Errno 1] Operation not permitted"
NAMESPACE = f"{NO_NAMESPACE}: no user namespace can be made"
OWNER = f"{MAPPING_REFUSED}: /mnt/x: [Errno 22] Invalid argument"

UBUNTU, DEBIAN = Machine(apparmor=True), Machine(clone_off=True)
DOCKER, PODMAN = Machine(container="docker"), Machine(container="podman")
DOCKER_ON_UBUNTU = Machine(container="docker", apparmor=True)


@pytest.mark.parametrize(
    ("said", "machine", "fix"),
    [
        (EXCEEDED, Machine(), "leave that sandbox, or run `sysctl -w user.max_user_namespaces=15000`"),
        (EXCEEDED, DOCKER, "sysctl -w user.max_user_namespaces=15000"),
        (UID_MAP, UBUNTU, "an AppArmor profile with `userns,` for the bwrap that `codebutler doctor` names"),
        (LOOPBACK, UBUNTU, "`apt install bubblewrap` if it is 0.11 or newer"),
        (REFUSED, DEBIAN, "sysctl -w kernel.unprivileged_userns_clone=1"),
        (NAMESPACE, DEBIAN, "sysctl -w kernel.unprivileged_userns_clone=1"),
        (REFUSED, DOCKER, "seccomp=unconfined --security-opt apparmor=unconfined"),
        (SLAVE, DOCKER, "--user 1000"),
        (MASKED, DOCKER, "--security-opt systempaths=unconfined"),
        (ROOT, DOCKER, "--user 1000"),
        (UID_MAP, DOCKER_ON_UBUNTU, "kernel.apparmor_restrict_unprivileged_userns=0"),
        (MASKED, PODMAN, "--userns=keep-id --security-opt seccomp=unconfined --security-opt unmask=ALL"),
        (ROOT, Machine(), "as an ordinary user"),
        (REFUSED, Machine(), "allow them, or leave the container"),
        (OWNER, DOCKER, "chown -R 59743"),
        ("", DOCKER, "codebutler doctor"),
        ("OSError: [Errno 24] Too many open files", DOCKER, "ulimit -n 1024"),
        ("Traceback …\nKeyError: 'x'", UBUNTU, "codebutler doctor"),
    ],
)
def test_each_refusal_comes_with_the_fix_of_its_machine(said: str, machine: Machine, fix: str) -> None:
    error = explain(said, SandboxSettings(), machine)
    assert fix in error.fix
    assert error.exit_code == 4
    assert "\n" not in str(error)


def test_the_weaker_border_is_named_where_it_can_be_had() -> None:
    """Named, never taken: only the host's own configuration can choose it."""
    assert "sandbox.tier reduced" in explain(EXCEEDED, SandboxSettings(), Machine(landlock=True)).fix
    assert "reduced" not in explain(EXCEEDED, SandboxSettings(), Machine()).fix
    assert "reduced" not in explain("x", SandboxSettings(tier="reduced"), Machine(landlock=True)).fix


def test_a_fix_that_is_for_another_machine_is_not_given() -> None:
    assert "apt install" not in explain(UID_MAP, SandboxSettings(), DOCKER_ON_UBUNTU).fix
    assert "Docker" not in explain(MASKED, SandboxSettings(), PODMAN).fix
    assert "sysctl" not in explain(OWNER, SandboxSettings(), DEBIAN).fix


def test_what_is_refused_is_in_the_docs(tracked: dict[Path, str]) -> None:
    """The longer remedies stand in docs/security.md: the same flags there as here."""
    page = tracked[Path("docs/security.md")]
    for said, machine in ((MASKED, DOCKER), (MASKED, PODMAN), (EXCEEDED, Machine()), (REFUSED, DEBIAN)):
        fix = explain(said, SandboxSettings(), machine).fix
        words = [word.strip("`,.") for word in fix.split()]
        flags = [w for w in words if "=" in w and not w.startswith("CODEBUTLER")]
        assert flags
        assert [flag for flag in flags if flag not in page] == []


SCRIPT = "import sys; from codebutler.cli.main import main; sys.exit(main())"


@pytest.fixture
def somebody() -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder of an ordinary user, and what it takes to run codebutler as that user."""
    python = Path("/usr/bin/python3")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if python.resolve().name != version:
        pytest.skip("no interpreter of this version that another user can reach")
    room = Path("/tmp", f"codebutler-nested-{os.getpid()}")
    room.mkdir(mode=0o755)
    (room / "work").mkdir()
    if os.geteuid() == 0:
        os.chown(room / "work", 23_456, 23_456)
    root = Path(package.__file__).parents[1]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    yield room, {"PATH": path, "HOME": str(room), "PYTHONPATH": f"{root}:{sysconfig.get_path('purelib')}"}
    subprocess.run(["rm", "-rf", room], check=True)


@pytest.mark.parametrize("command", [("tool", "bash", '{"command":"touch ran"}'), ("executor",)])
def test_inside_a_sandbox_nothing_runs(
    somebody: tuple[Path, dict[str, str]], command: tuple[str, ...]
) -> None:
    """A sandbox around us that, like ours, lets nobody make another one: exit 4, the cause, the fix."""
    room, env = somebody
    outer = [
        str(host.bwrap()[0]), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
        "--bind", str(room), str(room), "--unshare-user", "--disable-userns", "--die-with-parent",
    ]  # fmt: skip
    inner = ["/usr/bin/python3", "-B", "-c", SCRIPT, *command, "--worktree", str(room / "work")]
    user = 23_456 if os.geteuid() == 0 else None
    done = subprocess.run(
        [*outer, *inner], capture_output=True, text=True, check=False, env=env, cwd="/", timeout=60,
        user=user, group=user, extra_groups=[] if user else None,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "max_*_namespaces exceeded" in done.stderr
    assert "leave that sandbox" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((room / "work").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user is not root in any namespace")
@pytest.mark.parametrize(
    ("namespace", "cause"),
    [
        (("unshare", "--user", "--map-root-user"), "root is alone in this user namespace"),
        (("unshare", "--user", "--map-user=5"), "uid 5 is root outside"),
        (("setpriv", "--bounding-set=-sys_admin"), "root may not prepare the sandbox"),
        (("setpriv", "--bounding-set=-setuid"), "no user namespace for the owner mapping"),
    ],
)
def test_root_that_is_not_quite_root(
    codebutler: list[str], open_tmp: Path, namespace: tuple[str, ...], cause: str
) -> None:
    work = open_tmp / "work"
    work.mkdir()
    call = [*namespace, *codebutler, "tool", "bash", '{"command":"touch ran"}', "--worktree", str(work)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert cause in done.stderr
    assert "Traceback" not in done.stderr
    assert list(work.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_cannot_be_given_away(open_tmp: Path) -> None:
    work = open_tmp / "work"
    work.mkdir()
    (work / "x").touch()
    give = f"from codebutler.sandbox import launch as l; l.give_to(l.Path({str(work)!r}), 59743)"
    words = ["setpriv", "--bounding-set=-chown", sys.executable, "-c", give]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "NoSandbox: x cannot be given to the sandbox's user" in done.stderr
    launch.give_to(work, 59_743)
    assert (work / "x").stat().st_uid == 59_743


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_what_root_adds_by_hand_is_given_at_the_next_start(open_tmp: Path) -> None:
    """Not git's pointer, nor a file that may be somebody's outside."""
    work = open_tmp / "work"
    work.mkdir()
    launch.give_to(work, 59_743)
    (work / "deep/er").mkdir(parents=True)
    (open_tmp / "outside").touch()
    for name in ("deep/er/new", ".git"):
        (work / name).touch()
    (work / "linked").hardlink_to(open_tmp / "outside")
    (work / "pointing").symlink_to(open_tmp / "outside")
    launch.give_to(work, 59_743)
    owners = {path.name: path.lstat().st_uid for path in work.rglob("*")}
    given = dict.fromkeys(("deep", "er", "new", "pointing"), 59_743)
    assert owners == given | {".git": 0, "linked": 0}
    assert (open_tmp / "outside").stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="closed folders are only made for another user here")
def test_folders_closed_to_this_user_are_no_traceback(tmp_path: Path) -> None:
    """Root's interpreter, toolchains and programs, looked at by somebody who cannot enter root's home."""
    for name in (".cargo/bin", "bin"):
        (tmp_path / name).mkdir(parents=True)
    tmp_path.chmod(0o700)
    look = f"""
import os, sys
from codebutler.errors import NoSandbox
from codebutler.sandbox import host
os.environ["HOME"] = sys.base_prefix = {str(tmp_path)!r}
os.setuid(23_456)
print(host.toolchains())
for ask in (host.interpreter, lambda: host.shown([host.Path({str(tmp_path)!r}, "bin")])):
    try:
        ask()
    except NoSandbox as error:
        print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert lines[0] == "[]", done.stderr
    assert "is missing, or closed to this user" in lines[1]
    assert "is not shown to the sandbox" in lines[2]


OFF = {"CODEBUTLER_UNSAFE_NO_SANDBOX": "1"}


_TOOL = ("tool", "bash", '{"command":"true"}')


@pytest.mark.parametrize(
    ("words", "switch"),
    [
        (_TOOL, "none"),
        (_TOOL, "variable"),
        (_TOOL, "file"),
        (_TOOL, "broken"),
        (("executor",), "variable"),
        (("worktree", "read", "none"), "variable"),
    ],
)
def test_a_border_that_is_off_is_announced_on_standard_error(
    codebutler: list[str], folder: Path, home: Path, words: tuple[str, ...], switch: str
) -> None:
    """Once, and never on standard output, which is for machines. A broken file leaves the border whole."""
    said = {"file": '{"sandbox": {"tier": "off"}}', "broken": '{"sandbox": {"tier": "off"}'}
    (home / ".codebutler").mkdir(mode=0o700)
    (home / ".codebutler" / "config.json").write_text(said.get(switch, "{}"))
    (home / ".codebutler" / "config.json").chmod(0o600)
    done = subprocess.run(
        [*codebutler, *words, "--worktree", str(folder)],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, **(OFF if switch == "variable" else {})},
    )  # fmt: skip
    assert done.stderr.count("WITHOUT a sandbox") == (switch in ("variable", "file"))
    assert ("config.json" in done.stderr) == (switch == "broken")
    assert "WITHOUT" not in done.stdout
