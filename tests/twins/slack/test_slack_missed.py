"""What was said during an outage where it is easily overlooked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.catchup import CatchUp
from codebutler.testing.slack.faults import Fault
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


async def test_a_reply_in_a_thread_whose_first_message_is_older_than_the_list(gone: Any) -> None:
    gone.slack.workspace.moved = -8 * 86_400
    old, broken = gone.human.say("2 kg costs too much"), gone.human.say("another")
    gone.slack.workspace.moved = 0
    gone.human.say("the newest of the channel")
    await away(gone)
    gone.human.say("still too much", thread=old)
    gone.human.say("go on", thread=broken)
    listed = gone.slack.calls[:]
    assert sorted(await found(gone)) == ["go on", "still too much"]
    asked = [args for method, args in gone.slack.calls[len(listed) :] if method == "conversations.history"]
    assert all(float(args["oldest"]) > float(broken) for args in asked)


async def test_a_thread_that_cannot_be_read_keeps_no_other_from_being_heard(gone: Any) -> None:
    first, then = gone.human.say("2 kg costs too much"), gone.human.say("3 kg, too")
    await gone.slack.sockets.settle()
    await away(gone)
    gone.human.say("lost for good", thread=first)
    gone.human.say("heard", thread=then)
    gone.human.say("a new one")
    gone.slack.faults.next("conversations.replies", *[Fault("error", error="thread_not_found")] * 2)
    await gone.slack.sockets.settle()
    await look(gone)
    assert "a new one" in [i.text for i in gone.received]


async def test_what_people_said_before_they_called_us_is_not_heard_again(gone: Any) -> None:
    """It came along as history; an old "go" would approve a plan."""
    gone.slack.workspace.moved = 0
    gone.slack.workspace.channel(OTHER, "general")
    human = Human(gone.slack, channel=OTHER)
    root = human.say("shall we look at the prices?")
    human.say("go", thread=root)
    human.say(f"<@{BOT_USER}> a task", thread=root)
    await gone.until(lambda: gone.received)
    await look(gone)
    await look(gone)
    human.say("now to you", thread=root)
    await gone.until(lambda: len(gone.received) > 1)
    assert [i.text.split("\n")[0] for i in gone.received] == ["a task", "now to you"]
