"""What every test gets: an environment of its own. What it may ask for: a real git repo, long sweeps."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from codebutler.errors import NoSandbox
from codebutler.sandbox.host import bwrap_version
from codebutler.testing.sample import Sample, make_sample

KEPT = {"PATH", "TMPDIR", "LANG", "LC_ALL"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the sweeps over every step, not only a sample")


def pytest_configure() -> None:
    """A background job ignores SIGINT or SIGHUP, and so would each process to which a test sends it."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def pytest_report_header() -> str:
    """The programs whose version decides what can work here."""
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    try:
        bwrap = f"bwrap {bwrap_version()}"
    except NoSandbox as error:
        bwrap = error.message
    return f"sqlite {sqlite3.sqlite_version}, {git}, {bwrap}, uid {os.getuid()}"


@pytest.fixture(scope="session")
def full(pytestconfig: pytest.Config) -> bool:
    """Whether the person asked for the long sweeps (``cmd/test --full``)."""
    return bool(pytestconfig.getoption("--full"))


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty HOME, and no variable of the caller's (keys, settings, git's own) in the environment."""
    for name in list(os.environ):
        if name not in KEPT and not name.startswith("PYTEST_"):
            monkeypatch.delenv(name)
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return folder


@pytest.fixture
def open_tmp(tmp_path: Path) -> Path:
    """``tmp_path``, through which other users (the sandbox's own, a repo's owner) can pass."""
    outer = Path(tempfile.gettempdir()).resolve()
    folder = tmp_path.resolve()
    while folder not in (outer, folder.parent) and folder.stat().st_uid == os.geteuid():
        folder.chmod(0o755)
        folder = folder.parent
    return tmp_path


@pytest.fixture
def git_repo(tmp_path: Path) -> Path:
    """A git repo on branch main with one commit (``hello.txt``) and an identity of its own; no remote."""
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "hello.txt").write_text("hello\n", encoding="utf-8")
    for words in (
        "init --quiet --initial-branch=main",
        "config user.name Person",
        "config user.email person@example.org",
        "add hello.txt",
        "commit --quiet --message=first",
    ):
        subprocess.run(["git", *words.split()], cwd=repo, check=True)
    return repo


@pytest.fixture(scope="session")
def sample_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Sample]:
    """The sample repo in a folder, as ``make_sample`` makes it: that is done once, and then copied."""
    first = make_sample(tmp_path_factory.mktemp("first"))
    return lambda folder: copied(first, folder)


def copied(first: Sample, folder: Path) -> Sample:
    """The sample again in ``folder``, with a remote of its own."""
    for place in (first.repo, first.remote):
        shutil.copytree(place, folder / place.name, symlinks=True)
    sample = Sample(folder / first.repo.name, folder / first.remote.name, first.task)
    config = sample.repo / ".git" / "config"
    config.write_text(config.read_text().replace(str(first.remote), str(sample.remote)))
    return sample


class Warm:
    """A process that has imported ``codebutler`` and forks it (see warm.py): a start costs next to nothing.

    For tests of what commands do. That the program starts by itself is shown by those that do without.
    """

    def __init__(self, folder: Path) -> None:
        """It listens in ``folder``, whose path must be short."""
        self._folder = folder
        self._runs = itertools.count(1)
        self.socket = folder / "socket"

    @property
    def command(self) -> list[str]:
        """``codebutler`` for ``subprocess``, where no signal is to reach it."""
        client = Path(__file__).with_name("warm_client.py")
        return [sys.executable, "-I", "-S", str(client), str(self.socket)]

    async def run(
        self, words: Sequence[str], where: Path, env: Mapping[str, str], *,
        timeout: float = 100, pid: Path | None = None,
    ) -> tuple[int, bytes, bytes]:  # fmt: skip
        """``codebutler WORDS`` in ``where``: exit code or minus the signal, standard output, standard error.

        The file ``pid`` has its id meanwhile. TimeoutError, and its end, after ``timeout`` seconds.
        """
        out = self._folder / str(next(self._runs))
        err, pid = out.with_name(f"{out.name}.err"), pid or out.with_name(f"{out.name}.pid")
        order = {"words": words, "cwd": str(where), "env": dict(env), "out": str(out), "pid": str(pid)}
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        writer.write(json.dumps(order).encode() + b"\n")
        try:
            async with asyncio.timeout(timeout):
                code = int(await reader.readline())
        except TimeoutError:
            os.kill(int(pid.read_text()), signal.SIGKILL)
            raise
        finally:
            writer.close()
        return code, out.read_bytes(), err.read_bytes()


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    with tempfile.TemporaryDirectory(prefix="cb-warm-") as folder:
        starter = Warm(Path(folder))
        command = [sys.executable, "-P", str(Path(__file__).parent / "warm.py"), str(starter.socket)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline(), "the warm process did not start"
            yield starter
            process.terminate()


@pytest.fixture
def quick(warm: Warm) -> list[str]:
    """``codebutler`` as the start of a command line, for tests of what it does, not of how it starts."""
    return warm.command


@pytest.fixture(scope="session")
def tracked() -> dict[Path, str]:
    """Every text file of this project, committed or about to be: path from the root, and its text."""
    root = Path(__file__).resolve().parent.parent
    command = [
        "git",
        "-c",
        f"safe.directory={root}",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    files = {Path(name): root / name for name in names.split("\0") if name and (root / name).is_file()}
    return {
        name: file.read_text(encoding="utf-8", errors="replace")
        for name, file in files.items()
        if b"\0" not in file.read_bytes()
    }
