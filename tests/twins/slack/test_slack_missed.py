"""What was said during an outage where it is easily overlooked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.catchup import CatchUp
from codebutler.testing.slack.human import Human
from codebutler.testing.slack.workspace import BOT_USER

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL, OTHER = "CSHOP0001", "COTHER001"


async def look(desk: Any) -> None:
    await CatchUp(desk.link).look(desk.door.hearing)


async def away(desk: Any) -> None:
    """A look is complete, and from now on nothing is heard live."""
    await desk.slack.sockets.settle()
    await look(desk)
    desk.received.clear()
    desk.slack.workspace.moved = 0
    deaf(desk)


def deaf(desk: Any) -> None:
    desk.slack.sockets.retries = ()
    desk.slack.sockets.ack_seconds = 0.02
    desk.slack.faults.next_envelope(*["drop"] * 500)


async def found(desk: Any) -> list[str]:
    await desk.slack.sockets.settle()
    assert desk.received == []
    await look(desk)
    await look(desk)
    return [i.text for i in desk.received]


@pytest.fixture
async def gone(desks: Callable[..., Any]) -> Any:
    desk = await desks()
    desk.slack.workspace.moved = -10_000
    return desk


async def test_a_reply_in_a_closed_thread(gone: Any) -> None:
    ts = gone.human.say("2 kg costs too much")
    await gone.slack.sockets.settle()
    thread = await gone.store.find("slack", f"{CHANNEL}:{ts}")
    gone.human.say("the newest of the channel")
    await gone.store.append(thread, [], row={"phase": "closed"})
    await away(gone)
    gone.human.say("/reopen", thread=ts)
    assert await found(gone) == ["/reopen"]


async def test_the_first_messages_of_a_channel_by_a_clock_that_is_behind_ours(gone: Any) -> None:
    await away(gone)
    gone.slack.workspace.moved = -10_000
    gone.human.say("2 kg costs too much")
    assert await found(gone) == ["2 kg costs too much"]


async def test_a_mention_in_an_old_thread_of_people(gone: Any) -> None:
    gone.slack.workspace.channel(OTHER, "general")
    human = Human(gone.slack, channel=OTHER)
    root = human.say("a matter of ours")
    human.say("the newest of the channel")
    await away(gone)
    human.say(f"<@{BOT_USER}> what do you think?", thread=root)
    [text] = await found(gone)
    assert text.startswith("what do you think?")


@pytest.mark.parametrize("behind", [0, -5_000])
async def test_a_first_direct_message_and_a_channel_that_is_new_to_us(gone: Any, behind: int) -> None:
    """Also by a clock that is behind ours."""
    gone.human.say("the newest of the channel")
    await away(gone)
    gone.slack.workspace.moved = behind
    gone.human.direct("hello there")
    gone.slack.workspace.channel(OTHER, "general")
    Human(gone.slack, channel=OTHER).say(f"<@{BOT_USER}> and here")
    assert sorted(await found(gone)) == ["and here", "hello there"]


async def test_in_the_last_of_many_conversations(gone: Any) -> None:
    for number in range(205):
        gone.slack.workspace.channel(f"CMANY{number:04d}", f"many-{number}")
    await away(gone)
    Human(gone.slack, channel="CMANY0204").say(f"<@{BOT_USER}> in the last one")
    assert await found(gone) == ["in the last one"]


async def test_signs_are_owed_until_the_token_works(desk: Any) -> None:
    ts = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    message = desk.slack.workspace.channels[CHANNEL].by_ts[ts]
    await desk.until(lambda: message.get("reactions"))
    thread = await desk.store.find("slack", f"{CHANNEL}:{ts}")
    await desk.store.append(thread, [], row={"status": "answered"})
    desk.slack.workspace.revoked = "token_revoked"
    with pytest.raises(SlackRefused):
        await desk.door.signs.tick(thread)
    desk.slack.workspace.revoked = ""
    await desk.door.signs.mend()
    assert [r["name"] for r in message["reactions"]] == ["eyes", "white_check_mark"]
