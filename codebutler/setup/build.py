"""One setup, in its cage: a clean copy of a commit's files, the recipe's command, and what comes of it.

What runs here is the repo's and its packages' code. It sees those files, programs, and the hosts that this
phase may reach: no history, no worktree, no thread, no secret.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from codebutler.errors import CodeButlerError
from codebutler.repo.discover import Repo
from codebutler.repo.removal import delete_tree
from codebutler.sandbox import host
from codebutler.sandbox.egress import Egress
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.launch import give_to
from codebutler.sandbox.outfit import DEPS, TREE, Layer, Outfit
from codebutler.sandbox.settings import MIB, SandboxSettings
from codebutler.setup import shelf
from codebutler.setup.recipes import Recipe

_SCRATCH = "/codebutler/scratch"
_FLOOR = 512 * MIB
"""Free bytes that a setup leaves to the rest of this host."""
_PAUSE = 0.5
_LINES, _CHARS = 15, 1500
MakeEgress = Callable[[Sequence[str], int, Sequence[str]], Egress]


class Cage(Struct, frozen=True):
    """What a build may use: ``allow`` are the hosts, ``environment`` says where packages are."""

    settings: SandboxSettings
    allow: tuple[str, ...]
    environment: Mapping[str, str]
    seconds: float
    bytes: int
    egress: MakeEgress = Egress


class Unbuilt(Exception):
    """The setup did not succeed: why, in one line, the last lines it printed, and what would help."""

    def __init__(self, why: str, output: str = "", fix: str = "") -> None:
        """``output`` is text of a stranger."""
        super().__init__(why)
        self.why, self.output, self.fix = why, tail(output), fix


async def build(repo: Repo, commit: str, recipe: Recipe, key: str, cage: Cage) -> None:
    """Run the recipe and put what it made on the shelf under ``key``. Raises Unbuilt."""
    building = await asyncio.to_thread(shelf.fresh, repo)
    try:
        settings = replace(cage.settings, allow=(), limits=cage.settings.limits | {"fsize": cage.bytes})
        files = await Executor.start(building / "tree", own=True, gitdir=repo.gitdir, settings=settings)
        try:
            await files.fill(commit)
        finally:
            await files.close()
        await _run(building, recipe, cage, settings)
        await asyncio.to_thread(shelf.publish, building, recipe, key)
    except CodeButlerError as error:
        raise Unbuilt(error.message, fix=error.fix) from error
    finally:
        await asyncio.to_thread(delete_tree, building)


async def _run(building: Path, recipe: Recipe, cage: Cage, settings: SandboxSettings) -> None:
    for name in ("deps", "scratch"):
        await asyncio.to_thread(give_to, building / name, settings.uid)
    egress = cage.egress(cage.allow, settings.uid, settings.private) if cage.allow else None
    outfit = Outfit(
        (
            Layer(building / "tree", TREE, "bind"),
            Layer(building / "scratch", _SCRATCH, "bind"),
            Layer(building / "deps", f"{DEPS}/{recipe.name}", "bind"),
        ),
        {
            "HOME": _SCRATCH,
            "TMPDIR": _SCRATCH,
            "CODEBUTLER_PYTHON": str(host.interpreter()[0]),
            "PIP_NO_CACHE_DIR": "1",
            **cage.environment,
            **recipe.environment,
        },
    )
    executor = await Executor.start(
        building / "tree", own=True, settings=settings, egress=egress, outfit=outfit
    )
    watch = asyncio.create_task(_watch(building, cage.bytes))
    command = f"cd {TREE} && {{ {recipe.command}\n}}"
    arguments = {"command": command, "timeout": cage.seconds}
    work = asyncio.create_task(executor.call("bash", arguments))
    try:
        await asyncio.wait({watch, work}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Unbuilt(watch.result(), fix="sandbox.setupMib bounds what one setup may take.")
        result = work.result()
        if not result.ok:
            raise Unbuilt(f"{recipe.title} did not succeed", result.text, _refused(egress))
        if await asyncio.to_thread(shelf.size, building, cage.bytes) > cage.bytes:
            raise Unbuilt(_too_much(cage.bytes), fix="sandbox.setupMib bounds what one setup may take.")
    finally:
        for task in (watch, work):
            task.cancel()
        await asyncio.gather(watch, work, return_exceptions=True)
        await executor.close()


async def _watch(building: Path, most: int) -> str:
    """Ends when the setup takes too much space, and says so."""
    while True:
        free = (await asyncio.to_thread(shutil.disk_usage, building)).free
        if free < _FLOOR:
            return f"the disk is almost full: {free // MIB} MiB are left"
        began = time.monotonic()
        if await asyncio.to_thread(shelf.size, building, most) > most:
            return _too_much(most)
        await asyncio.sleep(max(_PAUSE, 4 * (time.monotonic() - began)))


def _too_much(most: int) -> str:
    return f"the setup took more than {most // MIB} MiB of disk"


def _refused(egress: Egress | None) -> str:
    """Names that it asked for and did not get are what is most often missing."""
    if egress is None:
        return ""
    names = ", ".join(egress.refused)
    return f"It asked for {names}, which this host does not allow (sandbox.setupAllow)." if names else ""


def tail(output: str) -> str:
    """The last lines of a stranger's output, as text that is safe to show between fences."""
    plain = "".join(char for char in output if char == "\n" or char.isprintable()).replace("`", "'")
    lines = [line.strip()[:300] for line in plain.splitlines() if line.strip()]
    return "\n".join(lines[-_LINES:])[-_CHARS:]
