"""Direct messages: what goes on with a thread there, what lets go of it, and that people are told."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from codebutler import events as ev
from codebutler.store.rows import NewEvent, NewPost
from codebutler.types import Outbound, Person

ROBIN = Person(surface="discord", id="1", name="Robin")


async def write(desk: Any, text: str, **more: object) -> tuple[str, str]:
    """Write to the bot; returns the message and the conversation in which it is heard."""
    before = len(desk.received)
    name = desk.human.say(text, channel=desk.guild.direct(desk.human.user).id, **more)
    await desk.until(lambda: len(desk.received) > before)
    return name, desk.received[-1].external_id


async def log(desk: Any, where: str, *events: Any) -> None:
    thread = await desk.store.find("discord", where)
    taken = ev.CommandHandled(message=2, name="x", by=ROBIN)
    await desk.store.append(thread, [NewEvent(e.kind, uuid4().hex, ev.dump(e)) for e in (*events, taken)])


async def stop(desk: Any, where: str) -> None:
    """As "cancel" and "close" do."""
    said = ev.Cancelled(message=0, by=ROBIN)
    await log(desk, where, said, ev.TurnEnded(outcome="cancelled", text="by Robin"))


def told(desk: Any) -> list[str]:
    return [m["content"] for m in desk.human.told(desk.guild.direct(desk.human.user).id)]


async def test_what_is_said_after_a_stop_begins_a_thread_and_says_so_once(desk: Any) -> None:
    first, where = await write(desk, "2 kg costs too much")
    await stop(desk, where)
    second, other = await write(desk, "add a note")
    assert other == f"{where.partition(':')[0]}:{second}" != where
    await desk.until(lambda: told(desk))
    [said] = told(desk)
    assert said.startswith("This begins something new: “2 kg costs too much” is stopped. Reply to")
    assert (await write(desk, "and a test"))[1] == other
    await stop(desk, other)
    answer = {"type": 19, "message_reference": {"message_id": first}}
    assert (await write(desk, "use decimals", **answer))[1] == where
    assert len(told(desk)) == 1


async def test_a_stopped_thread_hears_what_it_waits_for(desk: Any) -> None:
    _, where = await write(desk, "2 kg costs too much")
    await stop(desk, where)
    for words in ("go", "/status", "status"):
        assert (await write(desk, words))[1] == where
    assert told(desk) == []


async def test_a_reply_to_what_the_team_said_is_for_its_thread(desk: Any) -> None:
    _, where = await write(desk, "2 kg costs too much")
    thread = await desk.store.find("discord", where)
    post = NewPost(f"a@discord:{where}", "discord", where, ev.dump(Outbound(text="Stopped.", role="pm")))
    await desk.store.append(thread, [], posts=[post])
    await desk.delivery.flush(force=True)
    await stop(desk, where)
    shown = next(m for m in desk.human.told(desk.guild.direct(desk.human.user).id))
    answer = {"type": 19, "message_reference": {"message_id": shown["id"]}}
    assert (await write(desk, "use decimals", **answer))[1] == where


async def test_how_an_answered_thread_is_left_is_said_once(desk: Any) -> None:
    _, where = await write(desk, "How many bands?")
    await log(desk, where, ev.TurnEnded(outcome="answered", text=""))
    assert (await write(desk, "And for Spain?"))[1] == where
    await desk.until(lambda: told(desk))
    await log(desk, where, ev.TurnEnded(outcome="answered", text=""))
    assert (await write(desk, "And for Italy?"))[1] == where
    await desk.catchup.look(desk.door.hearing)
    assert told(desk) == [
        'This goes on from “How many bands?”. Say **"close"** first to begin something new.'
    ]
