"""Settings of a server: admins see and change them, everybody else is told why not, and they hold."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from codebutler import events as ev
from codebutler.commands.builtin import REGISTRY
from codebutler.store.rows import NewEvent
from codebutler.surfaces.discord.office import place
from codebutler.testing.discord.guild import BOT, FORUM, GUILD, SHOP
from codebutler.testing.discord.hooks import Interaction
from codebutler.testing.discord.human import Human
from codebutler.testing.slack.faults import Fault
from codebutler.thread.houses import place_of
from codebutler.thread.identity import known, wishes
from codebutler.thread.log import ThreadLog
from codebutler.types import Person


def admin(desk: Any) -> Human:
    return Human(desk.twin, desk.guild.person("900000000000000009", "ada", roles=["admin"]))


async def told(desk: Any, given: Interaction) -> str:
    await desk.until(lambda: given.words)
    return given.words


async def test_admins_set_what_holds_and_see_it(desk: Any) -> None:
    ada = admin(desk)
    for path, options, words in (
        (("set-model",), {"role": "coder", "model": "acme/smart"}, "The coder now uses acme/smart"),
        (("set-max-runs",), {"runs": 1}, "1 Coder may work at once here. It counts from each thread's"),
        (("set-max-runs",), {"runs": 2}, "2 Coders may work at once"),
        (("server", "cap"), {"cap": "thread", "amount": 1.5}, "$1.50 at most here"),
        (("server", "role"), {"role": "777"}, "<@&777> may use me here"),
        (("server", "retention"), {"days": 7}, "kept for 7 days here. It counts from the next daily look"),
    ):
        assert words in await told(desk, ada.command("codebutler", *path, **options))
    house = await desk.houses.of(place(GUILD))
    assert (house.models, house.max_runs, house.usd_per_thread) == ({"coder": "acme/smart"}, 2, 1.5)
    assert (house.roles, house.logs_days) == (["777"], 7)
    shown = await told(desk, ada.command("codebutler", "server", "settings"))
    lines = [line.split() for line in shown.splitlines()]
    assert ["model", "of", "the", "coder", "acme/smart"] in lines
    assert ["one", "thread's", "dollars", "$1.50"] in lines
    assert ["coders", "at", "once", "2"] in lines
    assert lines[4][-1] == "(host)"
    await told(desk, ada.command("codebutler", "set-model", role="coder"))
    await told(desk, ada.command("codebutler", "server", "role", role="777"))
    house = await desk.houses.of(place(GUILD))
    assert (house.models, house.roles) == ({}, [])


@pytest.mark.parametrize(
    ("path", "options", "words"),
    [
        (("server", "cap"), {"cap": "thread", "amount": 1000.0}, "a server may have a lower one"),
        (("set-max-runs",), {"runs": 100}, "a server may have fewer"),
        (("set-provider",), {"provider": "nobody"}, "knows no provider"),
        (("set-model",), {"role": "cook", "model": "x/y"}, "no role cook"),
        (("set-model",), {"role": "coder", "model": "x y"}, "no model's id"),
        (("server", "retention"), {"days": 9999}, "not longer"),
    ],
)
async def test_what_goes_beyond_the_host_is_refused(
    desk: Any, path: tuple[str, ...], options: dict[str, Any], words: str
) -> None:
    assert words in await told(desk, admin(desk).command("codebutler", *path, **options))
    assert (await desk.houses.of(place(GUILD))).model_dump(exclude_defaults=True) == {"place": place(GUILD)}


async def test_others_may_not(desk: Any) -> None:
    given = desk.human.command("codebutler", "set-max-runs", runs=1)
    assert "for admins" in await told(desk, given)
    given = desk.human.command("codebutler", "raise-cap", usd=1.0)
    assert "for admins" in await told(desk, given)
    assert await desk.houses.all() == []


async def test_a_servers_roles_keep_people_out_and_its_threads_know_it(desk: Any) -> None:
    await desk.houses.change(place(GUILD), roles=["crew"])
    desk.human.say("me?")
    mate = Human(desk.twin, desk.guild.person("900000000000000008", "max", roles=["crew"]))
    root = mate.say("and me?")
    await desk.until(lambda: desk.received)
    assert [each.text for each in desk.received] == ["and me?"]
    thread = await desk.store.find("discord", f"{SHOP}:{root}")
    assert await place_of(desk.store, thread) == place(GUILD)


async def test_everyone_as_a_servers_role_lets_everyone_in(desk: Any) -> None:
    for role, words in (("777", "may use me here"), (GUILD, "no role is asked for")):
        given = admin(desk).command("codebutler", "server", "role", role=role)
        assert words in await told(desk, given)
    assert "No thread is open" in await told(desk, desk.human.command("codebutler", "threads"))


async def test_elsewhere_off_binds_the_command_too(desks: Any) -> None:
    desk = await desks(elsewhere=False)
    talk = desk.guild.text_channel("talk").id
    asked = desk.human.command("codebutler", "new", channel=talk, request="x")
    assert "No repo is served here" in await told(desk, asked)
    desk.human.say(f"<@{BOT}> x", channel=talk)
    here = desk.human.command("codebutler", "new", request="x")
    await told(desk, here)
    assert [each.text for each in desk.received] == ["x"]


async def test_another_name_does_the_same(desk: Any) -> None:
    asked = desk.human.command("rm-plan", issue="https://forge.example/o/r/issues/3")
    assert "Your thread" in await told(desk, asked)
    assert desk.received[-1].text.endswith("https://forge.example/o/r/issues/3")


async def test_looks_are_answered_to_who_asks_alone(desk: Any) -> None:
    root = desk.human.say("x")
    await desk.until(lambda: root in desk.guild.channels)
    thread = await desk.store.find("discord", f"{SHOP}:{root}")
    before = len(desk.received)
    assert "**planning**" in await told(desk, desk.human.command("rm-status", task=thread))
    assert "Which thread?" in await told(desk, desk.human.command("codebutler", "status"))
    cost = await told(desk, desk.human.command("codebutler", "cost", channel=root))
    assert "tokens in" in cost
    assert "```" in cost  # columns: Discord knows no tables
    assert "no issue" in await told(desk, desk.human.command("codebutler", "plan", issue="that one"))
    assert len(desk.received) == before


async def test_a_forum_that_wants_a_tag_gets_one_and_a_closed_post_keeps_its_own(desk: Any) -> None:
    forum = desk.guild.channels[FORUM]
    forum.tag_needed = True
    forum.tags.append({"id": "79", "name": "ui"})
    first = await told(
        desk, desk.human.command("codebutler", "new", channel=FORUM, request="\u202eodd\u200b")
    )
    odd = desk.guild.channels[first.partition("<#")[2].partition(">")[0]]
    assert (odd.name, odd.applied) == ("odd", ["79"])
    forum.tags.append({"id": "78", "name": "open", "moderated": False})
    asked = desk.human.command("codebutler", "new", channel=FORUM, request="a post")
    root = (await told(desk, asked)).partition("<#")[2].partition(">")[0]
    post = desk.guild.channels[root]
    assert post.applied == ["78"]
    post.applied.append("79")
    thread = await desk.store.find("discord", f"{FORUM}:{root}")
    await (await ThreadLog.claim(desk.store, thread, str)).update_row(phase="closed", status="closed")
    await desk.door.signs.tick(thread)
    assert (post.archived, post.applied) == (True, ["77", "79"])


async def test_close_puts_a_stopped_thread_away_until_somebody_speaks(desk: Any) -> None:
    root = desk.human.say("x")
    await desk.until(lambda: root in desk.guild.channels)
    thread, post = await desk.store.find("discord", f"{SHOP}:{root}"), desk.guild.channels[root]
    assert "`/cancel` is said" in await told(desk, desk.human.command("codebutler", "close", channel=root))
    log = await ThreadLog.claim(desk.store, thread, str)
    await log.update_row(status="cancelled")
    await desk.door.signs.tick(thread)
    assert post.archived
    desk.human.say("wait", channel=root)
    await desk.until(lambda: len(desk.received) == 3)
    await desk.door.signs.tick(thread)
    assert not post.archived


async def test_the_word_close_puts_a_stopped_thread_away(desk: Any) -> None:
    root = desk.human.say("x")
    await desk.until(lambda: root in desk.guild.channels)
    thread, post = await desk.store.find("discord", f"{SHOP}:{root}"), desk.guild.channels[root]
    desk.human.say("Close!", channel=root)
    await desk.until(lambda: len(desk.received) == 2)
    log = await ThreadLog.claim(desk.store, thread, str)
    await log.update_row(status="cancelled")
    await desk.door.signs.tick(thread)
    assert post.archived


async def test_close_lands_nothing_that_was_stopped(desk: Any) -> None:
    root = desk.human.say("x")
    await desk.until(lambda: root in desk.guild.channels)
    thread = await desk.store.find("discord", f"{SHOP}:{root}")
    for event, word in (
        (ev.PrOpened(number=1, url="u", title="t"), "`/merge` is said"),
        (ev.Cancelled(message=1, by=Person(surface="discord", id="1")), "`/cancel` is said"),
        (ev.Resumed(message=0, by=Person(surface="discord", id="1")), "`/cancel` is said"),
    ):
        await desk.store.append(thread, [NewEvent(event.kind, uuid4().hex, ev.dump(event))])
        assert word in await told(desk, desk.human.command("codebutler", "close", channel=root))


async def test_close_by_who_may_not_merge_says_so_and_puts_nothing_away(desk: Any) -> None:
    root = desk.human.say("x")
    await desk.until(lambda: root in desk.guild.channels)
    thread = await desk.store.find("discord", f"{SHOP}:{root}")
    opened = ev.PrOpened(number=1, url="u", title="t")
    await desk.store.append(thread, [NewEvent(opened.kind, uuid4().hex, ev.dump(opened))])
    other = Human(desk.twin, desk.guild.person("900000000000000008", "max"))
    said = await told(desk, other.command("codebutler", "close", channel=root))
    assert said.startswith("Only Robin decides in this thread.")
    assert "put away" not in said
    assert [each.text for each in desk.received] == ["x"]


async def test_a_command_that_fails_inside_ends_in_a_line(desk: Any) -> None:
    root = desk.human.say("x")
    await desk.until(lambda: root in desk.guild.channels)

    async def broken(_inbound: object) -> str:
        await asyncio.sleep(2)  # longer than the first answer may take: the person sees that we think
        raise KeyError("a fault of ours")

    desk.door.hearing.receive = broken
    said = await told(desk, desk.human.command("codebutler", "cancel", channel=root))
    assert said.startswith("That broke off: whoever runs the service finds the cause in its log.")
    await desk.store.close()
    said = await told(desk, desk.human.command("codebutler", "status", channel=root))
    assert "store.db is closed. Look where things stand" in said


async def test_what_a_crash_kept_from_being_put_away_is_put_away(desk: Any) -> None:
    root = desk.human.say("x")
    await desk.until(lambda: root in desk.guild.channels)
    log = await ThreadLog.claim(desk.store, await desk.store.find("discord", f"{SHOP}:{root}"), str)
    await log.update_row(phase="closed", status="closed")
    for _ in range(2):
        await desk.door.signs.mend()
        assert desk.guild.channels[root].archived
    assert desk.twin.calls.count("patch_channel") == 1


async def test_a_log_comes_in_pages(desk: Any) -> None:
    root = desk.human.say("x")
    await desk.until(lambda: desk.received)
    thread = await desk.store.find("discord", f"{SHOP}:{root}")
    given = desk.human.command("codebutler", "logs", task=thread, page=9)
    assert "Its log has 1 page." in await told(desk, given)
    given = desk.human.command("codebutler", "logs", task=thread, page=1)
    await desk.until(lambda: given.original and given.original.get("attachments"))
    assert given.original["attachments"][0]["filename"] == f"{thread}-1.log"


async def test_a_log_whose_interaction_is_over_goes_to_its_owner_alone(desk: Any) -> None:
    root = desk.human.say("x")
    await desk.until(lambda: desk.received)
    thread = await desk.store.find("discord", f"{SHOP}:{root}")
    desk.twin.faults.next("patch_original", Fault("error", error="50027 Invalid Webhook Token"))
    desk.human.command("codebutler", "logs", task=thread)
    direct = desk.guild.direct(desk.human.user)
    await desk.until(lambda: direct.messages)
    [message] = direct.messages.values()
    assert message["attachments"][0]["filename"] == f"{thread}-1.log"


async def test_help_is_whole_though_it_is_long(desk: Any) -> None:
    words = await told(desk, desk.human.command("codebutler", "help"))
    for group in ("close", "logs", "server", "thread"):
        assert group in words.split("- `/approve")[0], "help says where Discord has them"
    assert REGISTRY.help() in words


async def test_people_say_who_they_are_and_admins_say_it_of_others(desk: Any) -> None:
    assert "Say `/codebutler link`" in await told(desk, desk.human.command("codebutler", "link"))
    given = desk.human.command("codebutler", "link", name="robin-gh")
    assert "To prove that `robin-gh` is you" in await told(desk, given)
    [wish] = await wishes(desk.store, 0.0)
    assert (wish["surface"], wish["id"], wish["thread"]) == ("discord", desk.human.user, "")
    stranger = desk.human.command("rm-link-user", name="eve", user="900000000000000001")
    assert "Only an admin" in await told(desk, stranger)
    given = admin(desk).command("codebutler", "link-user", name="eve", user="900000000000000001")
    assert "<@900000000000000001> is `eve`" in await told(desk, given)
    person = Person(surface="discord", id="900000000000000001")
    assert (await known(desk.store, person)).login == "eve"
    assert await told(desk, admin(desk).command("rm-cleanup", days=2)) == "room by Ada after 2"
