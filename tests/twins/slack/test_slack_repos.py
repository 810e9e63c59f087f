"""Several repos in one process: each channel and thread is one repo's, whoever came first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler.settings.shape import Settings
from codebutler.store.store import Store
from codebutler.surfaces.slack.catchup import CatchUp
from codebutler.surfaces.slack.door import Slack
from codebutler.surfaces.slack.owners import find_channel
from codebutler.testing.slack.human import Human
from codebutler.testing.slack.workspace import BOT_USER
from codebutler.thread.intake import receive
from codebutler.types import Inbound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

SITE, OTHER = "CSITE0001", "COTHER001"


class Second:
    """Another repo's door on the connection of ``desk``, and a person in its channel."""

    def __init__(self, desk: Any, store: Store) -> None:
        for channel in (SITE, OTHER):
            desk.slack.workspace.channel(channel, channel.lower())
        config = Settings.model_validate({"slack": desk.slack.settings(channelID=SITE)}).slack
        self.store, self.door = store, Slack(desk.link, config, store)
        self.door.hearing.receive = self._receive
        self.texts: list[str] = []
        self.human, self.elsewhere = Human(desk.slack, channel=SITE), Human(desk.slack, channel=OTHER)

    async def _receive(self, inbound: Inbound) -> str:
        self.texts.append(inbound.text)
        return await receive(self.store, inbound)


@pytest.fixture
async def second(desk: Any, tmp_path: Path) -> AsyncIterator[Second]:
    store = await Store.open(tmp_path / "second.db")
    yield Second(desk, store)
    await store.close()


@pytest.mark.parametrize("ranks", [(0, 1), (1, 0)])
async def test_a_mention_goes_to_the_channels_repo(desk: Any, second: Second, ranks: tuple[int, int]) -> None:
    desk.door.hearing.rank, second.door.hearing.rank = ranks
    second.human.say(f"<@{BOT_USER}> in the site")
    desk.human.say(f"<@{BOT_USER}> in the shop")
    second.elsewhere.say(f"<@{BOT_USER}> elsewhere")
    for human, words in ((second.human, "/ask site"), (second.elsewhere, "ask elsewhere")):
        human.command(words)
    await desk.slack.sockets.settle()
    await desk.until(lambda: len(desk.received) + len(second.texts) >= 5)
    first = {"in the shop"} | ({"elsewhere", "ask elsewhere"} if ranks == (0, 1) else set())
    assert {i.text for i in desk.received} == first
    assert (
        set(second.texts) == {"in the shop", "elsewhere", "ask elsewhere", "in the site", "/ask site"} - first
    )


async def test_a_shortcut_elsewhere_is_the_first_repos(desk: Any, second: Second) -> None:
    desk.door.hearing.rank = 1
    ts = second.elsewhere.say("hand this over")
    second.elsewhere.shortcut(ts, "codebutler_hand_over")
    await desk.slack.sockets.settle()
    assert (second.texts, desk.received) == (["hand this over"], [])


async def test_a_look_at_anothers_channel_and_thread_takes_nothing(desk: Any, second: Second) -> None:
    second.door.hearing.rank = 1
    root = second.elsewhere.say("a thread of the second's")
    author, there = await desk.door.hearing.person("UROBIN001"), f"{OTHER}:{root}"
    await receive(
        second.store, Inbound(surface="slack", external_id=there, key=there, author=author, text="a")
    )
    await desk.store.note(f"slack:{OTHER}", "1.0")
    await desk.store.note(f"slack:{SITE}", "1.0")
    desk.link.doors.remove(second.door.hearing)  # its repo comes a little later
    desk.door.hearing.foreign = {SITE}
    second.human.say(f"<@{BOT_USER}> for the site")
    await desk.slack.sockets.settle()
    desk.link.doors.append(second.door.hearing)
    second.elsewhere.say(f"<@{BOT_USER}> more of it", thread=root)
    await desk.slack.sockets.settle()
    desk.received.clear()
    await CatchUp(desk.link).look(desk.door.hearing)
    assert desk.received == []
    assert "more of it" in second.texts


async def test_without_elsewhere_no_command_or_shortcut_opens_a_thread(desks: Callable[..., Any]) -> None:
    desk = await desks(elsewhere=False)
    desk.slack.workspace.channel(OTHER, "other")
    human = Human(desk.slack, channel=OTHER)
    ts, asked = human.say("words"), human.command("fix the band")
    human.shortcut(ts, "codebutler_hand_over")
    await desk.slack.sockets.settle()
    await desk.until(lambda: desk.slack.workspace.ephemeral)
    assert (desk.received, [m["ts"] for m in desk.slack.workspace.channels[OTHER].messages]) == ([], [ts])
    assert "No repo is served here" in (asked.answer or {})["text"]


async def test_a_name_of_anothers_channel_takes_nothing(desk: Any, second: Second) -> None:
    config = second.door.hearing.settings.model_copy(update={"channel_id": None, "channel_name": "shop"})
    desk.slack.workspace.channels["CSHOP0001"].name = "shop"
    third = Slack(desk.link, config, second.store)
    await find_channel(third.hearing)
    assert third.hearing.channels == set()
    desk.link.leave(desk.door.hearing)
    await find_channel(third.hearing)
    assert third.hearing.channels == {"CSHOP0001"}
