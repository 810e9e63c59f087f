"""Words to a thread that are said in the channel itself: they begin nothing, and their author hears where."""

from __future__ import annotations

import html
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from codebutler import events as ev
from codebutler.store.rows import NewEvent
from codebutler.surfaces.loose import prefix
from codebutler.surfaces.slack.catchup import CatchUp
from codebutler.surfaces.turned import forget
from codebutler.testing.slack.human import Human
from codebutler.testing.slack.workspace import BOT_ID, BOT_USER
from codebutler.types import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "CSHOP0001"


def told(desk: Any) -> list[Any]:
    """What single people were told."""
    return list(desk.slack.workspace.ephemeral)


async def planned(desk: Any, words: str) -> str:
    """A thread with a plan that waits."""
    ts = str(desk.human.say(html.escape(words)))
    await desk.slack.sockets.settle()
    thread = await desk.store.find("slack", f"{CHANNEL}:{ts}")
    plan = ev.PlanProposed(plan=Plan(title=words, summary="s", steps=[]), hash="h", base="b")
    await desk.store.append(thread, [NewEvent(plan.kind, uuid4().hex, ev.dump(plan))])
    return ts


async def test_a_word_begins_nothing_and_says_which_thread_waits(desk: Any) -> None:
    root = await planned(desk, "2 kg <costs> too much")
    desk.human.say("rates are odd")
    await desk.slack.sockets.settle()
    desk.human.say("go")
    await desk.until(lambda: told(desk))
    [said] = told(desk)
    assert (said["channel"], said["user"]) == (CHANNEL, "UROBIN001")
    assert "thread_ts" not in said
    link = f"archives/{CHANNEL}/p{root.replace('.', '')}|2 kg &lt;costs&gt; too much>."
    assert said["text"].startswith("Nothing was begun: “go” is a word for a thread. Say it in <http")
    assert said["text"].endswith(link)
    assert [i.text for i in desk.received] == ["2 kg <costs> too much", "rates are odd"]
    await CatchUp(desk.link).look(desk.door.hearing)
    assert len(told(desk)) == 1, "told once"
    assert len(await desk.store.notes(prefix("slack"))) == 1
    await forget(desk.store, "slack", time.time() + 60)
    assert await desk.store.notes(prefix("slack")) == []


async def test_where_none_waits_it_says_so_also_directly_and_by_mention(desk: Any) -> None:
    desk.slack.workspace.channel("COTHER001", "general")
    desk.human.say(f"<@{BOT_USER}> merge", channel="COTHER001")
    desk.human.direct("yes")
    await desk.until(lambda: len(told(desk)) == 2)
    await desk.slack.sockets.settle()
    assert all("None that is open here waits for it." in said["text"] for said in told(desk))
    assert (len(told(desk)), desk.received) == (2, [])


async def test_many_that_wait_are_not_listed(desk: Any) -> None:
    for n in range(6):
        await planned(desk, f"task {n}")
    desk.human.say("stop")
    await desk.until(lambda: told(desk))
    assert "6 that are open here wait for it" in told(desk)[0]["text"]


async def test_no_thread_of_somewhere_else_is_named(desk: Any) -> None:
    desk.human.direct("a secret plan")
    await desk.slack.sockets.settle()
    desk.human.say("stop")
    await desk.until(lambda: told(desk))
    assert "secret" not in told(desk)[0]["text"]


async def test_a_change_makes_a_request_of_it(desk: Any) -> None:
    ts = desk.human.say("merge")
    await desk.slack.sockets.settle()
    desk.human.edit(ts, "merge it")
    await desk.slack.sockets.settle()
    assert desk.received == []
    desk.human.edit(ts, "merge the two parsers into one")
    await desk.slack.sockets.settle()
    assert [m.text for m in await desk.heard(f"{CHANNEL}:{ts}")] == ["merge the two parsers into one"]
    assert len(told(desk)) == 1


async def test_what_is_said_under_it_is_a_request_unless_it_is_one_more(desk: Any) -> None:
    ts = desk.human.say("go")
    await desk.slack.sockets.settle()
    desk.human.say("yes", thread=ts)
    await desk.until(lambda: len(told(desk)) == 2)
    assert told(desk)[1]["thread_ts"] == ts
    assert desk.received == []
    desk.human.say("round up to 3 kg", thread=ts)
    await desk.slack.sockets.settle()
    [said] = await desk.heard(f"{CHANNEL}:{ts}")
    assert said.text.startswith("round up to 3 kg\n\nSaid in this thread before you were called:\nrobin: go")


async def test_a_word_with_a_file_is_a_request(desk: Any) -> None:
    ts = desk.human.say("go", files=[desk.human.file("spec.txt", b"2 kg", "text/plain")])
    await desk.slack.sockets.settle()
    assert [m.text for m in await desk.heard(f"{CHANNEL}:{ts}")] == ["go"]


async def test_who_may_not_use_it_is_told_no_titles(desks: Callable[..., Any]) -> None:
    desk = await desks(users=["UROBIN001"])
    await planned(desk, "2 kg")
    desk.slack.workspace.channels[CHANNEL].members.add(desk.slack.workspace.person("UKIM00001", "kim"))
    Human(desk.slack, "UKIM00001").say("stop")
    await desk.slack.sockets.settle()
    assert told(desk) == []


@pytest.mark.parametrize("threads", [0, 1])
async def test_a_slash_command_of_such_a_word_opens_no_thread(desk: Any, threads: int) -> None:
    for n in range(threads):
        await planned(desk, f"task {n}")
    desk.human.command("yes")
    await desk.slack.sockets.settle()
    if not threads:
        assert desk.received == []
        return
    assert [i.text for i in desk.received] == ["task 0", "yes"]
    assert desk.received[0].external_id == desk.received[1].external_id


async def test_a_word_of_an_outage_and_one_under_our_hello_begin_nothing(desk: Any) -> None:
    where = desk.slack.workspace.channels[CHANNEL]
    hello = desk.slack.workspace.post(where, {"user": BOT_USER, "bot_id": BOT_ID, "text": "hello"})["ts"]
    desk.human.say("yes", thread=hello)
    await desk.until(lambda: told(desk))
    assert told(desk)[0]["thread_ts"] == hello
    desk.slack.sockets.retries = ()
    desk.slack.sockets.ack_seconds = 0.02
    desk.slack.faults.next_envelope("drop")
    desk.human.say("merge")
    await desk.slack.sockets.settle()
    for _ in range(2):
        await CatchUp(desk.link).look(desk.door.hearing)
    await desk.until(lambda: len(told(desk)) == 2)
    assert (len(told(desk)), desk.received) == (2, [])


async def test_a_channel_that_is_to_be_the_repos_says_what_is_missing(desk: Any) -> None:
    asked = []

    async def unsettled(surface: str, channel: str, user: str) -> str:
        asked.append((surface, channel, user))
        return "Commit it." if channel == "CSOON0001" else ""

    desk.door.hearing.unsettled = unsettled
    for channel in ("CSOON0001", "CTALK0001"):
        desk.slack.workspace.channel(channel, channel.lower())
        root = desk.human.say("2 kg costs too much", channel=channel)
        desk.human.say("said under it", channel=channel, thread=root)
    desk.human.say("a request")
    await desk.until(lambda: desk.slack.workspace.ephemeral and desk.received and len(asked) == 2)
    await desk.slack.sockets.settle()
    assert sorted(asked) == [("slack", channel, desk.human.user) for channel in ("CSOON0001", "CTALK0001")]
    [told] = desk.slack.workspace.ephemeral
    assert (told["channel"], told["user"], told["text"]) == ("CSOON0001", desk.human.user, "Commit it.")
    assert [i.text for i in desk.received] == ["a request"]
