"""A transcript that fills its model's window: its oldest turns give way to a summary, and work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from codebutler.agent.compact import FULL, KEPT, limit
from codebutler.agent.frame import FILTERED
from codebutler.agent.think import FILTER
from codebutler.errors import ContextTooLong, ModelUnavailable
from codebutler.events import Compacted, ModelRequested
from codebutler.testing.doubles import Asked, Mind, says
from codebutler.toolset.desk import Desk, EndTurn, Site
from codebutler.toolset.registry import Tool, Toolset
from codebutler.types import Message, ModelReply, ToolCall, ToolResult, ToolSpec
from tests.unit.workplace import ROLE, Workplace, paired

WINDOW = 40_000
TASK = "Mend the rounding of parcels."


def at(mind: Mind, window: int | None = WINDOW) -> Workplace:
    """Where tokens are counted by length."""
    return Workplace(mind, tokens=None, window=window, task=TASK)


async def ran(mind: Mind, window: int | None = WINDOW) -> Workplace:
    """Where a run of the Coder came to its end."""
    place = at(mind, window)
    assert await place.run(TOOLS) == "done"
    return place


def compactions(place: Workplace) -> list[Compacted]:
    return [e for e in place.log if isinstance(e, Compacted)]


async def _page(arguments: Any, _desk: Desk, _site: Site) -> ToolResult:
    return ToolResult(f"page {arguments['n']}: " + "x" * 12_000)


TOOLS = Toolset([Tool(ToolSpec("page", "page", {"type": "object"}, read_only=True, recovery="rerun"), _page)])


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


async def test_old_turns_give_way_and_the_run_ends_as_if_nothing_had_happened() -> None:
    place = await ran(Reader(30))
    own = [a for a in place.client.asked if a.role == "coder"]
    assert len(compactions(place)) >= 2
    assert all(size(a.messages) <= WINDOW for a in own)
    assert all(paired(a.messages) for a in own)
    content = compactions(place)[-1].content
    assert content.count(TASK) == content.count("# The first message") == 1
    assert "Mend the bug." in content
    assert "a.py:7" in content
    assert "s3cret" not in content


async def test_outside_compactions_each_request_begins_with_the_one_before() -> None:
    place = await ran(Reader(30))
    breaks = 0
    own = [a.messages for a in place.client.asked if a.role == "coder"]
    for before, after in pairwise(own):
        breaks += after[: len(before)] != before
    assert breaks == len(compactions(place))


async def test_the_log_alone_gives_the_same_transcript() -> None:
    place = await ran(Reader(30))
    again = place.replayed()
    assert again.frames["coder-1"].messages == place.frame.messages
    assert again.usd == pytest.approx(0.001 * len(place.client.asked))


@pytest.mark.parametrize("story", ["", ModelUnavailable("503"), ModelReply("half", finish="content_filter")])
async def test_without_a_story_the_engine_lists_what_was_done(story: str | Exception | ModelReply) -> None:
    place = await ran(Reader(12, story))
    assert 'page {"n": 11}' in compactions(place)[0].content
    assert "half" not in compactions(place)[0].content


async def test_one_failure_does_not_cost_the_notes() -> None:
    place = await ran(Reader(12, ModelUnavailable("503"), "found at a.py:7"))
    assert "found at a.py:7" in compactions(place)[0].content


async def test_an_older_story_outlives_a_summary_that_fails() -> None:
    place = await ran(Reader(30, "found at a.py:7", ModelUnavailable("503")))
    assert len(compactions(place)) >= 2
    assert all("found at a.py:7" in each.content for each in compactions(place))
    assert compactions(place)[-1].content.count("# What happened") == 1


async def test_a_provider_that_says_too_long_is_believed_once() -> None:
    reader, refused = Reader(6), 0

    async def mind(asked: Asked) -> ModelReply:
        nonlocal refused
        if asked.role == "coder" and size(asked.messages) > 15_000:
            refused += 1
            raise ContextTooLong("the conversation is too long for m")
        return await reader(asked)

    place = await ran(mind, window=None)
    assert len(compactions(place)) == refused > 0


async def test_what_cannot_be_made_to_fit_is_said_in_words() -> None:
    async def mind(asked: Asked) -> ModelReply:
        if asked.role == "coder" and len(asked.messages) > 2:
            raise ContextTooLong("the conversation is too long for m", fix="Choose a larger one.")
        return await Reader(1)(asked)

    place = at(mind, window=None)
    with pytest.raises(EndTurn, match=r"too long for m\. Choose a larger one"):
        await place.run(TOOLS)
    assert len(place.client.asked) <= 4


async def test_a_summary_is_reserved_like_every_call() -> None:
    place = await ran(Reader(30))
    requests = [e for e in place.log if isinstance(e, ModelRequested)]
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

    place = at(mind)
    role = ROLE.model_copy(update={"limits": ROLE.limits.model_copy(update={"seconds": 1})})
    with pytest.raises(EndTurn, match="no answer from its model within its 1 seconds"):
        await place.run(TOOLS, role)


@pytest.mark.parametrize("finish", sorted(FILTERED))
async def test_half_an_answer_that_a_filter_left_is_no_answer(finish: str) -> None:
    replies = iter([ModelReply("half", finish=finish), says("whole")])

    async def mind(_: Asked) -> ModelReply:
        return next(replies)

    place = at(mind)
    for _ in range(2):  # the second time as after a crash: nobody has said "go"
        with pytest.raises(EndTurn, match=r"kept back the rest of the Coder's reply.* half"):
            await place.run(TOOLS)
    assert len(place.client.asked) == 1
    place.frame.renew()
    assert (await place.run(TOOLS), place.client.asked[1].messages[-1]["content"]) == ("whole", FILTER)
