"""The demo's thread in a Slack workspace that exists in memory: its messages are printed as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from codebutler.cli.common import load
from codebutler.commands.builtin import REGISTRY
from codebutler.service.app import Place, open_host
from codebutler.service.doors import Doors, open_links
from codebutler.service.owner import Owner
from codebutler.surfaces.terminal import plain
from codebutler.testing.slack.human import Human
from codebutler.testing.slack.server import SlackTwin
from codebutler.thread.engine import Engine
from codebutler.thread.state import ThreadState
from codebutler.types import Json

PRESSES = ("Approve", "Keep all", "Merge")
"""What the person presses, in this order."""
LOOK = 0.05
"""Seconds between looks at the channel."""


def flags(slack: SlackTwin) -> dict[str, Any]:
    """The configuration that knows this workspace only."""
    given = {f"slack.{key}": value for key, value in slack.settings().items()}
    return {**given, "threads.burstSeconds": 0.0}


async def play(place: Place, slack: SlackTwin, task: str) -> ThreadState:
    """The whole thread, its buttons pressed by the person of the demo."""
    host = await open_host(place)
    owner = Owner.take(place.repo, place.home)
    links = open_links(place.config)
    link = links.slack
    assert link is not None and owner is not None  # noqa: S101, PT018 - a fresh repo and the tokens above
    doors = Doors(place.config, host.store, links)
    engine = Engine(host, REGISTRY, doors.surfaces, doors.listener, rested=doors.rested)
    doors.attach(engine)
    running = [asyncio.create_task(engine.run()), asyncio.create_task(links.run())]
    try:
        await link.connected.wait()
        talk = _Talk(Human(slack), task)
        while not talk.over:
            talk.look()
            await asyncio.sleep(LOOK)
        thread = await host.store.find("slack", f"{talk.human.channel}:{talk.root}")
        return await load(host.store, thread or "")
    finally:
        running[1].cancel()
        await engine.close(patience=5.0)
        for task_ in running:
            task_.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await link.close()
        await owner.release()
        await host.close()


class _Talk:
    """Prints what is new, and presses the next button."""

    def __init__(self, human: Human, task: str) -> None:
        self.human = human
        self.over = False
        self._shown: set[str] = set()
        self._presses = list(PRESSES)
        self.root = human.say(task)
        print(f"#codebutler-shop\n\nrobin  {task}\n")

    def look(self) -> None:
        """Show what is new, and answer it."""
        for message in self.human.thread(self.root):
            if message["ts"] not in self._shown:
                self._shown.add(message["ts"])
                self._show(message)
        self._press()

    def _show(self, message: Json) -> None:
        labels = list(_labels(message))
        words = "\n".join(f"    {line}" for line in plain(message["text"]).splitlines())
        buttons = "    " + " ".join(f"[ {label} ]" for label in labels) + "\n" if labels else ""
        print(f"  codebutler\n{words}\n{buttons}", flush=True)
        self.over = "*Usage*" in message["text"]

    def _press(self) -> None:
        """The next button, once it is there."""
        for message in self.human.thread(self.root):
            if self._presses and self._presses[0] in _labels(message):
                label = self._presses.pop(0)
                print(f"robin  presses [ {label} ]\n", flush=True)
                self.human.press(message["ts"], label)


def _labels(message: Json) -> Iterator[str]:
    for block in message.get("blocks", []):
        for element in block.get("elements", []):
            if element.get("type") == "button":
                yield str(element["text"]["text"])
