"""A transcript that fills its model's window: its oldest turns give way to a summary, and work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from codebutler.agent import loop
from codebutler.agent.compact import FULL, KEPT, limit
from codebutler.agent.frame import FILTERED, Frame
from codebutler.agent.roles import Role, load_role
from codebutler.agent.standing import Standing
from codebutler.agent.think import FILTER
from codebutler.errors import ContextTooLong, ModelUnavailable
from codebutler.events import Compacted, Event, FrameStarted, ModelRequested
from codebutler.models.breaker import Breaker
from codebutler.testing.doubles import Asked, Puppet, says
from codebutler.thread.fold import apply
from codebutler.thread.state import ThreadState
from codebutler.toolset.desk import Desk, EndTurn, Site
from codebutler.toolset.registry import Tool, Toolset
from codebutler.types import Message, ModelReply, ToolCall, ToolResult, ToolSpec

ROLE = load_role("coder")
WINDOW = 40_000
TASK = "Mend the rounding of parcels."


class Place:
    """What a model step needs of a thread; its log is folded at once, so a replay can be compared."""

    def __init__(self, mind: Callable[[Asked], Awaitable[ModelReply]], window: int | None = WINDOW) -> None:
        self.client = Puppet(mind, tokens=None, window=window)
        self.events: list[Event] = []
        self.state = ThreadState("t")
        self.notices: list[str] = []
        self.now = 0.0
        self.breaker = Breaker(clock=lambda: self.now)

    async def start(self) -> Place:
        await self.append(FrameStarted(frame="coder-1", role="coder", content=TASK))
        return self

    @property
    def frame(self) -> Frame:
        return self.state.frames["coder-1"]

    async def append(self, *events: Event, sync: bool = True) -> None:
        for event in events:
            self.events.append(event)
            apply(self.state, self.state.seq + 1, 0.0, event)

    def redact(self, text: str) -> str:
        return text.replace("s3cret", "[redacted]")

    @property
    def standing(self) -> Standing:
        return self.state.standing

    async def announce(self, words: str, *events: Event, source: str = "") -> None:
        self.notices.append(words)
        await self.append(*events)

    def candidates(self, role: Role) -> Sequence[str]:
        return ("m",)

    def system(self, role: Role) -> str:
        return "you are the Coder"

    async def request(
        self, frame: Frame, role: Role, model: str, messages: Sequence[Message]
    ) -> tuple[str, ModelRequested]:
        asked = ModelRequested(frame=frame.id, step=frame.step + 1, model=model, usd=0.5)
        await self.append(asked)
        return f"k{len(self.client.asked)}", asked

    async def settle(self, key: str, usd: float, *, at_once: bool = False) -> None:
        pass

    async def show_wait(self, role: Role, why: str) -> None:
        pass

    async def wait(self, role: Role, why: str, seconds: float) -> bool:
        self.now += seconds
        return False

    def tokens(self, model: str, messages: Sequence[Message], tools: Toolset | None = None) -> int:
        return self.client.estimate(model, messages)

    def window(self, model: str) -> int | None:
        return self.client.window(model)

    def facts(self) -> str:
        return "# The plan (approved)\n\nRound up."

    async def prepare(self, model: str) -> None:
        return

    async def summarise(self, role: Role, model: str, messages: Sequence[Message]) -> ModelReply:
        return await self.client.complete(
            model=model, messages=messages, tools=(), max_output=100, role="coder-summary"
        )

    async def complete(
        self, role: Role, model: str, messages: Sequence[Message], tools: Toolset
    ) -> ModelReply:
        return await self.client.complete(
            model=model, messages=messages, tools=tools.wire, max_output=100, role=role.name
        )

    async def between_steps(self, frame: Frame) -> None:
        pass

    async def guides(self, frame: Frame, call: ToolCall) -> tuple[str, list[str]]:
        return "", []

    @asynccontextmanager
    async def watching(self, role: str, tool: str) -> AsyncIterator[None]:
        yield

    async def before_tools(self, *, changes: bool) -> None:
        pass

    async def run(self) -> str:
        place: Any = self
        return await loop.run(self.frame, ROLE, Toolset([PAGE]), place)

    @property
    def compactions(self) -> list[Compacted]:
        return [e for e in self.events if isinstance(e, Compacted)]


async def _page(arguments: Any, _desk: Desk, _site: Site) -> ToolResult:
    return ToolResult(f"page {arguments['n']}: " + "x" * 12_000)


PAGE = Tool(ToolSpec("page", "page", {"type": "object"}, read_only=True, recovery="rerun"), _page)


class Reader:
    """A mind that reads ``pages`` pages and then is done; its summaries are ``story``."""

    def __init__(self, pages: int, *stories: str | Exception | ModelReply) -> None:
        self.left = pages
        self.stories = list(stories) or ["Read pages; s3cret found at a.py:7."]

    async def __call__(self, asked: Asked) -> ModelReply:
        if asked.role == "coder-summary":
            story = self.stories.pop(0) if len(self.stories) > 1 else self.stories[0]
            if isinstance(story, Exception):
                raise story
            return story if isinstance(story, ModelReply) else says(story)
        if not self.left:
            return says("done")
        self.left -= 1
        return says("", ToolCall(id=f"c{self.left}", name="page", arguments=f'{{"n": {self.left}}}'))


def size(messages: Sequence[Message]) -> int:
    return sum(len(str(m)) for m in messages) // 4


def paired(messages: Sequence[Message]) -> bool:
    """Every result has its call before it, and every call its result."""
    calls = [c["id"] for m in messages for c in m.get("tool_calls") or ()]
    return calls == [m["tool_call_id"] for m in messages if m["role"] == "tool"]


async def test_old_turns_give_way_and_the_run_ends_as_if_nothing_had_happened() -> None:
    place = await Place(Reader(30)).start()
    assert await place.run() == "done"
    own = [a for a in place.client.asked if a.role == "coder"]
    assert len(place.compactions) >= 2
    assert all(size(a.messages) <= WINDOW for a in own)
    assert all(paired(a.messages) for a in own)
    content = place.compactions[-1].content
    assert content.count(TASK) == content.count("# The first message") == 1
    assert "Round up." in content
    assert "a.py:7" in content
    assert "s3cret" not in content


async def test_outside_compactions_each_request_begins_with_the_one_before() -> None:
    place = await Place(Reader(30)).start()
    await place.run()
    breaks = 0
    own = [a.messages for a in place.client.asked if a.role == "coder"]
    for before, after in pairwise(own):
        breaks += after[: len(before)] != before
    assert breaks == len(place.compactions)


async def test_the_log_alone_gives_the_same_transcript() -> None:
    place = await Place(Reader(30)).start()
    await place.run()
    again = ThreadState("t")
    for seq, event in enumerate(place.events, 1):
        apply(again, seq, 0.0, event)
    assert again.frames["coder-1"].messages == place.frame.messages
    assert again.usd == pytest.approx(0.001 * len(place.client.asked))


@pytest.mark.parametrize("story", ["", ModelUnavailable("503"), ModelReply("half", finish="content_filter")])
async def test_without_a_story_the_engine_lists_what_was_done(story: str | Exception | ModelReply) -> None:
    place = await Place(Reader(12, story)).start()
    assert await place.run() == "done"
    assert 'page {"n": 11}' in place.compactions[0].content
    assert "half" not in place.compactions[0].content


async def test_one_failure_does_not_cost_the_notes() -> None:
    place = await Place(Reader(12, ModelUnavailable("503"), "found at a.py:7")).start()
    assert await place.run() == "done"
    assert "found at a.py:7" in place.compactions[0].content


async def test_an_older_story_outlives_a_summary_that_fails() -> None:
    place = await Place(Reader(30, "found at a.py:7", ModelUnavailable("503"))).start()
    assert await place.run() == "done"
    assert len(place.compactions) >= 2
    assert all("found at a.py:7" in each.content for each in place.compactions)
    assert place.compactions[-1].content.count("# What happened") == 1


async def test_a_provider_that_says_too_long_is_believed_once() -> None:
    reader, refused = Reader(6), 0

    async def mind(asked: Asked) -> ModelReply:
        nonlocal refused
        if asked.role == "coder" and size(asked.messages) > 15_000:
            refused += 1
            raise ContextTooLong("the conversation is too long for m")
        return await reader(asked)

    place = await Place(mind, window=None).start()
    assert await place.run() == "done"
    assert len(place.compactions) == refused > 0


async def test_what_cannot_be_made_to_fit_is_said_in_words() -> None:
    async def mind(asked: Asked) -> ModelReply:
        if asked.role == "coder" and len(asked.messages) > 2:
            raise ContextTooLong("the conversation is too long for m", fix="Choose a larger one.")
        return await Reader(1)(asked)

    place = await Place(mind, window=None).start()
    with pytest.raises(EndTurn, match=r"too long for m\. Choose a larger one"):
        await place.run()
    assert len(place.client.asked) <= 4


async def test_a_summary_is_reserved_like_every_call() -> None:
    place = await Place(Reader(30)).start()
    await place.run()
    requests = [e for e in place.events if isinstance(e, ModelRequested)]
    assert len(requests) == len(place.client.asked)


def test_the_limit_leaves_room_for_a_reply() -> None:
    assert limit(200_000, 16_000) == int(FULL * 200_000)
    assert limit(32_000, 16_000) == 16_000
    assert limit(8_000, 16_000) == 4_000
    assert KEPT < 0.5 < FULL


@pytest.mark.parametrize("silent", ["coder", "coder-summary"])
async def test_a_model_that_never_answers_ends_with_the_roles_time(silent: str) -> None:
    reader = Reader(30)

    async def mind(asked: Asked) -> ModelReply:
        if asked.role == silent:
            await asyncio.Event().wait()
        return await reader(asked)

    place = await Place(mind).start()
    role = ROLE.model_copy(update={"limits": ROLE.limits.model_copy(update={"seconds": 1})})
    anywhere: Any = place
    with pytest.raises(EndTurn, match="no answer from its model within its 1 seconds"):
        await loop.run(place.frame, role, Toolset([PAGE]), anywhere)


@pytest.mark.parametrize("finish", sorted(FILTERED))
async def test_half_an_answer_that_a_filter_left_is_no_answer(finish: str) -> None:
    replies = iter([ModelReply("half", finish=finish), says("whole")])

    async def mind(_: Asked) -> ModelReply:
        return next(replies)

    place = await Place(mind).start()
    for _ in range(2):  # the second time as after a crash: nobody has said "go"
        with pytest.raises(EndTurn, match=r"kept back the rest of the Coder's reply.* half"):
            await place.run()
    assert len(place.client.asked) == 1
    place.frame.renew()
    assert (await place.run(), place.client.asked[1].messages[-1]["content"]) == ("whole", FILTER)
