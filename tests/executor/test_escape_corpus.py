"""Every attack of escapes.toml succeeds against a naive executor and fails against ours, in one run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from codebutler.errors import CodeButlerError
from codebutler.repo.checkpoints import import_checkpoint
from codebutler.repo.git import resolve
from codebutler.sandbox import host
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings

HERE = Path(__file__).parent
Attacks = dict[str, dict[str, Any]]
CORPUS: dict[str, Attacks] = tomllib.loads((HERE / "escapes.toml").read_text())
SECRET = "CANARY-7c1f"  # what the world's fixture hides everywhere
PATIENCE = 2.0
"""Seconds after which a call that should be instant counts as hanging."""
_FATAL, _DAMAGE = ("lost", "hang", "victim"), ("outside", "pwned", "pointer", "mode")


class Naive:
    """naive.py in a bubblewrap of its own: the world is writable, the rest of the host only readable."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process, self.number, self.victim = process, 0, True
        self.waiting: dict[int, asyncio.Future[str]] = {}
        self.reader = asyncio.create_task(self.read())

    @classmethod
    async def start(cls, world: Any) -> Naive:
        top = str(world.top)
        # As root, mapping uid 0 into a namespace takes this capability, and nothing else does.
        rights = ("--cap-add", "CAP_SETFCAP") if os.geteuid() == 0 else ()
        process = await asyncio.create_subprocess_exec(
            host.bwrap()[0], "--die-with-parent", "--unshare-pid", "--unshare-ipc", *rights,
            "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys",
            "--bind", top, top, "--chdir", top, "--new-session", "--setenv", "TMPDIR", f"{top}/tmp",
            "--setenv", "PATH", f"{host.ripgrep().parent}:{os.environ['PATH']}",
            host.interpreter()[0], "-I", "-S", HERE / "naive.py", world.work,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, limit=2**26,
        )  # fmt: skip
        return cls(process)

    async def read(self) -> None:
        while self.process.stdout and (line := await self.process.stdout.readline()):
            reply = json.loads(line)
            self.victim = reply["victim"]
            if (future := self.waiting.pop(reply["id"], None)) and not future.done():
                future.set_result(reply["text"])
        for future in self.waiting.values():
            future.cancel()

    async def call(self, name: str, arguments: dict[str, Any], patience: float = 20) -> str:
        self.number += 1
        future = self.waiting[self.number] = asyncio.get_running_loop().create_future()
        request = {"id": self.number, "name": name, "arguments": arguments}
        if self.process.stdin and self.process.returncode is None:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
        done, _ = await asyncio.wait([future], timeout=patience)
        if not done or future.cancelled():
            raise TimeoutError("it hangs, or it has gone")
        return str(future.result())

    async def daemon(self, what: str | dict[str, str], patience: float = 20) -> str:
        if isinstance(what, str):
            return await self.call(what, {}, patience)
        return await self.call("file", {"path": what["read"]}, patience)

    async def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await self.reader


class Ours:
    """The real executor, and what the daemon does with a worktree through it."""

    def __init__(self, world: Any, executor: Executor, neighbour: subprocess.Popen[bytes]) -> None:
        self.world, self.executor, self.neighbour = world, executor, neighbour

    @property
    def victim(self) -> bool:
        return self.neighbour.poll() is None

    async def call(self, name: str, arguments: dict[str, Any], patience: float = 20) -> str:
        result = await self.executor.call(name, arguments, timeout=patience)
        if "it was stopped" in result.text:
            raise TimeoutError(result.text)
        return result.text

    async def daemon(self, what: str | dict[str, str], patience: float = 20) -> str:
        del patience  # none of these may take long
        try:
            if isinstance(what, dict):
                return str(await self.executor.read_file(what["read"]))
            if what == "diff":
                return await self.executor.diff(self.world.base)
            if what == "status":
                return str(await self.executor.status(self.world.base))
            return await self.checkpoint()
        except CodeButlerError as error:
            return str(error)

    async def checkpoint(self) -> str:
        gitdir, ref = self.world.top / "repo" / ".git", "refs/heads/codebutler/t"
        tip = await resolve(gitdir, ref) or ""
        built = await self.executor.tree(tip)
        pack = self.executor.pack(built)
        return await import_checkpoint(gitdir, tree=built.tree, pack=pack, message="x", ref=ref, old=tip)


async def breached(side: Naive | Ours, attack: dict[str, Any], world: Any) -> bool:
    """Whether the attack got what it wanted."""
    verdict = attack["verdict"]
    before = world.outside() if verdict == "outside" else {}
    pointer, mode = (world.work / ".git").read_bytes(), (world.top / "secret.txt").stat().st_mode
    try:
        if "before" in attack:
            await side.call("bash", {"command": world.fits(attack["before"])})
        began = time.monotonic()
        text = await strike(side, attack, world)
        took = time.monotonic() - began
        if verdict in _FATAL:
            await asyncio.sleep(0.3)  # the dying take their time
            return "alive" not in await side.call("bash", {"command": "echo alive"}, PATIENCE) or (
                took > PATIENCE if verdict == "hang" else not side.victim
            )
    except TimeoutError:
        return verdict in _FATAL
    if verdict == "late":
        await asyncio.sleep(0.7)
    dot = world.work / ".git"
    if verdict in ("leak", "prints"):
        return (SECRET if verdict == "leak" else "BREACH") in text
    if verdict == "setuid":
        return any(path.lstat().st_mode & 0o6000 for path in world.work.rglob("*"))
    if verdict == "pointer":
        return not dot.is_file() or dot.read_bytes() != pointer
    if verdict == "mode":
        return bool((world.top / "secret.txt").stat().st_mode != mode)
    if verdict == "flood":
        return len(text) > 300_000
    traces = {"pwned": world.top / "pwned", "late": world.work / "late"}
    return bool(world.outside() != before) if verdict == "outside" else traces[verdict].exists()


async def strike(side: Naive | Ours, attack: dict[str, Any], world: Any) -> str:
    patience = PATIENCE if attack["verdict"] in _FATAL else 20
    call = {key: world.fits(value) for key, value in attack.get("call", {}).items()}
    tool, text = call.pop("tool", ""), ""
    if "run" in attack:
        command = {"command": world.fits(attack["run"])}
        running = asyncio.create_task(side.call("bash", command, patience))
        while attack.get("race") and not running.done():
            text += await side.call(tool, call)
        text += await running
    elif tool:
        text += await side.call(tool, call, patience)
    if "daemon" in attack:
        text += await side.daemon(attack["daemon"], patience)
    return text


@pytest.mark.parametrize("category", CORPUS)
async def test_attacks(world: Any, category: str) -> None:
    """The naive one falls to each of them; ours to none."""
    held: list[str] = []
    naive: Naive | None = None
    for name, attack in CORPUS[category].items():
        naive = naive or await Naive.start(world)
        if not await breached(naive, attack, world):
            held.append(name)
        if attack["verdict"] in _FATAL:
            await naive.close()
            naive = None
        if category == "git" or attack["verdict"] in _DAMAGE:
            world.restore()
        else:
            world.clean()
    if naive:
        await naive.close()
    assert held == [], "these attacks prove nothing: the naive executor withstood them"
    world.restore()
    assert await _against_ours(world, CORPUS[category], SandboxSettings()) == []


@pytest.mark.parametrize("category", CORPUS)
async def test_attacks_on_a_border_with_scratch_git(world: Any, category: str, full: bool) -> None:
    """That the naive one falls to them is shown above; the slow ones are for the sweep."""
    if full or category not in ("links", "processes"):
        assert await _against_ours(world, CORPUS[category], SandboxSettings(git_scratch=True)) == []


async def _against_ours(world: Any, attacks: Attacks, settings: SandboxSettings) -> list[str]:
    before, fell = world.outside(), []
    executor = await Executor.start(world.work, own=True, settings=settings)
    command = [sys.executable, "-c", "import time; time.sleep(90)", "the-victim", SECRET]
    with subprocess.Popen(command) as neighbour:
        try:
            for name, attack in attacks.items():
                if await breached(Ours(world, executor, neighbour), attack, world):
                    fell.append(name)
                world.clean()
        finally:
            neighbour.kill()
            await executor.close()
    if not fell and not any(each.get("daemon") == "checkpoint" for each in attacks.values()):
        assert world.outside() == before
    return fell


@pytest.mark.parametrize("category", CORPUS)
async def test_attacks_on_the_reduced_border(world: Any, category: str) -> None:
    """It promises less: what the corpus marks for it falls, or it would be promised; the rest holds."""
    settings, attacks = SandboxSettings(tier="reduced"), CORPUS[category]
    promised = {name: attack for name, attack in attacks.items() if _promised(attack)}
    assert await _against_ours(world, promised, settings) == []
    for name in attacks.keys() - promised.keys():
        world.restore()
        assert await _against_ours(world, {name: attacks[name]}, settings) == [name]


def _promised(attack: dict[str, Any]) -> bool:
    return attack.get("reduced", True) is True or (attack["reduced"] == "as root" and os.geteuid() == 0)
