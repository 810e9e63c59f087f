"""A real ``codebutler serve`` in a repo of its own, with a model on loopback that always has an answer."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from codebutler.bench import talk
from codebutler.bench.samples import repository
from codebutler.errors import CodeButlerError
from codebutler.repo.memory import MEMORY_FILES
from codebutler.service import owner
from codebutler.service.app import find_place, open_store
from codebutler.store.store import Store
from codebutler.testing.provider import Provider, piece, usage
from codebutler.testing.stage import PROGRAM
from codebutler.thread.intake import receive
from codebutler.types import Inbound, Json

if TYPE_CHECKING:
    from aiohttp import web

Tool: TypeAlias = Literal["read", "read_memory"]
"""What the model calls: ``read`` needs a sandbox, ``read_memory`` none."""
_PATIENCE = 120.0
"""Seconds for anything at all to happen: a daemon that hangs fails the benchmark."""
_LOOK = 0.002
_ENOUGH = {"maxConcurrentThreads": 1000, "maxCallsPerHour": 1_000_000}


@dataclass(slots=True)
class Ground:
    """A repo, a home for its daemon, and the model that it asks."""

    repo: Path
    home: Path
    model: Provider

    def _env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "CODEBUTLER_HOME": str(self.home / "butler"),
            "CODEBUTLER_MODEL": "scripted",
            "OPENAI_BASE_URL": self.model.url,
        }

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """The repo's store, opened as another process would."""
        place = await find_place(self.repo, home=self.home / "butler", env=self._env())
        store = await open_store(place)
        try:
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Process]:
        """The daemon; on the way out it is killed, with whatever it has under way."""
        with (self.home / "errors").open("ab") as errors:
            daemon = await asyncio.create_subprocess_exec(
                *PROGRAM, "serve", cwd=self.repo, env=self._env(), stdout=PIPE, stderr=errors
            )
        try:
            yield daemon
        finally:
            daemon.kill()
            await daemon.wait()

    async def ready(self, daemon: Process) -> None:
        """Until the daemon says that it serves."""
        if daemon.stdout is None or not await daemon.stdout.readline():
            errors = (self.home / "errors").read_text(encoding="utf-8", errors="replace")
            raise CodeButlerError(f"codebutler serve does not start: {errors[-500:]}")

    async def ask(self, store: Store, conversation: str, *, key: str = "") -> str:
        """A question in a conversation; its thread's id. The daemon is told."""
        asked = Inbound(
            surface=talk.SURFACE, external_id=conversation, key=f"{conversation}:{key}", author=talk.ASKER,
            text="What does it say?",
        )  # fmt: skip
        thread = await receive(store, asked)
        await owner.kick(self.repo, self.home / "butler", thread)
        return thread

    async def until(self, reached: Callable[[], Awaitable[bool]], *, every: float = _LOOK) -> None:
        """Until ``reached`` says so; looked at ``every`` so many seconds."""
        async with asyncio.timeout(_PATIENCE):
            while not await reached():  # noqa: ASYNC110 - the daemon is another process
                await asyncio.sleep(every)


@asynccontextmanager
async def ground(
    folder: Path, tool: Tool = "read", calls: int = 0, delay: float = 0.0
) -> AsyncIterator[Ground]:
    """A repo of few files. The model calls ``tool`` so often, then answers; each reply takes ``delay`` s."""
    repo, home = folder / "repo", folder / "home"
    await asyncio.to_thread(repository, repo, 20)
    (home / "butler").mkdir(mode=0o700, parents=True)
    config = home / "butler" / "config.json"
    config.write_text(json.dumps({"limits": _ENOUGH}), encoding="utf-8")
    config.chmod(0o600)
    async with Provider.run() as model:
        model.handler = _reader(tool, calls, delay)
        yield Ground(repo, home, model)


def _reader(tool: Tool, calls: int, delay: float) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A model that calls ``tool`` so many times since it was asked, then answers."""

    async def answer(request: web.Request) -> web.StreamResponse:
        messages: list[Json] = (await request.json())["messages"]
        await asyncio.sleep(delay)
        asked = max(n for n, m in enumerate(messages) if m["role"] == "user")
        done = sum(m["role"] == "tool" for m in messages[asked:])
        if done >= calls:
            return await Provider.events(piece(content="It says so."), piece(finish="stop"), usage(9, 4))(
                request
            )
        memory = MEMORY_FILES[done % len(MEMORY_FILES)]  # the same call again and again would end the turn
        arguments = {"path": f"part0/group0/file{done}.py"} if tool == "read" else {"file": memory}
        function = {"name": tool, "arguments": json.dumps(arguments)}
        call = {"index": 0, "id": f"call-{len(messages)}", "type": "function", "function": function}
        end = piece(finish="tool_calls")
        return await Provider.events(piece(tool_calls=[call]), end, usage(9, 4))(request)

    return answer
