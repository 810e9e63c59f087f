"""Tries, fallbacks and circuits of one step, at a place in memory whose log is folded as a thread's is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from codebutler.agent import asking
from codebutler.agent.roles import Role, load_role
from codebutler.agent.standing import Standing
from codebutler.errors import ModelRefused, ModelUnavailable
from codebutler.events import CircuitChanged, Event, FrameStarted, ModelFailed, ModelRequested, StoodIn
from codebutler.models.breaker import FAILURES, Breaker
from codebutler.models.stream import Timeouts, first_wait
from codebutler.testing.doubles import says
from codebutler.thread.fold import apply
from codebutler.thread.state import ThreadState
from codebutler.toolset.desk import EndTurn
from codebutler.toolset.registry import Toolset
from codebutler.types import Message, ModelReply, Usage

ROLE = load_role("coder")
MOST = Usage(input=10, output=20)


class Place:
    """What asking needs of a thread (agent.thinking.Thinking). Waiting moves its clock."""

    def __init__(
        self, *replies: ModelReply | BaseException, models: Sequence[str] = ("first", "second")
    ) -> None:
        self.replies = list(replies)
        self.models = models
        self.now = 0.0
        self.breaker = Breaker(clock=lambda: self.now)
        self.state = ThreadState("t")
        self.log: list[Event] = []
        self.asked: list[str] = []
        self.waits: list[float] = []
        self.limits = ROLE.limits
        self.first_waits: list[float] = []
        self.notices: list[str] = []
        self.settled: dict[str, float] = {}
        self.spoken: float | None = None
        """Somebody speaks during a wait of so many seconds."""
        apply(self.state, 1, 0.0, FrameStarted(frame="coder-1", role="coder", content="do it"))

    @property
    def standing(self) -> Standing:
        return self.state.standing

    async def append(self, *events: Event, sync: bool = True) -> None:
        for event in events:
            self.log.append(event)
            apply(self.state, self.state.seq + 1, 0.0, event)

    async def announce(self, words: str, *events: Event, source: str = "") -> None:
        self.notices.append(words)
        await self.append(*events)

    def redact(self, text: str) -> str:
        return text.replace("s3cret", "[redacted]")

    def candidates(self, role: Role) -> Sequence[str]:
        return self.models

    async def prepare(self, _model: str) -> None:
        return

    async def request(self, frame: Any, _role: Role, model: str, *_: object) -> tuple[str, ModelRequested]:
        key = f"key-{len(self.asked)}"
        asked = ModelRequested(frame=frame.id, step=frame.step + 1, model=model, usd=0.5, usage=MOST)
        await self.append(asked)
        return key, asked

    async def settle(self, key: str, usd: float, *, at_once: bool = False) -> None:
        self.settled[key] = usd

    async def wait(self, role: Role, why: str, seconds: float) -> bool:
        self.waits.append(seconds)
        if seconds == self.spoken:
            return True
        self.now += seconds
        return False

    async def complete(
        self, role: Role, model: str, messages: Sequence[Message], tools: Toolset
    ) -> ModelReply:
        self.asked.append(model)
        self.first_waits.append(first_wait(Timeouts()))
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply

    async def ask(self) -> str:
        """One step; who answered, "" if it was left for somebody who spoke."""
        place: Any = self
        frame = self.state.frames["coder-1"]
        answer = await asking.ask(
            frame, ROLE.model_copy(update={"limits": self.limits}), Toolset([]), place, frame.messages
        )
        return answer[1] if answer is not None else ""

    @property
    def circuits(self) -> list[tuple[str, str]]:
        return [(e.model, e.state) for e in self.log if isinstance(e, CircuitChanged)]


def away(times: int, why: str = "503", wish: float = 0.0) -> list[Exception]:
    """So many calls that find nobody."""
    return [ModelUnavailable(why, retry_after=wish) for _ in range(times)]


async def test_a_model_that_is_away_is_tried_again_then_its_fallback_is_asked() -> None:
    place = Place(*away(FAILURES, "the server is full"), says("here"))
    assert await place.ask() == "second"
    assert place.asked == ["first"] * FAILURES + ["second"]
    requested = [e.step for e in place.log if isinstance(e, ModelRequested)]
    failed = [e.retry for e in place.log if isinstance(e, ModelFailed)]
    assert (requested, failed) == ([1] * (FAILURES + 1), [True] * FAILURES)
    assert sorted(place.settled.values()) == [0.0] * FAILURES + [0.001]
    words = "first is away. The server is full. It is asked again in 30 s."
    assert place.notices == [f"second answers for the Coder: {words}"]
    assert place.standing.stand_ins["coder"].model == "second"


def silent() -> ModelUnavailable:
    error = ModelUnavailable("it sent nothing for 60 s")
    error.silent = True
    return error


@pytest.mark.parametrize("error", [silent(), *away(1, "429", wish=60.0)])
async def test_nobody_waits_long_for_one_model_while_another_is_ready(error: Exception) -> None:
    place = Place(error, says("here"), says("back"))
    assert (await place.ask(), place.asked, place.waits) == ("second", ["first", "second"], [])
    assert await place.ask() == "first", "its circuit is closed: one failure is not an outage"


async def test_without_another_model_a_long_pause_is_waited_for() -> None:
    place = Place(*away(1, "429", wish=20.0), silent(), says("here"), models=("m",))
    assert (await place.ask(), place.waits[0]) == ("m", 20.0)


@pytest.mark.parametrize(
    ("seconds", "models", "first"),
    [(300, ("a", "b"), 60.0), (180, ("a", "b"), 36.0), (300, ("a",), 180.0)],
)
async def test_the_first_piece_is_awaited_for_less_long_while_another_is_ready(
    seconds: int, models: Sequence[str], first: float
) -> None:
    place = Place(says("here"), models=models)
    place.limits = ROLE.limits.model_copy(update={"seconds": seconds})
    await place.ask()
    assert place.first_waits == [first]


@pytest.mark.parametrize(
    ("sent", "came", "usd", "tokens"),
    [
        (True, 0.0, 0.5, Usage(input=10, output=20)),
        (True, 0.7, 0.7, Usage(input=40, output=20)),
        (False, 0.0, 0.0, Usage()),
    ],
)
async def test_a_model_that_is_left_while_it_may_think_counts_as_spent(
    sent: bool, came: float, usd: float, tokens: Usage
) -> None:
    """Its provider may want all of it paid. One that the request never reached has not begun."""
    error = silent()
    error.paid, error.spent, error.used = sent, came, Usage(input=40) if came else None
    place = Place(error, says("here"))
    assert (await place.ask(), place.settled["key-0"]) == ("second", usd)
    assert [(e.usd, e.usage) for e in place.log if isinstance(e, ModelFailed)] == [(usd, tokens)]
    assert place.state.frames["coder-1"].usd == usd


async def test_a_call_that_is_broken_off_counts_as_spent() -> None:
    place = Place(asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await place.ask()
    assert place.settled == {"key-0": 0.5}


async def test_it_stands_in_without_further_words_until_the_probe_is_answered() -> None:
    place = Place(*away(FAILURES), says("1"), says("2"), *away(1), says("3"), says("4"), says("5"))
    assert [await place.ask(), await place.ask()] == ["second", "second"]
    place.now += 30
    assert await place.ask() == "second"  # behind a probe in vain
    place.now += 59
    assert (await place.ask(), len(place.notices)) == ("second", 1)
    place.now += 1
    assert await place.ask() == "first"
    assert place.notices[1:] == ["first answers again for the Coder."]
    states = [state for _, state in place.circuits]
    assert states == ["open", "half_open", "open", "half_open", "closed"]
    assert [e.model for e in place.log if isinstance(e, StoodIn)] == ["second", "first"]
    assert (place.standing.circuits, place.standing.stand_ins) == ({}, {})


async def test_another_stand_in_is_news() -> None:
    place = Place(*away(FAILURES), says("1"), *away(FAILURES), says("2"), models=("a", "b", "c"))
    assert [await place.ask(), await place.ask()] == ["b", "c"]
    assert [n.partition(" answers")[0] for n in place.notices] == ["b", "c"]


async def test_when_every_model_is_away_the_step_waits_for_one_probe_and_ends_with_the_reason() -> None:
    place = Place(*away(FAILURES + 1, "503 from the s3cret place"), models=("m",))
    with pytest.raises(EndTurn, match=r"the Coder's model cannot be reached: 503.*left alone for 60 s"):
        await place.ask()
    assert [state for _, state in place.circuits] == ["open", "half_open", "open"]
    assert place.notices == [
        "The Coder's model cannot be reached: 503 from the [redacted] place. The next try is in 30 s."
    ]
    assert place.standing.unreachable == "coder"
    assert "s3cret" not in "".join(e.model_dump_json() for e in place.log)


async def test_a_pause_that_went_by_while_another_model_was_tried_ends_in_a_probe() -> None:
    place = Place(*away(FAILURES), *away(FAILURES, wish=20.0), says("here"))
    assert await place.ask() == "first"
    assert place.waits[-2:] == [20.0, 20.0]
    assert len(place.asked) == 2 * FAILURES + 1


async def test_a_circuit_that_is_open_for_long_ends_the_step_without_a_call() -> None:
    place = Place(*away(FAILURES + 1), models=("m",))
    with pytest.raises(EndTurn):
        await place.ask()
    place.now -= 10
    calls = len(place.asked)
    with pytest.raises(EndTurn, match="503"):
        await place.ask()
    assert len(place.asked) == calls


async def test_a_probe_that_is_answered_closes_the_circuit() -> None:
    place = Place(*away(FAILURES), says("here"), models=("m",))
    assert await place.ask() == "m"
    assert [state for _, state in place.circuits] == ["open", "half_open", "closed"]
    assert place.notices[1:] == ["m answers again for the Coder."]
    assert (place.now, place.standing.circuits) == (30.0, {})


async def test_a_thread_hears_that_a_model_is_back_after_another_thread_or_process_found_it() -> None:
    place = Place(*away(FAILURES + 1), says("here"), models=("m",))
    with pytest.raises(EndTurn):
        await place.ask()
    place.breaker = Breaker(clock=lambda: place.now)
    assert await place.ask() == "m"
    assert (place.circuits[-1], place.notices[-1]) == (("m", "closed"), "m answers again for the Coder.")


async def test_a_long_pause_that_a_provider_wants_is_told_and_not_waited_for() -> None:
    place = Place(*away(1, wish=900.0), says("here"))
    assert await place.ask() == "second"
    assert place.notices == ["second answers for the Coder: first is away. 503. It is asked again in 15 min."]
    place = Place(*away(1, wish=900.0), models=("m",))
    with pytest.raises(EndTurn, match="left alone for 15 min"):
        await place.ask()
    assert place.waits == []


@pytest.mark.parametrize(("fails", "waits"), [(1, [7.0]), (FAILURES, [0.0, 0.0, 30.0])])
async def test_who_speaks_during_a_wait_is_heard_before_the_next_call(fails: int, waits: list[float]) -> None:
    place = Place(*away(fails, wish=waits[0]), says("here"), models=("m",))
    place.spoken = waits[-1]
    assert (await place.ask(), place.waits, len(place.asked)) == ("", waits, fails)


async def test_what_broke_off_counts_against_the_caps() -> None:
    """A provider wants money for half an answer, too."""
    broken = ModelUnavailable("broke off")
    broken.spent, broken.used = 0.2, Usage(input=7, output=3)
    place = Place(broken, says("here"))
    assert await place.ask() == "first"
    assert sorted(place.settled.values()) == [0.001, 0.2]
    failed = [e for e in place.log if isinstance(e, ModelFailed)]
    assert [(e.usd, e.usage, e.priced) for e in failed] == [(0.2, Usage(input=7, output=3), True)]


async def test_a_pause_that_a_provider_wants_is_kept() -> None:
    place = Place(*away(2, wish=7.0), says("here"))
    assert await place.ask() == "first"
    assert place.waits == [7.0, 7.0]


async def test_a_refusal_ends_the_turn_and_shows_that_somebody_is_there() -> None:
    place = Place(*away(FAILURES), ModelRefused("no credit", fix="Add some."), models=("m",))
    with pytest.raises(EndTurn, match=r"no credit\. Add some"):
        await place.ask()
    assert place.breaker.state("m") == "closed"
