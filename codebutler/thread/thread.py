"""One worker's view of a thread: log, workspace, rules, models. The base of desk, mail and phases."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from codebutler.agent.frame import Frame
from codebutler.agent.pictures import shown
from codebutler.agent.roles import Role
from codebutler.agent.standing import Standing
from codebutler.agent.voices import fitted
from codebutler.events import Event, FrameStarted, ModelReplied, QuestionAsked
from codebutler.models.breaker import Breaker
from codebutler.redact import Stream
from codebutler.thread import near, pool, render
from codebutler.thread.caps import Caps
from codebutler.thread.facts import facts
from codebutler.thread.guidance import Guidance
from codebutler.thread.host import Host, Rules
from codebutler.thread.log import ThreadLog
from codebutler.thread.plugs import notice as server_notice
from codebutler.thread.remarks import remarks
from codebutler.thread.slow import unanswered, watched
from codebutler.thread.turn import Turn
from codebutler.thread.workspace import Workspace
from codebutler.toolset.registry import Toolset
from codebutler.types import Message, ModelReply, Outbound, ToolResult

Listener = Callable[[str, str, str], Awaitable[None]]
"""Told of text as it is written: (thread, role, delta). Nothing durable hangs on it.

An empty delta: a new reply of the role begins. What commands print comes with no role."""


SUMMARY_TOKENS = 3_000
"""The longest summary of a transcript."""


class Thread(Caps):
    """Log, workspace and model access of a claimed thread."""

    def __init__(
        self, host: Host, log: ThreadLog, listener: Listener | None = None, turn: Turn | None = None
    ) -> None:
        """``listener`` gets streamed text; ``turn`` is how the dispatcher stops the work."""
        super().__init__(host, log)
        self.turn = turn or Turn()
        self.space = Workspace(host, log)
        self._listener = listener
        self._rules: Rules | None = None
        self.guidance = Guidance(host)
        self._toolsets: dict[tuple[str, int, tuple[str, ...]], Toolset] = {}
        self._outputs: dict[str, Stream] = {}
        """What commands print, by call."""
        self.held = False
        """Whether this turn has seen to it that the request's issues are its own."""
        self._shown = 0
        """How often the status card was refreshed."""
        self._level = ((0.0, False), 0)
        """Dollars, whether the run counts by now, and tokens, at the last look at the caps."""

    async def append(self, *events: Event, sync: bool = True) -> None:
        """Log events; they are on disk when this returns, without ``sync`` after the next that have it."""
        await self.log.append(*events, sync=sync)
        if any(isinstance(event, ModelReplied) for event in events):  # what it cost is known now
            await self.wait_over()

    async def post(
        self,
        message: Outbound,
        *,
        key: str,
        before: Sequence[Event] = (),
        timers: Mapping[str, float] | None = None,
    ) -> None:
        """Show a message at every door, once per key; ``timers`` (unix times) are set with it."""
        await self.log.post(message, key=key, before=before, timers=timers)

    def reminder(self, asked: QuestionAsked, *, again: bool = False) -> dict[str, float]:
        """The timer that brings a question back to people's minds."""
        threads = self.config.threads
        hours = threads.remind_every_hours if again else threads.remind_after_hours
        return {} if hours is None else {asked.timer: time.time() + hours * 3600}

    async def show_status(self, activity: str = "") -> None:
        """Refresh the status card."""
        self._shown, self.turn.waits = self._shown + 1, False
        card = render.status(self.state, activity)
        await self.log.post(card, key=f"status:{self.state.seq}:{time.time_ns()}")

    def redact(self, text: str) -> str:
        """``text`` without secrets."""
        return self.log.redact(text)

    # -- roles and models

    async def load_rules(self) -> Rules:
        """The rules of the thread's base commit."""
        base = await self.space.base()
        await self.host.router.learn()
        for notice in (*base.notices, *self.config.notes):
            await self.tell_once(notice)
        if self.host.sandbox.banner:
            await self.tell_once(self.host.sandbox.banner)
        self._rules = await self.host.rules(base.commit)
        return self._rules

    @property
    def rules(self) -> Rules:
        """The rules; ``load_rules`` comes first."""
        if self._rules is None:
            raise RuntimeError("load_rules was not called")
        return self._rules

    def role(self, name: str) -> Role:
        """A role of this thread."""
        return self.host.role(self.rules, name)

    def toolset(self, role: Role) -> Toolset:
        """The role's tools, those of MCP servers that were listed among them."""
        own = self.host.toolset(role, self.rules)
        key = role.name, id(own), tuple(x.server for x in self.state.plugs.values() if not x.problem)
        if key not in self._toolsets:
            self._toolsets[key] = own.plus(self.space.plugs.tools_for(role))
        return self._toolsets[key]

    async def offer(self, role: Role) -> Toolset:
        """The same, once the servers that the role may use were asked what they have."""
        await self.space.plugs.list_for(role)
        for listed in self.state.plugs.values():
            if words := server_notice(listed):
                await self.tell_once(words, source=f"notice:mcp:{listed.server}:{listed.role}")
        for source, words in await self.space.plugs.news(role):
            await self.tell_once(words, source=source)
        return self.toolset(role)

    async def call_server(self, server: str, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool of an MCP server."""
        return await self.space.plugs.call(server, tool, arguments)

    def system(self, role: Role) -> str:
        """The role's system prompt."""
        return self.rules.system(role)

    def candidates(self, role: Role) -> Sequence[str]:
        """Model ids to try: a swap in the thread wins over the configuration."""
        models = self.host.router.candidates(role, self.chosen(role))
        return self.saving(role, models)

    @property
    def breaker(self) -> Breaker:
        """The circuits of the models, shared by all threads."""
        return self.host.breaker

    @property
    def standing(self) -> Standing:
        """Which models this thread has found away."""
        return self.state.standing

    async def announce(self, words: str, *events: Event, source: str = "") -> None:
        """Say it in one commit with ``events``; under one ``source`` only once."""
        source = source or f"notice:models:{self.state.seq}"
        if source in self.state.said:
            await self.append(*events)
        else:
            await self.post(Outbound(text=words, kind="notice"), key=source, before=events)

    def names(self, role: Role) -> Mapping[str, str]:
        """Models that the role may use, by short name."""
        return pool.pool(self.rules.roles, self.config, role.name)

    def cheaper(self, role: Role, *, than: str, tokens: int, room: float) -> str:
        """A model of the role's whose call fits ``room`` dollars, or ""."""
        models, output = (*self.names(role).values(), *role.fallbacks), role.limits.max_output
        return pool.cheaper(models, self.host.router, than=than, tokens=tokens, output=output, room=room)

    async def warn_of_caps(self, frame: Frame) -> None:
        """Say once of each cap that most of it is used; looked up again only after money or tokens went.

        What all threads share is in the store, where it changes with dollars and runs alone.
        """
        level = ((self.state.usd, self._run_counted), self.tokens_used)
        if frame.step and level != self._level:
            shared = level[0] != self._level[0]
            self._level = level
            for key, words in await near.warnings(self, frame, self.role(frame.role), shared=shared):
                await self.tell_once(words, source=f"notice:near:{key}")

    async def start_frame(self, name: str, role: str, content: str) -> Frame:
        """The frame called ``name``, started with ``content`` if it is new."""
        if name not in self.state.frames:
            await self.append(FrameStarted(frame=name, role=role, content=content))
        return self.state.frames[name]

    async def prepare(self, model: str) -> None:
        """Learn a model's price and window before its first call."""
        await self.host.client.prepare(model)

    def tokens(self, model: str, messages: Sequence[Message], tools: Toolset | None = None) -> int:
        """Input tokens of a call, about."""
        return self.host.client.estimate(model, messages, tools.wire if tools else ())

    def window(self, model: str) -> int | None:
        """The model's context in tokens."""
        return self.host.client.window(model)

    def facts(self) -> str:
        """What a summary of a transcript must not lose."""
        return facts(self.state)

    async def summarise(self, role: Role, model: str, messages: Sequence[Message]) -> ModelReply:
        """A call without tools that nobody watches."""
        with self.turn.calm():
            return await self.host.client.complete(
                model=model, messages=messages, tools=(), role=f"{role.name}-summary",
                max_output=min(role.limits.max_output, SUMMARY_TOKENS),
            )  # fmt: skip

    async def complete(
        self, role: Role, model: str, messages: Sequence[Message], tools: Toolset
    ) -> ModelReply:
        """Ask the model."""
        said = Stream(self.host.redactor)

        async def on_text(delta: str) -> None:
            self.turn.silent.discard(role.name)
            if self._listener is not None and (text := said.feed(delta)):
                await self._listener(self.state.id, role.name, text)

        async with unanswered(model, self.host.silence, partial(self.show_wait, role)):
            if self._listener is not None:
                await self._listener(self.state.id, role.name, "")
            with self.turn.asking(role.name):
                reply = await self._complete(role, model, messages, tools, on_text)
        if self._listener is not None and (rest := said.end()):
            await self._listener(self.state.id, role.name, rest)
        for words, source in remarks(reply, self.host.router.notices):
            await self.tell_once(words, source=source)
        return reply

    async def _complete(
        self,
        role: Role,
        model: str,
        messages: Sequence[Message],
        tools: Toolset,
        on_text: Callable[[str], Awaitable[None]],
    ) -> ModelReply:
        router = self.host.router
        if router.needs_learning(model):
            await router.learn()
        return await self.host.client.complete(
            model=model,
            messages=await shown(fitted(messages, model), self.host.store.get_blob, sees=router.sees(model)),
            tools=tools.wire,
            max_output=role.limits.max_output,
            role=role.name,
            on_text=on_text,
        )

    def watching(self, role: str, tool: str) -> AbstractAsyncContextManager[None]:
        """Meanwhile a tool that does not come back is named on the status card, and since when it runs."""
        what, every = f"{render.title(role)}: {self.redact(tool)}", self.host.silence
        return watched(what, every, self.show_status, lambda: self._shown)

    async def wait(self, role: Role, why: str, seconds: float) -> bool:
        """Show it, and wait so many seconds; True as soon as somebody speaks whom the role would hear."""
        await self.show_wait(role, why)
        if self._listener is not None:  # what a model began before it broke off comes to nothing
            await self._listener(self.state.id, role.name, "")
        try:
            with self.turn.calm():
                async with asyncio.timeout(seconds):
                    await self.turn.mail.wait()
        except TimeoutError:
            return False
        return True

    async def show_wait(self, role: Role, why: str) -> None:
        """Let people see that ``role`` waits, and for what."""
        await self.show_status(f"{role.title} waits: {self.redact(why)}")
        self.turn.told_to_wait()

    async def wait_over(self) -> None:
        """Let the status card no longer say that a role waits."""
        if self.turn.waits:
            await self.show_status()

    async def tell_once(self, notice: str, *, source: str = "") -> None:
        """Say in the thread what a person should know, the first time only."""
        source = source or "notice:" + hashlib.sha256(notice.encode()).hexdigest()[:12]
        if source not in self.state.said:
            await self.post(Outbound(text=notice, kind="notice"), key=source)
