"""Dependencies: installed once in a cage, by real tools from a twin of a registry, for every worktree."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import subprocess
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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
    asked: list[str] = field(default_factory=list)
    port: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, name: str, text: str = "ANSWER = 42\n") -> None:
        folder = self.shelf / "simple" / name
        folder.mkdir(parents=True, exist_ok=True)
        made = wheel(folder, name, text=text)
        (folder / "index.html").write_text(f'<a href="{made.name}">{made.name}</a>')

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        path = head.split(" ")[1]
        self.asked.append(path)
        await self.gate.wait()
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
    made.gate.set()
    made.offer("answers")
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@dataclass
class Ground:
    """A repo, and the setups of it under a host's configuration."""

    repo: Path
    home: Path
    twin: Twin
    made: list[Setups] = field(default_factory=list)

    def commit(self, **files: str) -> str:
        """Files by name (``__`` is a slash, ``_`` before an ending a dot); the new commit."""
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


PYPI = {"registries": ["pypi"], "private": [f"{INDEX}:80"]}


async def run(ground: Ground, outcome: Outcome, command: str) -> tuple[str, Path]:
    """A command in a worktree with the outcome over it; returns what it said and where."""
    tree = ground.repo / ".codebutler" / "branches" / "t"
    if not tree.exists():
        ground.git("worktree", "add", "--quiet", "--no-checkout", "-b", "codebutler/t", str(tree))
        bare = await Executor.start(tree, own=True)
        await bare.fill(ground.git("rev-parse", "HEAD"))
        await bare.close()
    executor = await Executor.start(tree, own=True, outfit=outcome.outfit(tree))
    result = await executor.call("bash", {"command": command})
    await executor.close()
    return result.text, tree


async def test_pip_installs_from_a_registry_and_the_worktree_finds_it(ground: Ground) -> None:
    commit = ground.commit(**{"requirements.txt": "answers\n", ".gitignore": ""})
    setups = await ground.setups(**PYPI)
    outcome = await setups.begin(commit)
    assert [(p.why, p.output, p.cached) for p in outcome.parts] == [("", "", False)]
    said, tree = await run(ground, outcome, "python -c 'import answers; print(answers.ANSWER)'; which python")
    assert said.split() == ["42", "/codebutler/tree/.venv/bin/python"]
    assert list((tree / ".venv").iterdir()) == []
    again = await setups.begin(commit)
    assert [p.cached for p in again.parts] == [True]
