"""The main job from Slack: request, plan, approval, PR, memory, merge; in words and with buttons, and killed."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from codebutler.testing.slack.human import Human
from codebutler.testing.slack.server import SlackTwin
from codebutler.testing.stage import Stage
from codebutler.types import Json


@pytest.fixture
async def slack(stage: Stage) -> AsyncIterator[SlackTwin]:
    """A workspace, named in the host's configuration."""
    async with SlackTwin() as twin:
        config = {
            "slack": twin.settings(),
            "threads": {"burstSeconds": 0},
            "limits": {"maxCallsPerHour": 10_000},
        }
        stage.configure(config)
        yield twin


class Talk:
    """A person in a thread."""

    def __init__(self, slack: SlackTwin, task: str) -> None:
        self.slack = slack
        self.human = Human(slack)
        self.task = task
        self.root = ""

    async def begin(self) -> None:
        await self._until(lambda: bool(self.slack.sockets.connections))
        self.root = self.human.say(self.task)

    async def _until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(90):
            while not true():  # noqa: ASYNC110 - the workspace has no event for everything
                await asyncio.sleep(0.02)

    def with_button(self, label: str) -> str:
        """The ts of the last message with this button, or ""."""
        for message in reversed(self.human.thread(self.root)):
            for block in message.get("blocks", []):
                if any(
                    e.get("text", {}).get("text") == label
                    for e in block.get("elements", [])
                    if "action_id" in e
                ):
                    return str(message["ts"])
        return ""

    async def press(self, label: str) -> None:
        await self._until(lambda: self.with_button(label))
        self.human.press(self.with_button(label), label)

    async def say_when(self, label: str, words: str) -> None:
        await self._until(lambda: self.with_button(label))
        self.human.say(words, thread=self.root)

    async def closed(self) -> None:
        await self._until(self.over)
        root = self.slack.workspace.channels["CSHOP0001"].by_ts[self.root]
        await self._until(lambda: len(root.get("reactions", [])) == 2)

    def over(self) -> bool:
        """Whether the thread's report stands there."""
        return any("## Usage" in _words(m) for m in self.human.thread(self.root))

    def marks(self) -> Counter[str]:
        found = [
            m["metadata"]["event_payload"]["mark"] for m in self.human.thread(self.root) if "metadata" in m
        ]
        return Counter(found)


def _words(message: Json) -> str:
    return "".join(str(b.get("text", "")) for b in message.get("blocks", []))


@pytest.mark.parametrize("way", ["buttons", "words"])
async def test_the_whole_loop_through_slack(stage: Stage, slack: SlackTwin, way: str) -> None:
    talk = Talk(slack, stage.sample.task)
    async with stage.serving():
        await talk.begin()
        if way == "buttons":
            await talk.press("Approve")
            await talk.press("Keep all")
            await talk.press("Merge")
        else:
            await talk.say_when("Approve", "go")
            await talk.say_when("Keep all", "yes")
            await talk.say_when("Merge", "merge")
        await talk.closed()
    assert "2 kg" in stage.git("log", "-1", "--format=%B", "main", where=stage.sample.remote)
    assert set(talk.marks().values()) == {1}
    texts = [m["text"] for m in talk.human.thread(talk.root)]
    assert any(text.startswith("*PM:*") for text in texts)
    assert any(text.startswith("*Lead:*") for text in texts)
    names = [r["name"] for r in slack.workspace.channels["CSHOP0001"].by_ts[talk.root]["reactions"]]
    assert names == ["eyes", "white_check_mark"]


WORDS = {"Approve": "go", "Keep all": "yes", "Merge": "merge"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One thread with words and a button; in full, one with each."""
    if metafunc.function is test_killed_on_the_way_nothing_is_lost_or_doubled:
        full = metafunc.config.getoption("--full")
        metafunc.parametrize("way", ["buttons", "words"] if full else ["both"])


@dataclass
class Decider:
    """Decides each thing once, when it is asked for and its turn has come: by button, or in words."""

    talk: Talk
    way: str
    done: list[str] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)

    async def look(self) -> None:
        label = next((x for x in WORDS if x not in self.done), "")
        ts = self.talk.with_button(label) if label else ""
        if ts and (
            self.way == "words" or (self.way == "both" and label != "Keep all")
        ):  # whether anybody listens or not
            self.talk.human.say(WORDS[label], thread=self.talk.root)
            self.done.append(label)
            return
        if not ts and label in self.tried:  # it counted, though the process died before it could say so
            self.done.append(label)
        if ts:
            self.tried.add(label)
            pressed = self.talk.human.press(ts, label)
            await asyncio.wait({asyncio.create_task(pressed.acked.wait())}, timeout=5)
            self.done += [label] if pressed.acked.is_set() else []


@pytest.mark.timeout(1_800)
async def test_killed_on_the_way_nothing_is_lost_or_doubled(
    stage: Stage, slack: SlackTwin, way: str, *, full: bool
) -> None:
    """Each process dies around its so manyth event, and the next one goes on. ``--full``: every few events."""
    talk = Talk(slack, stage.sample.task)
    decider, deaths = Decider(talk, way), 0
    for number in range(400):
        where = "after" if number % 2 == 0 else "before"
        step = 3 + number % 4 if full else 40  # a model's request and its reply have to fit into a life
        async with stage.serving(CODEBUTLER_CRASH_AT=f"{where}:{step}") as process:
            if not talk.root:
                await talk.begin()
            while process.returncode is None and not talk.over():
                await decider.look()
                await asyncio.sleep(0.05)
        deaths += process.returncode == -signal.SIGKILL
        if talk.over():
            break
    assert deaths >= (20 if full else 2)
    assert set(talk.marks().values()) == {1}
    assert len(talk.human.thread(talk.root)) == len(talk.marks())
    assert "2 kg" in stage.git("log", "-1", "--format=%B", "main", where=stage.sample.remote)


async def test_the_demo_plays_in_slack(stage: Stage) -> None:
    run = await stage.cli("demo", "--slack", "--folder", str(stage.home / "demo"))
    assert run.code == 0, run.stderr


async def test_a_channel_whose_config_is_not_committed_says_so(stage: Stage, slack: SlackTwin) -> None:
    settings = {key: value for key, value in slack.settings().items() if key != "channelID"}
    stage.configure({"slack": settings})
    own = stage.sample.repo / ".codebutler/config.json"
    own.parent.mkdir(exist_ok=True)
    own.write_text('{"slack": {"channelID": "CSHOP0001"}}')
    talk = Talk(slack, stage.sample.task)
    async with stage.process("serve"):
        await talk.begin()
        async with asyncio.timeout(60):
            while not slack.workspace.ephemeral:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
    [told] = slack.workspace.ephemeral
    assert "`.codebutler/config.json` names it, but that is not committed" in told["text"]
