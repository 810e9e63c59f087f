"""A twin of a package registry, and a repo whose dependencies are set up."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import subprocess
import tarfile
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from codebutler.config import load_config
from codebutler.repo.discover import find_repo
from codebutler.sandbox.egress import Egress, Pair
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings
from codebutler.setup.service import Outcome, Setups

INDEX = "index.example.org"
MIRROR = "mirror.example.org"
PASSWORD = "hunter2-in-url"


def wheel(folder: Path, name: str, version: str = "1.0", text: str = "ANSWER = 42\n") -> Path:
    """A wheel with one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": text,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(content.encode())}")
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""])
    target = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return target


@dataclass
class Twin:
    """A registry on loopback, under a name that leads to an address of an inner network."""

    shelf: Path
    heard: list[str] = field(default_factory=list)
    port: int = 0

    def offer_npm(self, name: str) -> str:
        """A package of one file, for npm; returns its integrity."""
        folder = self.shelf / name / "-"
        folder.mkdir(parents=True)
        target = folder / f"{name}-1.0.0.tgz"
        about = {"name": name, "version": "1.0.0", "main": "index.js"}
        with tarfile.open(target, "w:gz") as archive:
            for path, text in (("package.json", json.dumps(about)), ("index.js", "exports.side = 'left'\n")):
                info = tarfile.TarInfo(f"package/{path}")
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text.encode()))
        return "sha512-" + base64.b64encode(hashlib.sha512(target.read_bytes()).digest()).decode()

    def offer(self, name: str, text: str = "ANSWER = 42\n") -> None:
        folder = self.shelf / "simple" / name
        folder.mkdir(parents=True, exist_ok=True)
        made = wheel(folder, name, text=text)
        (folder / "index.html").write_text(f'<a href="{made.name}">{made.name}</a>')

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        path = head.split(" ")[1]
        self.heard.append(head)
        file = self.shelf / path.strip("/")
        file = file / "index.html" if file.is_dir() else file
        found = file.is_file()
        body = file.read_bytes() if found else b""
        kind = "text/html" if file.suffix == ".html" else "application/octet-stream"
        status = "200 OK" if found else "404 Not Found"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        writer.close()

    async def resolve(self, name: str, port: int) -> Sequence[str]:
        del port
        return {INDEX: ["10.1.2.3"], MIRROR: ["93.184.215.14"]}[name]

    async def dial(self, address: str, port: int) -> Pair:
        del address, port
        return await asyncio.open_connection("127.0.0.1", self.port)

    def egress(self, allow: Sequence[str], uid: int, private: Sequence[str]) -> Egress:
        return Egress(allow, uid, private, resolve=self.resolve, dial=self.dial)


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[Twin]:
    made = Twin(tmp_path / "registry")
    made.offer("answers")
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@dataclass
class Ground:
    """A repo, and the setups of it under a host's configuration. ``pypi`` lets pip reach the twin."""

    pypi: ClassVar[dict[str, object]] = {"registries": ["pypi"], "private": [f"{INDEX}:80"]}
    password: ClassVar[str] = PASSWORD

    repo: Path
    home: Path
    twin: Twin
    made: list[Setups] = field(default_factory=list)

    def commit(self, **files: str) -> str:
        """Files by name; the new commit."""
        for name, text in files.items():
            path = self.repo / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=more")
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.repo, capture_output=True, check=True)
        return done.stdout.decode().strip()

    async def setups(self, **sandbox: object) -> Setups:
        """``sandbox`` are keys of that section of the host's own file."""
        self.home.mkdir(exist_ok=True)
        (self.home / "config.json").write_text(json.dumps({"sandbox": sandbox}))
        (self.home / "config.json").chmod(0o600)
        config = load_config(self.repo, home=self.home, env={}, repo_text="")
        settings = SandboxSettings(private=tuple(config.sandbox.private))
        made = Setups(await find_repo(self.repo), config, self.home, settings, self.twin.egress)
        self.made.append(made)
        return made

    async def run(self, outcome: Outcome, command: str) -> tuple[str, list[str], Path]:
        """A command in a worktree with the outcome over it: what it said, what then differs, and where."""
        tree = self.repo / ".codebutler" / "branches" / "t"
        base = self.git("rev-parse", "HEAD")
        if not tree.exists():
            self.git("worktree", "add", "--quiet", "--no-checkout", "-b", "codebutler/t", str(tree))
            bare = await Executor.start(tree, own=True)
            await bare.fill(base)
            await bare.close()
        executor = await Executor.start(tree, own=True, outfit=outcome.outfit(tree))
        result = await executor.call("bash", {"command": command})
        changes = [change.path for change in await executor.status(base)]
        await executor.close()
        return result.text, changes, tree

    def own(self, command: str, *keep: str, key: str = "lock") -> str:
        """A commit whose repo asks for this setup."""
        setup = {"command": command, "keep": keep or ["lib"], "key": [key] if key else []}
        return self.commit(**{".codebutler/config.json": json.dumps({"setup": setup}), "lock": "1"})

    @property
    def left(self) -> list[str]:
        """What lies on the shelf."""
        folder = self.repo / ".codebutler/branches/.deps"
        return [path.name for path in folder.iterdir()] if folder.exists() else []

    async def close(self) -> None:
        for each in self.made:
            await each.close()


@pytest.fixture
async def ground(
    git_repo: Path, open_tmp: Path, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ground]:
    """This host's own pip names the twin, with a password that must stay outside."""
    monkeypatch.setenv("PIP_INDEX_URL", f"http://robin:{PASSWORD}@{INDEX}/simple")
    monkeypatch.setenv("PIP_TRUSTED_HOST", INDEX)
    made = Ground(git_repo, open_tmp / "butler", twin)
    yield made
    await made.close()
