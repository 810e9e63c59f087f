"""A running turn and the line before the Coders: stops that cut nothing short, places in their order."""

from __future__ import annotations

import asyncio

import pytest

from codebutler.places import Places
from codebutler.thread.turn import Turn


class Work:
    """A turn's task: a step that must not be cut, then a calm stretch, again and again."""

    def __init__(self) -> None:
        self.turn = Turn()
        self.steps = 0
        self.calm = asyncio.Event()
        self.stepping = asyncio.Event()
        self.step_may_end = asyncio.Event()
        self.turn.task = self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        self.turn.begun = True
        while True:
            self.stepping.set()
            await self.step_may_end.wait()
            self.steps += 1
            with self.turn.calm():
                self.calm.set()
                await asyncio.sleep(60)

    async def ended(self) -> bool:
        """Whether the task was cancelled by now."""
        await asyncio.wait({self.task}, timeout=0.1)
        return self.task.done()


async def test_a_halt_waits_for_the_step_and_an_interrupt_does_not() -> None:
    first, second = Work(), Work()
    await asyncio.gather(first.stepping.wait(), second.stepping.wait())
    first.turn.halt()
    second.turn.interrupt()
    assert not await first.ended()
    assert await second.ended()
    first.step_may_end.set()
    assert await first.ended()
    assert (first.steps, second.steps) == (1, 0)
    assert not first.calm.is_set()
    assert first.turn.goes_on()
    assert second.turn.goes_on()


async def test_a_halt_breaks_off_what_is_calm() -> None:
    work = Work()
    work.step_may_end.set()
    await work.calm.wait()
    work.turn.halt()
    assert await work.ended()
    assert work.turn.goes_on()


@pytest.mark.parametrize("urgent", [True, False])
async def test_at_the_end_no_further_step_is_begun_and_no_other_turn_follows(*, urgent: bool) -> None:
    stepping, calm = Work(), Work()
    await asyncio.gather(stepping.stepping.wait(), calm.stepping.wait())
    calm.step_may_end.set()
    await calm.calm.wait()
    for work in (stepping, calm):
        work.turn.finish(urgent=urgent)
    assert not await stepping.ended()
    assert await calm.ended() == urgent
    stepping.step_may_end.set()
    assert await stepping.ended()
    assert stepping.steps == 1
    assert not stepping.turn.goes_on()
    calm.task.cancel()


async def test_mail_that_was_read_stops_nothing() -> None:
    work = Work()
    await work.stepping.wait()
    work.turn.halt()
    work.turn.hear()
    work.step_may_end.set()
    await work.calm.wait()
    assert not await work.ended()
    work.task.cancel()


async def test_what_cannot_be_taken_back_is_not_broken_off() -> None:
    turn, merging, merged = Turn(), asyncio.Event(), asyncio.Event()

    async def run() -> None:
        turn.begun = True
        with turn.firm():
            merging.set()
            await asyncio.sleep(0.05)
            merged.set()
        turn.point()

    task = turn.task = asyncio.create_task(run())
    await merging.wait()
    turn.interrupt()
    turn.halt()
    await asyncio.wait({task})
    assert merged.is_set()
    assert task.cancelled()
    assert turn.goes_on()


def test_places_are_given_in_order_and_the_line_moves_up() -> None:
    places = Places(1)
    first, second, third, fourth = (places.place() for _ in range(4))
    one, two, three = first.__enter__(), second.__enter__(), third.__enter__()
    assert [p.number for p in (one, two, three)] == [0, 1, 2]
    two.changed.clear()
    three.changed.clear()
    second.__exit__(None, None, None)  # who leaves the line takes no place along
    assert (three.number, three.changed.is_set()) == (1, True)
    four = fourth.__enter__()
    first.__exit__(None, None, None)
    assert [p.number for p in (three, four)] == [0, 1]
    third.__exit__(None, None, None)
    fourth.__exit__(None, None, None)
    with places.place() as last:
        assert last.number == 0
