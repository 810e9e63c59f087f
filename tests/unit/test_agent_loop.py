"""The loop of every role, at a workplace in memory whose log is folded into the frame as a thread's is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from codebutler.agent.loop import INTERRUPTED
from codebutler.agent.think import EMPTY, LOOPING, NUDGES, REPEATS, STUCK
from codebutler.errors import CodeButlerError, ModelRefused, StaleWorker
from codebutler.events import ModelReplied, ToolStarted
from codebutler.testing.doubles import Asked, says
from codebutler.toolset.desk import Desk, EndTurn, Site
from codebutler.toolset.registry import Tool, Toolset
from codebutler.types import ModelReply, ToolCall, ToolResult, ToolSpec
from tests.unit.workplace import ROLE, Workplace


class Bench:
    """Tools that note start and end: ``look`` only reads, ``touch`` writes, ``safe`` may be redone."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.fail: Exception | None = None

    def tools(self) -> Toolset:
        return Toolset(
            [self._tool("look", read_only=True), self._tool("touch"), self._tool("safe", safe=True)]
        )

    def _tool(self, name: str, *, read_only: bool = False, safe: bool = False) -> Tool:
        async def run(_arguments: Any, _desk: Desk, site: Site) -> ToolResult:
            self.notes.append(f"+{site.call_id}")
            await asyncio.sleep(0.01)
            if self.fail is not None and site.call_id.endswith("!"):
                raise self.fail
            self.notes.append(f"-{site.call_id}")
            return ToolResult(f"{name} s3cret")

        spec = ToolSpec(
            name, name, {"type": "object"}, read_only=read_only, writes=not read_only,
            recovery="rerun" if safe or read_only else "tell",
        )  # fmt: skip
        return Tool(spec, run)


def calls(*names: str) -> ModelReply:
    """A reply with calls; ``look:a`` is a call of look with the id a."""
    return says("", *(ToolCall(id=n.partition(":")[2], name=n.partition(":")[0]) for n in names))


def script(*replies: ModelReply | Exception) -> Callable[[Asked], Awaitable[ModelReply]]:
    """A mind that says these in turn."""
    left = list(replies)

    async def mind(_asked: Asked) -> ModelReply:
        reply = left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return mind


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_it_goes_on_until_the_model_answers_without_tools(bench: Bench) -> None:
    place = Workplace(script(calls("look:a"), calls("touch:b"), says("done, s3cret")))
    assert await place.run(bench.tools()) == "done, [redacted]"
    assert place.results() == ["look [redacted]", "touch [redacted]"]
    assert place.batches == [False, True]
    assert place.settled == {"key-0": 0.001, "key-1": 0.001, "key-2": 0.001}
    assert place.frame.usd == pytest.approx(0.003)


async def test_reading_calls_run_side_by_side_and_writing_ones_alone_in_order(bench: Bench) -> None:
    place = Workplace(script(calls("look:a", "look:b", "touch:c", "touch:d", "look:e"), says("done")))
    await place.run(bench.tools())
    assert sorted(bench.notes[:2]) == ["+a", "+b"]
    assert bench.notes[4:] == ["+c", "-c", "+d", "-d", "+e", "-e"]
    assert "".join(getattr(e, "call_id", "?") for e in place.loose) == "ababee", "unsynced"


OPEN = {"a": "look", "b": "touch", "c": "safe", "d": "touch"}


async def test_after_a_crash_started_calls_are_redone_or_told_by_what_they_do(bench: Bench) -> None:
    place = Workplace(script(says("done")))
    await place.append(
        ModelReplied(
            frame="coder-1", step=1, model="m",
            tool_calls=[ToolCall(id=i, name=n) for i, n in OPEN.items()],
        ),
        *(ToolStarted(frame="coder-1", call_id=i, name="x") for i in "abc"),
    )  # fmt: skip
    await place.run(bench.tools())
    results = {m["tool_call_id"]: m["content"] for m in place.frame.messages if m["role"] == "tool"}
    assert results == {
        "a": "look [redacted]", "b": INTERRUPTED, "c": "safe [redacted]", "d": "touch [redacted]",
    }  # fmt: skip
    assert "+b" not in bench.notes
    assert len(place.client.asked) == 1  # the reply that is in the log is not bought again


@pytest.mark.parametrize("failure", [EndTurn("failed", "x"), CodeButlerError("no sandbox"), StaleWorker()])
async def test_what_ends_a_turn_arrives_as_itself_from_calls_side_by_side(
    bench: Bench, failure: Exception
) -> None:
    bench.fail = failure
    place = Workplace(script(calls("look:a", "look:b!", "look:c")))
    with pytest.raises(type(failure)) as caught:
        await place.run(bench.tools())
    assert caught.value is failure


async def test_a_tool_that_breaks_is_a_failed_call_among_the_others(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Run again it would break again: the model hears of it, the service's log has the traceback."""
    bench.fail = ZeroDivisionError("a fault of ours")
    place = Workplace(script(calls("look:a", "look:b!", "look:c"), calls("touch:d!"), says("done")))
    with caplog.at_level(logging.CRITICAL + 1):
        assert await place.run(bench.tools()) == "done"
    look = "look broke inside CodeButler (ZeroDivisionError)"
    assert [r.startswith(look) for r in place.results()] == [False, True, False, False]
    assert place.results()[3].startswith("touch broke inside CodeButler")
    assert "a fault of ours" not in str(place.results())


async def test_a_fence_met_between_calls_side_by_side_arrives_as_itself(bench: Bench) -> None:
    place = Workplace(script(calls("look:a", "look:b")))
    place.fail_on = ToolStarted
    with pytest.raises(StaleWorker):
        await place.run(bench.tools())


async def test_a_refusal_is_not_tried_again(bench: Bench) -> None:
    place = Workplace(script(ModelRefused("no credit", fix="Add some.")), models=("first", "second"))
    with pytest.raises(EndTurn, match=r"no credit\. Add some"):
        await place.run(bench.tools())
    assert len(place.client.asked) == 1
    assert place.settled == {"key-0": 0.0}


async def test_an_empty_reply_is_put_right_by_a_word_but_not_for_ever(bench: Bench) -> None:
    place = Workplace(script(says(""), says("  \n"), says("there")))
    assert await place.run(bench.tools()) == "there"
    place = Workplace(script(*[says("") for _ in range(NUDGES + 1)]))
    with pytest.raises(EndTurn, match="answers with nothing"):
        await place.run(bench.tools())
    assert [m["content"] for m in place.frame.messages[1:]] == [EMPTY] * NUDGES


async def test_a_reply_that_its_provider_kept_back_is_not_asked_for_again(bench: Bench) -> None:
    place = Workplace(script(ModelReply("", model="v/m", finish="content_filter"), says("there")))
    with pytest.raises(EndTurn, match="the filter of v/m kept back the Coder's reply"):
        await place.run(bench.tools())
    assert len(place.client.asked) == 1


async def test_a_loop_is_told_and_then_stopped(bench: Bench) -> None:
    place = Workplace(script(*[calls(f"look:{n}") for n in range(STUCK + 1)]))
    with pytest.raises(EndTurn, match="repeats the same call"):
        await place.run(bench.tools())
    assert len(place.client.asked) == STUCK
    assert [m["content"] for m in place.frame.messages].count(LOOPING) == 1
    assert place.client.asked[REPEATS].messages[-1]["content"] == LOOPING


async def test_the_steps_of_a_run_are_counted_from_the_last_word_of_a_person(bench: Bench) -> None:
    most = ROLE.limits.iterations
    many = [says("", ToolCall(id=str(n), name="look", arguments=f'{{"n": {n}}}')) for n in range(most + 1)]
    place = Workplace(script(*many, says("done")))
    with pytest.raises(EndTurn, match=f"used its {most} steps"):
        await place.run(bench.tools())
    place.frame.hear("go on")
    assert await place.run(bench.tools()) == "done"
