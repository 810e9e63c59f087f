"""A daemon for one repo: threads that are asked for at its start, and consent to whatever they ask.

Run by test_kills_under_load.py, and killed by it.

Usage: serve_child.py REPO HOME SHOWN COUNT — SHOWN is the file of a platform that shows each mark once
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from codebutler.commands.builtin import REGISTRY
from codebutler.events import parse
from codebutler.service.app import find_place, open_host
from codebutler.service.owner import Owner
from codebutler.thread.engine import Engine
from codebutler.thread.fold import fold
from codebutler.thread.state import ThreadState
from codebutler.types import Capabilities, Inbound, Outbound, Person

ROBIN = Person(surface="terminal", id="robin", name="Robin")
LOOK = 0.1
"""Seconds between the person's looks at a thread."""


class Platform:
    """A door that appends to a file what it is given, with the mark: a reader drops repeated marks."""

    name = "terminal"
    capabilities = Capabilities(edits=True)

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def deliver(self, external_id: str, message: Outbound, *, mark: str, replaces: str) -> str:
        """One line."""
        line = json.dumps([mark, external_id, message.slot, message.text])
        os.write(self._file, line.encode() + b"\n")
        await asyncio.sleep(0.002)  # a platform answers a little later: a kill may come in between
        return mark

    async def stream(self, external_id: str, role: str, delta: str) -> None:
        """Nothing is shown of it."""


async def attend(engine: Engine, number: int) -> None:
    """Ask, approve, keep nothing in memory, merge. Each under a key that is the same in the next process."""
    conversation = f"c{number}"

    async def say(key: str, text: str = "", action: str = "", value: str = "") -> str:
        return await engine.receive(
            Inbound(
                surface="terminal", external_id=conversation, key=f"{conversation}:{key}", author=ROBIN,
                text=text, action=action, value=value,
            )
        )  # fmt: skip

    thread = await say("task", f"Say hello in greeting-{number:02}.txt")
    while True:
        state = await seen(engine, thread)
        if state.phase == "closed":
            return
        if not state.unended and not state.unread:
            if state.plan is not None and state.plan_waits:
                await say(f"yes:{state.plan.hash}", action="approve", value=state.plan.hash)
            elif state.pr is not None and state.pr_state == "open" and not state.refused:
                await say(f"merge:{state.head}", action="merge", value=str(state.pr.number))
            elif state.refused or state.halted:
                rows = await engine.host.store.events(thread)
                ends = [r.body for r in rows if r.kind in {"merge_refused", "turn_ended"}]
                raise SystemExit(f"{thread} stopped: {ends[-2:]}")
        await asyncio.sleep(LOOK)


async def seen(engine: Engine, thread: str) -> ThreadState:
    """The fold of a thread's log."""
    rows = await engine.host.store.events(thread)
    return fold(thread, ((r.seq, r.ts, parse(r.body)) for r in rows))


async def main() -> None:
    """Serve until all threads are closed."""
    repo, home, shown, count = sys.argv[1:]
    place = await find_place(Path(repo), home=Path(home))
    owner = Owner.take(place.repo, place.home, serves=True)
    if owner is None:
        raise SystemExit("another process holds the repo")
    host = await open_host(place)
    engine = Engine(host, REGISTRY, [Platform(Path(shown))])
    running = asyncio.create_task(engine.run())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    async with asyncio.TaskGroup() as group:
        for number in range(int(count)):
            group.create_task(attend(engine, number))
    await engine.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await owner.release()
    await host.close()


asyncio.run(main())
