"""Words to a thread that are said in a channel itself: they begin nothing, and the answer says where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from codebutler import events as ev
from codebutler.store.rows import NewEvent
from codebutler.testing.discord.guild import BOT, FORUM, SHOP
from codebutler.types import Plan

if TYPE_CHECKING:
    from collections.abc import Callable


async def planned(desk: Any, words: str) -> str:
    """A thread with a plan that waits."""
    root = str(desk.human.say(words))
    await desk.until(lambda: root in desk.guild.channels)
    thread = await desk.store.find("discord", f"{SHOP}:{root}")
    plan = ev.PlanProposed(plan=Plan(title=words, summary="s", steps=[]), hash="h", base="b")
    await desk.store.append(thread, [NewEvent(plan.kind, uuid4().hex, ev.dump(plan))])
    return root


async def test_a_word_begins_nothing_and_says_which_thread_waits(desk: Any) -> None:
    root = await planned(desk, "2 kg costs too much")
    word = desk.human.say("go")
    await desk.until(lambda: desk.human.told(SHOP))
    [said] = desk.human.told(SHOP)
    assert said["content"] == f"Nothing was begun: “go” is a word for a thread. Say it in <#{root}>."
    assert said["message_reference"]["message_id"] == word
    assert word not in desk.guild.channels
    await desk.catchup.look(desk.door.hearing)
    assert len(desk.human.told(SHOP)) == 1, "told once"
    assert [i.text for i in desk.received] == ["2 kg costs too much"]


async def test_it_is_told_directly_and_where_we_are_called_too(desk: Any) -> None:
    talk = desk.guild.text_channel("talk").id
    desk.human.say(f"<@{BOT}> merge", channel=talk)
    direct, _ = desk.human.direct("yes")
    await desk.until(lambda: desk.human.told(talk) and desk.human.told(direct))
    assert all("None that is open here" in desk.human.words(where) for where in (talk, direct))
    typed = desk.human.command("codebutler", "new", request="stop")
    await desk.until(lambda: "None that is open here" in typed.words)
    assert desk.received == []


async def test_a_change_makes_a_request_of_it(desk: Any) -> None:
    word = desk.human.say("merge")
    await desk.until(lambda: desk.human.told(SHOP))
    desk.human.edit(word, "merge it")
    desk.human.edit(word, "merge the two parsers into one")
    await desk.until(lambda: desk.received)
    assert [m.text for m in await desk.heard(f"{SHOP}:{word}")] == ["merge the two parsers into one"]


async def test_a_forums_post_of_such_a_word_is_a_request(desks: Callable[..., Any]) -> None:
    desk = await desks(channels=[FORUM])
    desk.human.forum_post(FORUM, "Merge the two parsers", "go")
    await desk.until(lambda: desk.received)
    assert desk.received[0].text == "Merge the two parsers\ngo"


async def test_a_channel_that_is_to_be_the_repos_says_what_is_missing(desk: Any) -> None:
    soon, talk = (desk.guild.text_channel(name).id for name in ("soon", "talk"))
    asked = []

    async def unsettled(surface: str, channel: str, user: str) -> str:
        asked.append((surface, channel, user))
        return "Commit it." if channel == soon else ""

    desk.door.hearing.unsettled = unsettled
    word = desk.human.say("2 kg costs too much", channel=soon)
    desk.human.say("among people", channel=talk)
    desk.human.say("a request")
    await desk.until(lambda: desk.human.told(soon) and desk.received and len(asked) == 2)
    assert sorted(asked) == sorted(("discord", channel, desk.human.user) for channel in (soon, talk))
    [told] = desk.human.told(soon)
    assert (told["content"], told["message_reference"]["message_id"]) == ("Commit it.", word)
    assert [i.text for i in desk.received] == ["a request"]
