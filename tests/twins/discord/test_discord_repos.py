"""Several repos in one process: each channel is one repo's, whoever came first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler.settings.shape import Settings
from codebutler.store.store import Store
from codebutler.surfaces.discord.calls import Calls, DiscordAway
from codebutler.surfaces.discord.door import Discord
from codebutler.testing.discord.guild import BOT, ROBIN
from codebutler.thread.intake import receive

if TYPE_CHECKING:
    from pathlib import Path

    from codebutler.types import Inbound


async def test_a_mention_goes_to_the_channels_repo(desk: Any, tmp_path: Path) -> None:
    site, talk = desk.guild.text_channel("site").id, desk.guild.text_channel("talk").id
    store = await Store.open(tmp_path / "second.db")
    config = Settings.model_validate({"discord": desk.twin.settings(channelID=site)}).discord
    second, texts = Discord(desk.link, config, store).hearing, []

    async def kept(inbound: Inbound) -> str:
        thread = await receive(store, inbound)
        texts.append(inbound.text)
        return thread

    second.receive, second.rank, second.office = kept, 1, desk.door.hearing.office
    try:
        desk.human.say(f"<@{BOT}> in the site", channel=site)
        await desk.until(lambda: texts or desk.received)
        desk.human.say(f"<@{BOT}> elsewhere", channel=talk)
        await desk.until(lambda: desk.received)
        assert (len(texts), len(desk.received)) == (1, 1)
        assert texts[0].startswith("in the site")
        desk.door.hearing.rank, second.rank = 1, 0
        desk.human.command("codebutler", "new", channel=talk, request="to the first repo")
        await desk.until(lambda: len(texts) + len(desk.received) == 3)
        assert texts[1:] == ["to the first repo"]
    finally:
        desk.link.leave(second)
        await store.close()


@pytest.mark.parametrize(
    ("channel", "told"), [("999999999999999999", "Check the id: discord.channelID"), ("", "no text channel")]
)
async def test_a_repos_channel_that_is_none_is_told_at_the_start(
    desks: Any, twin: Any, channel: str, told: str
) -> None:
    if not channel:
        voice = twin.guild.text_channel("talk")
        voice.type, channel = 2, voice.id
    desk = await desks(channelID=channel, admins=[ROBIN])
    direct = twin.guild.direct(ROBIN).id
    await desk.until(lambda: told in desk.human.words(direct))
    assert channel in desk.human.words(direct)


async def test_a_server_without_the_api_is_told_of_its_version(desk: Any) -> None:
    calls = Calls(desk.guild.url, "token")
    try:
        with pytest.raises(DiscordAway, match="ends with its version"):
            await calls.call("GET", "/users/@me")
    finally:
        await calls.close()
