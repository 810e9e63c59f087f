"""The scripts of a fresh clone: set up once, begin anew when interrupted, one clear line when they cannot.

A stand-in for Python notes what it was asked to install, so that no registry is needed here.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHELL = (
    "bash",
    "env",
    "dirname",
    "cat",
    "cksum",
    "chmod",
    "cp",
    "git",
    "grep",
    "head",
    "mkdir",
    "rm",
    "sleep",
    "tail",
)
PYTHON = f"""#!/bin/sh
case "$*" in
  *fcntl*) exec {sys.executable} "$@" ;;
  "-Im venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; : > "$3/bin/pip"; chmod +x "$3/bin/pip" ;;
  *--editable*) bin=${{0%/*}}/codebutler; printf '#!/bin/sh\\necho "$@"\\n' > "$bin"; chmod +x "$bin" ;;
  *requirements.lock) sleep 0.2; echo installed >> "$HOME/journal"
    if [ -e "$HOME/broken" ]; then echo "no wheel fits this machine"; exit 1; fi ;;
esac
"""


@dataclass
class Newcomer:
    """A clone's scripts and lock, a PATH of their needs, an empty HOME."""

    clone: Path
    path: Path
    home: Path

    def start(self, *words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run ``cmd/demo`` with nothing but PATH and HOME in the environment."""
        env = {"PATH": str(self.path), "HOME": str(self.home), **changed}
        command = [str(self.clone / "cmd/demo"), *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)

    def program(self, name: str, text: str) -> None:
        """Put a program on PATH in place of the real one."""
        (self.path / name).unlink(missing_ok=True)
        (self.path / name).write_text(text, encoding="utf-8")
        (self.path / name).chmod(0o755)

    def installs(self) -> int:
        journal = self.home / "journal"
        return journal.read_text(encoding="utf-8").count("installed") if journal.exists() else 0


@pytest.fixture
def newcomer(tmp_path: Path, home: Path) -> Newcomer:
    shutil.copytree(ROOT / "cmd", tmp_path / "clone/cmd")
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / "clone" / name)
    (tmp_path / "bin").mkdir()
    for name in SHELL:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    person = Newcomer(tmp_path / "clone", tmp_path / "bin", home)
    person.program("python3", PYTHON)
    return person


def test_the_first_start_sets_up_and_the_second_does_not(newcomer: Newcomer) -> None:
    """Only the program itself writes to stdout, which others read as JSON lines."""
    first, second = newcomer.start("--yes", "a b"), newcomer.start()
    assert (first.returncode, first.stdout) == (0, "demo --yes a b\n")
    assert "Setting up" in first.stderr
    assert (second.returncode, second.stdout, second.stderr) == (0, "demo\n", "")
    assert newcomer.installs() == 1


@pytest.mark.parametrize("file", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_is_installed_into_the_same_environment(newcomer: Newcomer, file: str) -> None:
    newcomer.start()
    (newcomer.clone / ".venv/mark").touch()
    with (newcomer.clone / file).open("a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    assert newcomer.start().returncode == 0
    assert newcomer.installs() == 2
    assert (newcomer.clone / ".venv/mark").exists()


def test_an_interrupted_setup_begins_anew(newcomer: Newcomer) -> None:
    newcomer.start()
    (newcomer.clone / ".venv/half-a-package").touch()
    (newcomer.clone / ".venv/setup.stamp").unlink()
    assert newcomer.start().returncode == 0
    assert not (newcomer.clone / ".venv/half-a-package").exists()


def test_a_moved_clone_begins_anew(newcomer: Newcomer, tmp_path: Path) -> None:
    newcomer.start()
    newcomer.clone = newcomer.clone.rename(tmp_path / "elsewhere")
    (newcomer.clone / ".venv/of-the-old-place").touch()
    assert newcomer.start().returncode == 0
    assert not (newcomer.clone / ".venv/of-the-old-place").exists()


def test_two_first_starts_at_once_set_up_once(newcomer: Newcomer) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: newcomer.start(), range(2)))
    assert [x.stdout for x in results] == ["demo\n", "demo\n"]
    assert newcomer.installs() == 1


def test_a_failed_step_shows_its_log_and_the_next_start_repeats_it(newcomer: Newcomer) -> None:
    (newcomer.home / "broken").touch()
    failed = newcomer.start()
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "no wheel fits this machine" in failed.stderr
    assert "setting up failed at: " in failed.stderr.splitlines()[-1]
    (newcomer.home / "broken").unlink()
    assert newcomer.start().stdout == "demo\n"


@pytest.mark.parametrize(
    ("program", "text", "line"),
    [
        ("python3", "#!/bin/sh\nexit 127\n", "needs Python 3.11 or newer"),
        ("mkdir", '#!/bin/sh\ncase "$*" in *.venv*) exit 1 ;; esac\n', "cannot write to "),
    ],
)
def test_what_cannot_work_is_said_in_one_line(newcomer: Newcomer, program: str, text: str, line: str) -> None:
    setup = newcomer.clone / "cmd/.setup.sh"
    setup.write_text(setup.read_text(encoding="utf-8").replace("/usr/bin/python3", ""), encoding="utf-8")
    newcomer.program(program, text)
    failed = newcomer.start()
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith(f"codebutler: {line}")
    assert failed.stderr.count("\n") == 1


def test_a_missing_git_is_said_in_one_line(newcomer: Newcomer) -> None:
    (newcomer.path / "git").unlink()
    failed = newcomer.start()
    assert (failed.returncode, failed.stderr) == (1, "codebutler: needs git on PATH\n")


@pytest.mark.parametrize("home", ["", "/proc/nowhere"])
def test_a_missing_home_is_said_in_one_line(newcomer: Newcomer, home: str) -> None:
    failed = newcomer.start(HOME=home)
    assert failed.returncode == 1
    assert failed.stderr.startswith("codebutler: HOME is ")
    assert failed.stderr.count("\n") == 1
