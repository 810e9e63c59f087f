"""Real executors in real sandboxes, on folders that each test makes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from codebutler.sandbox.executor import Executor


@dataclass(frozen=True)
class Linked:
    """A repository and a linked worktree of it on the branch ``codebutler/t``, not yet filled."""

    repo: Path
    tree: Path
    base: str

    def git(self, *words: str, data: bytes | None = None) -> str:
        """Plain git in the repository, as the person would run it."""
        done = subprocess.run(["git", *words], cwd=self.repo, input=data, capture_output=True, check=True)
        return done.stdout.decode("utf-8", "replace").strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plain folder to work in; beside it lies nothing of the test's."""
    path = tmp_path / "work"
    path.mkdir()
    return path


@pytest.fixture
async def executor(folder: Path) -> AsyncIterator[Executor]:
    """An executor on ``folder``."""
    running = await Executor.start(folder)
    yield running
    await running.close()


@pytest.fixture
def linked(git_repo: Path) -> Linked:
    """See ``Linked``. The repository's config holds a token, as clones of private repositories do."""
    tree = git_repo / ".codebutler" / "branches" / "t"
    found = Linked(git_repo, tree, "")
    found.git("config", "http.extraheader", "Authorization: basic TOKEN-IN-CONFIG")
    found.git("remote", "add", "origin", "https://user:TOKEN-IN-URL@example.org/x.git")
    (git_repo / "sub").mkdir()
    (git_repo / "sub" / "code.py").write_text("x = 1\n")
    (git_repo / ".gitignore").write_text("*.log\n/.codebutler/\n")
    found.git("add", ".")
    found.git("commit", "--quiet", "--message=more")
    found.git("worktree", "add", "--quiet", "--no-checkout", "-b", "codebutler/t", str(tree))
    return Linked(git_repo, tree, found.git("rev-parse", "HEAD"))


@pytest.fixture
async def hands(linked: Linked) -> AsyncIterator[Executor]:
    """An executor on the filled worktree of ``linked``."""
    running = await Executor.start(linked.tree, own=True)
    await running.fill(linked.base)
    yield running
    await running.close()


@pytest.fixture
def outside(tmp_path: Path) -> Callable[[], dict[str, bytes]]:
    """The names and contents of everything below the test's folder but ``work`` itself."""

    def look() -> dict[str, bytes]:
        files = (path for path in tmp_path.rglob("*") if path.relative_to(tmp_path).parts[0] != "work")
        return {str(path): path.read_bytes() if path.is_file() else b"" for path in files}

    return look


@pytest.fixture
def codebutler() -> list[str]:
    """The console script, as a command line that works without an installation."""
    return [sys.executable, "-c", "import sys; from codebutler.cli.main import main; sys.exit(main())"]
