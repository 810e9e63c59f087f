"""Requests by slash command: acknowledged at once, opened once, whatever happens meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler.surfaces.slack.catchup import CatchUp
from codebutler.testing.slack.faults import Fault
from codebutler.testing.slack.human import Human

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "CSHOP0001"


def asks(desk: Any) -> list[str]:
    return [m["text"] for m in desk.slack.workspace.channels[CHANNEL].messages if " asks: " in m["text"]]


async def told(desk: Any) -> str:
    await desk.until(lambda: desk.slack.workspace.ephemeral)
    return str(desk.slack.workspace.ephemeral[0]["text"])


async def test_one_that_comes_twice_opens_one_thread(desk: Any) -> None:
    desk.slack.faults.next_envelope("duplicate")
    first = desk.human.command("fix the parser")
    assert "Your thread: https://" in await told(desk)
    desk.slack.sockets.send("slash_commands", first.payload)
    await desk.slack.sockets.settle()
    desk.human.command("another")
    await desk.until(lambda: len(desk.slack.workspace.ephemeral) >= 2)
    assert (len(asks(desk)), [i.text for i in desk.received]) == (2, ["fix the parser", "another"])


async def test_a_busy_channel_delays_no_acknowledgement(desks: Callable[..., Any]) -> None:
    desk = await desks(postSeconds=60.0)
    asked = [desk.human.command(f"fix the parser {n}") for n in range(6)]
    await desk.slack.sockets.settle()
    assert [a.lost for a in asked] == [False] * 6
    assert all("being opened" in (a.answer or {})["text"] for a in asked)
    assert len(asks(desk)) < 6


@pytest.mark.parametrize("posted", [False, True])
async def test_what_a_crash_ate_is_opened_by_the_next_process(
    desks: Callable[..., Any], posted: bool
) -> None:
    desk = await desks()
    desk.slack.faults.next("chat.postMessage", Fault("done_close" if posted else "close"))
    desk.human.command("fix the parser")
    await desk.until(lambda: "chat.postMessage" in [m for m, _ in desk.slack.calls])
    await desk.slack.sockets.settle()
    await desk.close()
    again = await desks()
    await again.door.hearing.asked.mend(again.door.hearing)
    await again.door.hearing.asked.mend(again.door.hearing)
    assert (len(asks(again)), [i.text for i in again.received]) == (1, ["fix the parser"])
    assert "Your thread: https://" in await told(again)


async def test_where_it_may_not_write_it_says_so(desk: Any) -> None:
    desk.slack.workspace.channels[CHANNEL].archived = True
    desk.human.command("fix the parser")
    assert "I cannot write here (is_archived)" in await told(desk)
    await CatchUp(desk.link).look(desk.door.hearing)
    assert asks(desk) == []


async def test_in_talk_of_others_nobody_is_told_to_invite_it(desk: Any) -> None:
    """Nobody can be invited into a direct message of two; what was typed is given back."""
    desk.slack.workspace.channel("DPEOPLE01", "", kind="im", members={"UROBIN001", "UANA00001"})
    Human(desk.slack, channel="DPEOPLE01").command("fix <the> parser")
    said = await told(desk)
    assert "write to me directly, or in a channel" in said
    assert "/invite" not in said
    assert said.endswith("You wrote: fix &lt;the&gt; parser")


async def test_a_question_mark_is_no_request(desk: Any) -> None:
    asked = desk.human.command("?")
    await desk.slack.sockets.settle()
    assert "`/cancel [plan]`" in (asked.answer or {})["text"]
    assert (asks(desk), desk.received) == ([], [])


async def test_which_thread_is_meant_is_asked_with_words_that_work(desk: Any) -> None:
    for text in ("one", "two"):
        desk.human.say(text)
    await desk.slack.sockets.settle()
    asked = desk.human.command("/cancel")
    await desk.slack.sockets.settle()
    assert "say `@codebutler /cancel` in the one you mean" in (asked.answer or {})["text"]


async def test_a_request_that_begins_like_a_command_is_none(desk: Any) -> None:
    desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    desk.human.command("cancel button on the checkout page does nothing")
    await desk.until(lambda: len(desk.received) == 2)
    assert asks(desk) == ["<@UROBIN001> asks: cancel button on the checkout page does nothing"]
