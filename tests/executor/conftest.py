"""Real executors in real sandboxes, on folders that each test makes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.sandbox.job import Job
from codebutler.sandbox.launch import prepare
from codebutler.sandbox.settings import SandboxSettings


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
def tmp_path() -> Iterator[Path]:
    """A room outside of pytest's, which every other run of this user closes to the sandbox's user again."""
    room = Path(tempfile.mkdtemp(prefix="codebutler-test-")).resolve()
    yield room
    subprocess.run(["chmod", "-R", "u+rwX", room], check=False, stderr=subprocess.DEVNULL)
    subprocess.run(["rm", "-rf", room], check=False)  # at any depth


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


REDUCED = SandboxSettings(tier="reduced")


@pytest.fixture
async def reduced(open_tmp: Path) -> AsyncIterator[Executor]:
    """An executor behind the reduced border, on a folder of its own."""
    work = open_tmp / "work"
    work.mkdir()
    running = await Executor.start(work, own=True, settings=REDUCED)
    yield running
    await running.close()


@pytest.fixture
def reduced_host(home: Path) -> None:
    """A host whose own configuration asks for the reduced border."""
    (home / ".codebutler").mkdir(mode=0o700)
    (home / ".codebutler/config.json").write_text('{"sandbox": {"tier": "reduced"}}')
    (home / ".codebutler/config.json").chmod(0o600)


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


SECRET = "CANARY-7c1f"
PLACES = (
    "secret.txt", "work-private/secret.txt", "repo/.codebutler/store.db", f"names/{SECRET}", "home/.ssh/id",
    "home/.codebutler/config.json", "home/.netrc", "home/.git-credentials", "home/.aws/credentials",
    "home/.npmrc", "home/.cargo/credentials.toml", "tmp/left",
)  # fmt: skip


@dataclass
class World:
    """A host in a folder: secrets, a home, a repository, and the worktree ``work`` inside it all."""

    top: Path
    template: Path
    port: int
    base: str = ""

    @property
    def work(self) -> Path:
        return self.top / "work"

    def build(self) -> None:
        for place in PLACES:
            path = self.top / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(SECRET)
        (self.top / f"{SECRET}.name").touch()
        repo = self.top / "repo"
        for words in (
            ["init", "-q", "--bare", "-b", "main", str(self.top / "remote.git")],
            ["init", "-q", "-b", "main", "."],
            ["config", "user.name", "Person"],
            ["config", "user.email", "person@example.org"],
            ["config", "http.extraheader", f"Authorization: basic {SECRET}"],
            ["config", "core.hooksPath", ".husky"],
            ["config", "filter.own.clean", "sh tools/x.sh"],
            ["config", "diff.own.textconv", "sh tools/x.sh"],
            ["remote", "add", "origin", str(self.top / "remote.git")],
            ["commit", "-q", "--allow-empty", "-m", "zero"],
            ["branch", "other"],
        ):
            subprocess.run(["git", *words], cwd=repo, check=True)
        (repo / "hello.txt").write_text("hello\n")
        (repo / ".gitignore").write_text("/.codebutler/\n")
        subprocess.run(["git", "add", "."], cwd=repo, check=True)
        subprocess.run(["git", "commit", "-q", "-m", "first"], cwd=repo, check=True)
        subprocess.run(
            ["git", "worktree", "add", "-q", "-b", "codebutler/t", str(self.work)], cwd=repo, check=True
        )
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repo, capture_output=True, check=True)
        self.base = head.stdout.decode().strip()
        shutil.copytree(self.top, self.template, symlinks=True)

    def restore(self) -> None:
        """As built. The worktree's folder stays the same one: an executor may stand in it."""
        for path in [*self.top.iterdir(), *self.work.iterdir()]:
            if path not in (self.work, self.work / ".git"):
                _remove(path)
        _remove(self.work / ".git")
        shutil.copytree(self.template, self.top, symlinks=True, dirs_exist_ok=True)

    def clean(self) -> None:
        """The worktree as built, its pointer too; what lies beside it is not touched."""
        for path in self.work.iterdir():
            if path.name != ".git":
                _remove(path)
        dot, pointer = self.work / ".git", (self.template / "work" / ".git").read_bytes()
        if not dot.is_file() or dot.read_bytes() != pointer:
            _remove(dot)
            dot.write_bytes(pointer)
        owner = self.work.stat()
        for name in ("hello.txt", ".gitignore"):
            shutil.copy(self.template / "work" / name, self.work / name)
            os.chown(self.work / name, owner.st_uid, owner.st_gid)

    def outside(self) -> dict[str, bytes | None]:
        files = (path for path in self.top.rglob("*") if path.relative_to(self.top).parts[0] != "work")
        return {str(path): path.read_bytes() if path.is_file() else None for path in files}

    def fits(self, text: str) -> str:
        return text.replace("@WORLD@", str(self.top)).replace("@PORT@", str(self.port))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@pytest.fixture
def world(open_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The world, with servers of the host that tell the secret to whoever reaches them."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("HOME", str(open_tmp / "world" / "home"))
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("0.0.0.0", 0)))
        port = tcp.getsockname()[1]
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", port))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0codebutler-{port}")
        abstract.listen()
        beside = stack.enter_context(socket.socket(socket.AF_UNIX))
        folder = os.open(open_tmp, os.O_PATH)
        stack.callback(os.close, folder)
        beside.bind(f"/proc/self/fd/{folder}/s")  # a socket's path must be short
        beside.listen()
        for server in (tcp, abstract, beside):
            threading.Thread(target=_tell, args=(server,), daemon=True).start()
        threading.Thread(target=_tell_datagrams, args=(udp,), daemon=True).start()
        made = World(open_tmp / "world", open_tmp / "template", port)
        made.top.mkdir()
        made.build()
        yield made
        for server in (tcp, abstract, beside, udp):
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def _tell(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(SECRET.encode())


def _tell_datagrams(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            heard, whence = server.recvfrom(99)
            if not heard:
                return
            server.sendto(SECRET.encode(), whence)


class Hand:
    """A bare executor; ``call`` is one tool call: whether it worked, and its text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        launch = prepare(Job(folder, None, False, SandboxSettings()))
        self.process = launch.popen(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def request(self, method: str, **params: object) -> dict[str, Any]:
        self.stdin.write(json.dumps({"id": "mine", "method": method, "params": params}).encode() + b"\n")
        self.stdin.flush()
        while True:
            reply: dict[str, Any] = json.loads(self.stdout.readline())
            if reply.get("id") == "mine":
                return reply

    def call(self, name: str, **arguments: object) -> tuple[bool, str]:
        result = self.request("tools/call", name=name, arguments=arguments)["result"]
        return not result["isError"], result["content"][0]["text"]

    def put(self, name: str, text: str) -> Path:
        (self.folder / name).write_bytes(text.encode())
        self.call("read", path=name)
        return self.folder / name


@pytest.fixture
def hand(folder: Path) -> Iterator[Hand]:
    found = Hand(folder)
    with found.process:
        yield found
        found.process.kill()
