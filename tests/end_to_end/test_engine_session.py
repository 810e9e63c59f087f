"""A process that talks to a thread: consent given beforehand, rest, and two processes in one repo."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from rich.console import Console

from codebutler.cli.headless import Consent, attend
from codebutler.cli.session import Session, open_session
from codebutler.service.app import find_place
from codebutler.surfaces.terminal import Terminal
from codebutler.testing import note
from codebutler.testing.stage import Stage
from codebutler.thread import intake
from codebutler.types import Inbound, Person

TALK = """
[[scripts]]
role = "pm"
[[scripts.steps]]
text = "first answer"
[[scripts.steps]]
text = "second answer"
"""


@asynccontextmanager
async def process(stage: Stage) -> AsyncIterator[tuple[Session, io.StringIO]]:
    """A session as a process of its own would have it, and what it prints."""
    screen = io.StringIO()
    place = await find_place(stage.sample.repo, home=stage.home / "butler", env=stage.env())
    async with open_session(place, [Terminal(Console(file=screen, width=100))]) as session:
        yield session, screen


async def attended(session: Session, *, plan: bool = False, merge: bool = False) -> int:
    async with asyncio.timeout(40):
        return await attend(session, Consent(plan=plan, merge=merge), as_json=False)


@pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)
@pytest.mark.parametrize(
    ("plan", "merge", "code", "outcome"),
    [(False, False, 3, "plan"), (False, True, 3, "plan"), (True, False, 0, "pr"), (True, True, 0, "closed")],
)
async def test_consent_goes_as_far_as_it_was_given(
    session: Session, *, plan: bool, merge: bool, code: int, outcome: str
) -> None:
    await session.begin("c1")
    await session.say("Add a note")
    assert await attended(session, plan=plan, merge=merge) == code
    assert session.state.outcome == outcome
    assert len(session.state.kept) == (merge and plan)


@pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)
async def test_consent_of_somebody_who_may_not_give_it_ends_the_run(session: Session) -> None:
    """The thread is another person's; the answer is said once, and nothing goes round in circles."""
    owner = Person(surface="slack", id="U7", name="Robin")
    inbound = Inbound(surface="slack", external_id="C1/1", key="m1", author=owner, text="Add a note")
    await session.resume(await intake.receive(session.host.store, inbound))
    assert await attended(session, plan=True) == 3
    assert session.state.approval is None
    posts = [
        json.loads(r.body) for r in await session.host.store.events(session.thread) if r.kind == "posted"
    ]
    assert sum("Only Robin may approve" in p["post"]["text"] for p in posts) == 1


@pytest.mark.parametrize("stage", [TALK], indirect=True)
async def test_a_thread_is_at_rest_only_when_all_was_read_and_seen(session: Session) -> None:
    await session.begin("c1")
    await session.say("hello")
    assert not await session.at_rest()
    assert await attended(session) == 0
    assert await session.at_rest()
    inbound = Inbound(
        surface="terminal", external_id="c1", key="m2", text="more", author=Person(surface="terminal", id="x")
    )
    await intake.receive(session.host.store, inbound)  # another process wrote; no kick has come yet
    assert not await session.at_rest()
    await session.resume(session.thread)
    await attended(session)
    seen = session.state.seq
    await session.resume(session.thread)  # the state is empty again: what is on disk has not been seen
    assert not await session.at_rest()
    await attended(session)
    assert session.state.seq == seen


@pytest.mark.parametrize("stage", [TALK], indirect=True)
async def test_a_second_process_is_served_by_the_first_and_sees_its_own_thread(stage: Stage) -> None:
    async with process(stage) as (first, first_screen), process(stage) as (second, second_screen):
        await first.begin("c1")
        await first.say("hello")
        await attended(first)
        await second.begin("c2")
        await second.say("anybody?")
        assert await attended(second) == 0
        assert second._engine is None
        assert "first answer" in first_screen.getvalue()
        assert second_screen.getvalue().count("first answer") == 1
        assert (
            first_screen.getvalue().count("first answer") == 1
        )  # the other's thread is none of its business


@pytest.mark.parametrize("stage", [TALK], indirect=True)
async def test_when_the_first_process_ends_the_second_takes_over(stage: Stage) -> None:
    async with process(stage) as (second, screen):
        async with process(stage) as (first, _):
            await first.begin("c1")
            await first.say("hello")
            await attended(first)
            await second.begin("c2")
            await second.say("hello")
            await attended(second)
        await second.say("and now?")
        await attended(second)
        assert second._engine is not None
        assert screen.getvalue().count("first answer") == 1
        assert screen.getvalue().count("second answer") == 1
