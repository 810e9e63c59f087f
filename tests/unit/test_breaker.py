"""The circuit breaker as a state machine: what opens it, for how long, who may probe, who is told."""

from __future__ import annotations

import asyncio

import pytest

from codebutler.errors import ModelRefused, ModelUnavailable
from codebutler.models.breaker import FAILURES, FIRST, LONGEST, LONGEST_WISH, PROBED, Breaker, Entry


class Bench:
    """A breaker with a clock that is set by hand, and what admins were told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[str] = []
        self.breaker = Breaker(self.told.append, lambda: self.now)

    def fail(self, *, times: int = 1, wish: float | None = None, model: str = "m") -> None:
        for _ in range(times):
            self.end(self.enter(model), ModelUnavailable("nobody there", retry_after=wish))

    def enter(self, model: str = "m") -> Entry:
        entry = self.breaker.enter(model)
        assert entry is not None
        return entry

    def end(self, entry: Entry, error: BaseException | None = None) -> None:
        try:
            with self.breaker.passing(entry):
                if error is not None:
                    raise error
        except (ModelUnavailable, ModelRefused, asyncio.CancelledError):
            return


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_failures_in_a_row_open_it_for_its_own_model_only(bench: Bench) -> None:
    bench.fail(times=FAILURES - 1)
    bench.end(bench.enter())
    bench.fail(times=FAILURES - 1)
    assert (bench.breaker.state("m"), bench.told) == ("closed", [])
    bench.fail()
    assert (bench.breaker.state("m"), bench.breaker.wait("m")) == ("open", FIRST)
    assert bench.breaker.enter("m") is None
    assert bench.breaker.wait("n") == 0.0
    assert bench.told == ["model m is away (3 failures in a row): nobody there"]


def test_one_failure_is_not_called_several(bench: Bench) -> None:
    bench.fail(wish=300.0)
    assert bench.breaker.away()[0].startswith("m is away (open, 1 failure): nobody there. ")


def test_one_call_probes_and_the_others_wait_for_it(bench: Bench) -> None:
    bench.fail(times=FAILURES)
    bench.now += FIRST
    probe = bench.enter()
    assert (probe.probe, bench.breaker.state("m")) == (True, "half_open")
    assert (bench.breaker.enter("m"), bench.breaker.wait("m")) == (None, PROBED)
    bench.end(probe)
    assert (bench.breaker.state("m"), bench.breaker.wait("m")) == ("closed", 0.0)
    assert bench.told[1:] == ["model m answers again"]


def test_each_failed_probe_doubles_the_pause_up_to_its_bound_and_is_no_news(bench: Bench) -> None:
    bench.fail(times=FAILURES)
    pauses = []
    for _ in range(6):
        pauses.append(bench.breaker.wait("m"))
        bench.now += pauses[-1]
        bench.fail()
    assert pauses == [30.0, 60.0, 120.0, 240.0, LONGEST, LONGEST]
    assert len(bench.told) == 1
    bench.now += LONGEST
    bench.end(bench.enter())
    bench.fail(times=FAILURES)
    assert bench.breaker.wait("m") == FIRST


@pytest.mark.parametrize(("wish", "pause"), [(61.0, 61.0), (900.0, 900.0), (1e9, LONGEST_WISH)])
def test_a_long_pause_that_a_provider_wants_opens_it_at_once(bench: Bench, wish: float, pause: float) -> None:
    bench.fail(wish=wish)
    assert bench.breaker.wait("m") == pause


def test_a_short_wish_is_one_failure_among_others(bench: Bench) -> None:
    bench.fail(wish=60.0)
    assert bench.breaker.state("m") == "closed"


def test_a_refusal_is_an_answer(bench: Bench) -> None:
    bench.fail(times=FAILURES - 1)
    bench.end(bench.enter(), ModelRefused("no credit"))
    bench.fail(times=FAILURES)
    bench.now += FIRST
    bench.end(bench.enter(), ModelRefused("no credit"))
    assert bench.breaker.state("m") == "closed"


def test_an_answer_of_no_use_is_one(bench: Bench) -> None:
    crooked = ModelUnavailable("could not read the tool call")
    crooked.answered = True
    for _ in range(FAILURES):
        bench.end(bench.enter(), crooked)
    assert bench.breaker.state("m") == "closed"


def test_a_probe_that_is_broken_off_leaves_its_place_to_the_next(bench: Bench) -> None:
    bench.fail(times=FAILURES)
    bench.now += FIRST
    bench.end(bench.enter(), asyncio.CancelledError())
    assert bench.enter().probe


def test_calls_from_before_an_outage_do_not_count_against_it_twice(bench: Bench) -> None:
    old = [bench.enter(), bench.enter()]
    bench.fail(times=FAILURES)
    bench.now += 10.0
    bench.end(old[0], ModelUnavailable("late"))
    assert bench.breaker.wait("m") == FIRST - 10.0
    bench.end(old[1])
    assert bench.breaker.state("m") == "closed"
