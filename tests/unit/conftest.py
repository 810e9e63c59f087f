"""Real git repositories, and a model's client with the server that it speaks to, for unit tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from codebutler.config import load_config
from codebutler.models.client import OpenAIClient
from codebutler.models.routing import Router
from codebutler.models.stream import Timeouts
from codebutler.testing.provider import Provider

_ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "protocol.file.allow",
    "GIT_CONFIG_VALUE_0": "always",
}


class GitBox:
    """A repository as a person has it, driven by the person's own git."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def gitdir(self) -> Path:
        return self.root / ".git"

    def git(self, *args: str, env: Mapping[str, str] | None = None, stdin: bytes | None = None) -> str:
        """Output of the person's git; fails the test when git fails."""
        done = subprocess.run(
            ["git", *args],
            cwd=self.root,
            env=_ENV | dict(env or {}),
            input=stdin,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode(errors="surrogateescape").strip()

    def commit(self, files: Mapping[str, str | None], message: str = "Change") -> str:
        """Write files (None deletes), commit all, return the commit."""
        for name, text in files.items():
            path = self.root / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def build(self, base: str, files: Mapping[str, str]) -> tuple[str, bytes]:
        """What an executor builds: a tree of ``base`` with ``files``, and the thin pack of what is new."""
        env = {"GIT_INDEX_FILE": str(self.root.parent / "scratch-index")}
        env |= {"GIT_OBJECT_DIRECTORY": str(self.root.parent / "scratch-objects")}
        env |= {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self.gitdir / "objects")}
        (self.root.parent / "scratch-objects").mkdir(exist_ok=True)
        self.git("read-tree", base, env=env)
        for name, text in files.items():
            oid = self.git("hash-object", "-w", "--stdin", stdin=text.encode(), env=env)
            self.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{name}", env=env)
        tree = self.git("write-tree", env=env)
        done = subprocess.run(
            ["git", "pack-objects", "--revs", "--thin", "--stdout", "--quiet"],
            cwd=self.root,
            env=_ENV | env,
            input=f"{tree}\n^{base}\n".encode(),
            capture_output=True,
            check=True,
        )
        return tree, done.stdout

    def status(self) -> str:
        return self.git("status", "--porcelain")


@pytest.fixture
def git_box(tmp_path: Path) -> GitBox:
    """A repository with one commit on main and no remote, in a folder with a space and an umlaut."""
    box = GitBox(tmp_path / "Grüner Weg" / "app")
    box.root.mkdir(parents=True)
    box.git("init", "--quiet", "--initial-branch=main")
    box.commit({"a.txt": "one\ntwo\nthree\n", "src/b.py": "x = 1\n"}, "Start")
    return box


@pytest.fixture
def new_box(tmp_path: Path) -> Callable[[str], GitBox]:
    """A maker of further, empty repositories."""

    def make(name: str) -> GitBox:
        box = GitBox(tmp_path / name)
        box.root.mkdir(parents=True)
        box.git("init", "--quiet", "--initial-branch=main")
        return box

    return make


@pytest.fixture
def remote_box(git_box: GitBox) -> GitBox:
    """A bare remote called origin that has main."""
    remote = GitBox(git_box.root.parent / "the remote.git")
    git_box.git("init", "--quiet", "--bare", "--initial-branch=main", str(remote.root))
    git_box.git("remote", "add", "origin", str(remote.root))
    git_box.git("push", "--quiet", "--set-upstream", "origin", "main")
    return remote


@pytest.fixture
async def server() -> AsyncIterator[Provider]:
    async with Provider.run() as provider:
        yield provider


@pytest.fixture
async def client(server: Provider, tmp_path: Path) -> AsyncIterator[OpenAIClient]:
    """It asks ``server``, for the model "tiny"."""
    env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "canary-key-value", "CODEBUTLER_MODEL": "tiny"}
    patient = Timeouts(connect=10.0, first=10.0, silence=10.0)
    client = OpenAIClient(Router(load_config(None, home=tmp_path, env=env)), timeouts=patient)
    yield client
    await client.close()
