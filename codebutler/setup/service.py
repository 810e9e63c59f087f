"""The setups of one repo: found on the shelf, or built once for all threads that ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from codebutler.config import Config
from codebutler.errors import CodeButlerError
from codebutler.repo.discover import Repo
from codebutler.sandbox.egress import Egress
from codebutler.sandbox.outfit import DEPS, Layer, Outfit
from codebutler.sandbox.settings import MIB, SandboxSettings
from codebutler.setup import registries, shelf
from codebutler.setup.build import Cage, MakeEgress, Unbuilt, build
from codebutler.setup.recipes import Preset, Recipe
from codebutler.setup.registries import Registry
from codebutler.setup.shelf import Entry
from codebutler.setup.wanted import Wanted, read

T = TypeVar("T")
AT_ONCE = 2
"""Setups that run at the same time."""
_AGAIN = 600.0
"""Seconds for which a failure is remembered: threads that start together do not all repeat it."""


class Part(Struct, frozen=True):
    """What became of one recipe. ``entry`` is None for one that failed, with ``why`` and the rest."""

    wanted: Wanted
    entry: Entry | None = None
    cached: bool = False
    why: str = ""
    output: str = ""
    fix: str = ""


class Outcome(Struct, frozen=True):
    """What became of a commit's recipes."""

    parts: tuple[Part, ...] = ()

    def outfit(self, root: Path) -> Outfit:
        """What the worktree at ``root`` gets of it."""
        layers, environment, path = [], dict[str, str](), list[str]()
        for part in self.parts:
            if part.entry is None:
                continue
            recipe = part.wanted.recipe
            layers += [Layer(folder, str(root / name)) for name, folder in part.entry.kept]
            layers += [Layer(part.entry.deps, f"{DEPS}/{recipe.name}")] if recipe.deps else []
            environment |= {**recipe.environment, **recipe.later}
            path += recipe.path
        return Outfit(tuple(layers), environment, tuple(path), tree=bool(layers))


@dataclass
class Setups:
    """Closed with its repo. ``egress`` makes the way out of a build."""

    repo: Repo
    config: Config
    home: Path
    sandbox: SandboxSettings
    egress: MakeEgress = Egress
    _wanted: dict[str, asyncio.Task[tuple[Wanted, ...]]] = field(default_factory=dict)
    _building: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _failed: dict[str, tuple[float, Unbuilt]] = field(default_factory=dict)
    _registry: asyncio.Task[Registry] | None = None
    _outcomes: dict[str, asyncio.Task[Outcome]] = field(default_factory=dict)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def begin(self, commit: str) -> asyncio.Task[Outcome]:
        """What the commit's recipes come to, in the background. A task to wait for, never to cancel."""
        task = self._outcomes.get(commit)
        if task is None:
            task = self._outcomes[commit] = asyncio.create_task(self._outcome(commit))
            task.add_done_callback(partial(_heard, self._outcomes, commit))
        return task

    async def found(self, commit: str) -> Outcome:
        """What lies on the shelf of it already; nothing is built."""
        parts = []
        try:
            wanted = await self.wanted(commit)
        except CodeButlerError:
            return Outcome()
        for each in wanted:
            entry = await asyncio.to_thread(shelf.find, self.repo, each.key, use=True)
            parts.append(Part(each, entry, cached=True, why="" if entry else "it was not installed"))
        return Outcome(tuple(parts))

    async def wanted(self, commit: str) -> tuple[Wanted, ...]:
        """The commit's recipes, read once. Raises ConfigError for a repo's own that is wrong."""
        task = self._wanted.get(commit)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._wanted[commit] = asyncio.create_task(
                read(self.repo, commit, self.config, self.home, self.sandbox)
            )
        return await asyncio.shield(task)

    async def ready(self, wanted: Wanted) -> bool:
        """Whether it lies on the shelf."""
        return await asyncio.to_thread(shelf.find, self.repo, wanted.key) is not None

    async def registry(self) -> Registry:
        """What the presets of this host's configuration mean here, asked once."""
        if self._registry is None:
            self._registry = asyncio.create_task(self._ask())
        return await asyncio.shield(self._registry)

    async def tidy(self) -> None:
        """Clear away what a crash left half made, and what nobody has used for long."""
        await asyncio.to_thread(shelf.sweep, self.repo)
        await asyncio.to_thread(shelf.prune, self.repo)

    async def close(self) -> None:
        """Stop every build."""
        tasks: list[asyncio.Task[Any]] = [
            *self._outcomes.values(),
            *self._building.values(),
            *self._wanted.values(),
        ]
        tasks += [self._registry] if self._registry else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _outcome(self, commit: str) -> Outcome:
        try:
            wanted = await self.wanted(commit)
        except CodeButlerError as error:
            recipe = Recipe("setup", (".codebutler/config.json",), "")
            return Outcome((Part(Wanted(recipe, ""), why=error.message, fix=error.fix),))
        return Outcome(tuple(await asyncio.gather(*(self._part(commit, each) for each in wanted))))

    async def _part(self, commit: str, wanted: Wanted) -> Part:
        find = partial(shelf.find, self.repo, wanted.key, use=True)
        try:
            if (entry := await asyncio.to_thread(find)) is not None:
                return Part(wanted, entry, cached=True)
            if wanted.problem:
                return Part(wanted, why=wanted.problem, fix=wanted.fix)
            await self._build(commit, wanted)
            made = await asyncio.to_thread(find)
            return Part(wanted, made, why="" if made else "what was set up is gone again")
        except Unbuilt as unbuilt:
            return Part(wanted, why=unbuilt.why, output=unbuilt.output, fix=unbuilt.fix)
        except (CodeButlerError, OSError) as error:
            return Part(wanted, why=str(error))

    async def _build(self, commit: str, wanted: Wanted) -> None:
        """One builder for each key; those who come meanwhile wait for it."""
        failed = self._failed.get(wanted.key)
        if failed is not None and time.monotonic() - failed[0] < _AGAIN:
            raise failed[1]
        task = self._building.get(wanted.key)
        if task is None:
            task = self._building[wanted.key] = asyncio.create_task(self._work(commit, wanted))
            task.add_done_callback(partial(_heard, self._building, wanted.key))
        await asyncio.shield(task)

    async def _work(self, commit: str, wanted: Wanted) -> None:
        async with self._places:
            sandbox = self.config.sandbox
            registry = await self.registry()
            allow = dict.fromkeys((*sandbox.allow, *sandbox.setup_allow, *registry.allow))
            cage = Cage(
                self.sandbox, tuple(allow), registry.environment, sandbox.setup_seconds,
                sandbox.setup_mib * MIB, self.egress,
            )  # fmt: skip
            try:
                await build(self.repo, commit, wanted.recipe, wanted.key, cage)
            except Unbuilt as unbuilt:
                if registry.problem and not unbuilt.fix:
                    unbuilt.fix = f"{registry.problem} {registries.FIX}"
                self._failed[wanted.key] = time.monotonic(), unbuilt
                raise
            await asyncio.to_thread(shelf.prune, self.repo, [wanted.key])

    async def _ask(self) -> Registry:
        names: Sequence[Preset] = self.config.sandbox.registries
        return registries.merged(await asyncio.gather(*(registries.resolve(name) for name in names)))


def _heard(tasks: dict[str, asyncio.Task[T]], key: str, task: asyncio.Task[T]) -> None:
    """Forget a task. When it failed, nobody may be waiting any more: that is no news then."""
    tasks.pop(key, None)
    if not task.cancelled():
        task.exception()
