"""A thread's dependencies: set up beside its planning, waited for when its worktree is made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from codebutler.errors import CodeButlerError, NoSandbox
from codebutler.events import SetupFinished, SetupPart, SetupStarted, WorktreeReady
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.outfit import Outfit
from codebutler.setup.service import Outcome, Part
from codebutler.thread.host import Host
from codebutler.thread.log import ThreadLog
from codebutler.types import Outbound

PATIENCE = 3.0
"""Seconds after which people are told what is being waited for."""


class Dependencies:
    """Made anew for each turn; the work itself goes on between turns (setup.service)."""

    def __init__(self, host: Host, log: ThreadLog) -> None:
        """Nothing is begun yet."""
        self._host, self._log = host, log
        self._notes: list[asyncio.Task[None]] = []

    def begin(self, commit: str) -> None:
        """Let the commit's setup begin, and wait for nothing."""
        known = self._log.state.setup
        if self._host.config.sandbox.setup and (known is None or known.commit != commit):
            self._host.setups.begin(commit)
            self._notes.append(asyncio.create_task(self._say_started(commit)))

    async def needed(self, commit: str) -> bool:
        """Whether something is to be set up for the commit, or it cannot be told."""
        if not self._host.config.sandbox.setup:
            return False
        try:
            return bool(await self._host.setups.wanted(commit))
        except CodeButlerError:
            return True  # ``hands`` says it

    async def hands(self, ready: WorktreeReady, plain: Executor | None = None) -> Executor:
        """An executor on the worktree with its dependencies over it; where overlays fail, read-only.

        Waits for the setup. ``plain`` is one without any that runs there: it serves if none are needed.
        """
        path = Path(ready.path)
        outfit = await self._outfit(ready.base, path)
        start = partial(Executor.start, path, own=True, settings=self._host.sandbox)
        if not outfit.layers:
            return plain or await start()
        if plain is not None:
            await plain.close()
        try:
            return await start(outfit=outfit)
        except NoSandbox:
            return await start(outfit=outfit.shown())

    async def close(self) -> None:
        """Stop what this turn began; the setup goes on."""
        for note in self._notes:
            note.cancel()
        await asyncio.gather(*self._notes, return_exceptions=True)
        self._notes.clear()

    async def _outfit(self, commit: str, root: Path) -> Outfit:
        """What could be set up. Logs what became of it, and tells people of failures, once."""
        if not self._host.config.sandbox.setup:
            return Outfit()
        known = self._log.state.setup
        before = known.parts if known is not None and known.commit == commit else []
        if before and (there := await self._still_there(commit, before)) is not None:
            return there.outfit(root)
        await asyncio.gather(*self._notes)
        await self._say_started(commit)
        outcome = await self._wait(commit)
        if not outcome.parts:
            return Outfit()
        event = SetupFinished(commit=commit, parts=[self._recorded(commit, part) for part in outcome.parts])
        failures = [part for part in outcome.parts if part.entry is None]
        if failures:
            words = Outbound(text="\n\n".join(map(_words, failures)), kind="notice")
            await self._log.post(words, key=f"notice:setup:{commit}:{self._log.state.seq}", before=[event])
        else:
            await self._log.append(event)
        return outcome.outfit(root)

    async def _still_there(self, commit: str, before: Sequence[SetupPart]) -> Outcome | None:
        """What a former turn was given; None if some of it has gone. What failed then is not tried again."""
        found = await self._host.setups.found(commit)
        there = {part.wanted.key for part in found.parts if part.entry is not None}
        return found if {part.key for part in before if not part.why} <= there else None

    async def _say_started(self, commit: str) -> None:
        if self._began(commit):
            return
        try:
            wanted = await self._host.setups.wanted(commit)
        except CodeButlerError:
            return  # the outcome says it, when somebody waits for it
        due = [w for w in wanted if not w.problem and not await self._host.setups.ready(w)]
        if due and not self._began(commit):
            await self._log.append(SetupStarted(commit=commit, recipes=[w.recipe.title for w in due]))

    def _began(self, commit: str) -> list[str]:
        """The recipes that this thread has begun for the commit."""
        last = self._log.state.setting_up
        return last.recipes if last is not None and last.commit == commit else []

    def _recorded(self, commit: str, part: Part) -> SetupPart:
        recipe = part.wanted.recipe.title
        cached = part.cached and recipe not in self._began(commit)
        if part.entry is not None:
            return SetupPart(recipe=recipe, key=part.wanted.key, cached=cached)
        return SetupPart(recipe=recipe, key=part.wanted.key, why=part.why, output=part.output, fix=part.fix)

    async def _wait(self, commit: str) -> Outcome:
        task = self._host.setups.begin(commit)
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if not done:
            text = "Waiting for the project's dependencies to be installed."
            await self._log.post(Outbound(text=text, kind="notice"), key=f"notice:setup-wait:{commit}")
        return await asyncio.shield(task)


def _words(part: Part) -> str:
    """One failure: what, the last lines, how to mend it, and that work goes on."""
    why = part.why if part.why.endswith(".") else f"{part.why}."
    fix = part.fix if not part.fix or part.fix.endswith(".") else f"{part.fix}."
    lines = [f"Dependencies of {part.wanted.recipe.title} are not installed: {why} {fix}".rstrip()]
    if part.output:
        lines.append(f"```\n{part.output}\n```")
    return "\n".join([*lines, "The work goes on without them."])
