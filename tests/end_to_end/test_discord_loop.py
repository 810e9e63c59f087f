"""The main job from Discord: by slash command, in words and with buttons; killed on the way; two doors at once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from codebutler.testing.discord.guild import BOT, GUILD, ROBIN, SHOP, TOKEN
from codebutler.testing.discord.hooks import Interaction, text_of
from codebutler.testing.discord.human import Human
from codebutler.testing.discord.server import DiscordTwin
from codebutler.testing.slack.human import Human as SlackHuman
from codebutler.testing.slack.server import SlackTwin
from codebutler.testing.stage import Stage
from codebutler.types import Json


@pytest.fixture
async def discord(stage: Stage) -> AsyncIterator[DiscordTwin]:
    """A guild, named in the host's configuration."""
    async with DiscordTwin() as twin:
        configure(stage, discord=twin.settings())
        yield twin


def configure(stage: Stage, **doors: Json) -> None:
    stage.configure({**doors, "threads": {"burstSeconds": 0}})


class Talk:
    """A person in a thread."""

    def __init__(self, twin: DiscordTwin, task: str) -> None:
        self.twin = twin
        self.human = Human(twin)
        self.task = task
        self.root = ""

    async def begin(self, *, command: bool = False, elsewhere: str = "") -> None:
        await until(lambda: self.twin.gateway.connected and self.twin.guild.commands)
        if elsewhere:
            self.root = self.human.say(f"<@{BOT}> {self.task}", channel=elsewhere)
            return
        if not command:
            self.root = self.human.say(self.task)
            return
        asked = self.human.command("codebutler", "new", request=self.task)
        await until(lambda: "<#" in asked.words)
        self.root = asked.words.partition("<#")[2].partition(">")[0]

    def with_button(self, label: str) -> str:
        """The last message with this button, or ""."""
        for message in reversed(self.human.told(self.root)):
            for row in message["components"]:
                if any(part.get("label") == label for part in row["components"]):
                    return str(message["id"])
        return ""

    async def press(self, label: str) -> None:
        await until(lambda: self.with_button(label))
        self.human.press(self.root, self.with_button(label), label)

    async def say_when(self, label: str, words: str) -> None:
        await until(lambda: self.with_button(label))
        self.human.say(words, channel=self.root)

    async def order_when(self, label: str, *words: str, **options: str) -> None:
        await until(lambda: self.with_button(label))
        self.human.command("codebutler", *words, channel=self.root, **options)

    def over(self) -> bool:
        """Whether the thread's report stands there."""
        return "## Usage" in self.human.words(self.root)

    async def put_away(self) -> None:
        await until(lambda: self.over() and self.twin.guild.channels[self.root].archived)

    def said(self) -> Counter[str]:
        """What the bot said in the thread, message by message."""
        return Counter(text_of(message) for message in self.human.told(self.root))


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(90):
        while not true():  # noqa: ASYNC110 - the guild has no event for everything
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("way", ["buttons", "words", "commands"])
async def test_the_whole_loop_through_discord(stage: Stage, discord: DiscordTwin, way: str) -> None:
    """By words it begins with a mention in a channel of others."""
    talk = Talk(discord, stage.sample.task)
    channel = discord.guild.text_channel("talk").id if way == "words" else SHOP
    async with stage.serving():
        await talk.begin(command=way == "commands", elsewhere=channel if way == "words" else "")
        if way == "buttons":
            await talk.press("Approve")
            await talk.press("Keep all")
            await talk.press("Merge")
        elif way == "words":
            await talk.say_when("Approve", "go")
            await talk.say_when("Keep all", "yes")
            await talk.say_when("Merge", "merge")
        else:
            await talk.order_when("Approve", "approve")
            await talk.order_when("Keep all", "memory", decision="yes")
            await talk.order_when("Merge", "merge")
        await talk.put_away()
    assert "2 kg" in stage.git("log", "-1", "--format=%B", "main", where=stage.sample.remote)
    assert discord.guild.channels[talk.root].parent == channel
    assert set(talk.said().values()) == {1}
    words = talk.human.words(talk.root)
    assert "**PM:**" in words
    assert "**Lead:**" in words
    assert len(discord.guild.channels[talk.root].pins) == 1
    if way != "commands":
        names = [r["emoji"]["name"] for r in discord.guild.channels[channel].messages[talk.root]["reactions"]]
        assert names == ["👀", "✅"]


@dataclass
class Presser:
    """Presses each button once, when it is there and its turn has come."""

    talk: Talk
    done: list[str] = field(default_factory=list)
    pressed: dict[str, Interaction] = field(default_factory=dict)

    async def look(self) -> None:
        label = next((x for x in ("Approve", "Keep all", "Merge") if x not in self.done), "")
        message = self.talk.with_button(label) if label else ""
        if not message and label in self.pressed:  # it counted: another line stands in the button's place
            self.done.append(label)
        if message:
            pressed = self.pressed[label] = self.talk.human.press(self.talk.root, message, label)
            for _ in range(100):
                await asyncio.sleep(0.05)
                if pressed.answer or not self.talk.twin.gateway.connected:
                    return


@pytest.mark.timeout(900)
async def test_killed_on_the_way_nothing_is_lost_or_doubled(
    stage: Stage, discord: DiscordTwin, *, full: bool
) -> None:
    """Each process dies at its so manyth event, never the same twice in a row. ``--full``: at each fourth or so."""
    talk, step = Talk(discord, stage.sample.task), 4 if full else 30
    presser = Presser(talk)
    for number in range(400):
        where = "before" if number % 2 else "after"
        async with stage.serving(CODEBUTLER_CRASH_AT=f"{where}:{step + number % 5}") as process:
            if not talk.root:
                await talk.begin()
            while process.returncode is None and not talk.over():
                await presser.look()
                await asyncio.sleep(0.05)
        if talk.over():
            break
    assert set(talk.said().values()) == {1}
    assert "2 kg" in stage.git("log", "-1", "--format=%B", "main", where=stage.sample.remote)


async def test_one_thread_in_two_doors_shows_one_state(stage: Stage, discord: DiscordTwin) -> None:
    """Begun in Slack, followed and approved in Discord, merged in Slack."""
    async with SlackTwin() as slack:
        configure(stage, discord=discord.settings(admins=[ROBIN]), slack=slack.settings())
        talk, there = Talk(discord, stage.sample.task), SlackHuman(slack)
        async with stage.serving():
            await until(lambda: slack.sockets.connections and discord.guild.commands)
            root = there.say(talk.task)
            await until(lambda: any("Approve" in str(m.get("blocks")) for m in there.thread(root)))
            listed = talk.human.command("codebutler", "status-all")
            await until(lambda: "(another door)" in listed.words)
            task = listed.words.partition("`")[2].partition("`")[0]
            followed = talk.human.command("codebutler", "follow", task=task)
            await until(lambda: "<#" in followed.words)
            talk.root = followed.words.partition("<#")[2].partition(">")[0]
            talk.human.say("go", channel=talk.root)
            await talk.press("Keep all")
            await until(lambda: talk.with_button("Merge"))
            there.say("merge", thread=root)
            await talk.put_away()
            await until(lambda: any("*Usage*" in message["text"] for message in there.thread(root)))
    assert "2 kg" in stage.git("log", "-1", "--format=%B", "main", where=stage.sample.remote)
    assert set(talk.said().values()) == {1}


async def test_init_finds_guild_and_channel(stage: Stage, discord: DiscordTwin) -> None:
    configure(stage, discord={"baseUrl": discord.settings()["baseUrl"]})
    waits = await stage.cli("init", "discord", "--yes")
    assert waits.code == 3, waits.stderr
    done = await stage.cli("init", "discord", "--yes", "--channel", "codebutler-shop", DISCORD_TOKEN=TOKEN)
    assert done.code == 0, done.stderr
    written = json.loads((stage.sample.repo / ".codebutler" / "config.json").read_text())
    assert written["discord"] == {"guildID": GUILD, "channelID": SHOP}
    discord.guild.permissions = 0
    lacks = await stage.cli("init", "discord", "--yes", "--channel", "codebutler-shop", DISCORD_TOKEN=TOKEN)
    assert lacks.code == 3, lacks.stderr
    kept = json.loads((stage.home / "butler" / "config.json").read_text())
    assert kept["discord"]["token"] == TOKEN
