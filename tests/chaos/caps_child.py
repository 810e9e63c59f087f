"""A process with an engine of its own whose model costs as much as was reserved for it; prints outcomes.

Run by test_caps_racing.py.

Usage: caps_child.py MODE REPO HOME COUNT — MODE is race (COUNT threads at once) or die (killed in a call)
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from codebutler.commands.builtin import REGISTRY
from codebutler.models.routing import Router
from codebutler.sandbox.settings import SandboxSettings
from codebutler.service.app import find_place, open_store
from codebutler.store.store import Store
from codebutler.testing.doubles import Asked, Door, Puppet, says
from codebutler.thread.engine import Engine
from codebutler.thread.host import Host
from codebutler.types import Inbound, ModelReply, Person

TOKENS = 650_000
WORST = 0.0999
"""What so many tokens of gpt-4o-mini cost, with all that the PM may have written for it."""


async def costly(_asked: Asked) -> ModelReply:
    """As dear as was reserved; all calls of a process are under way at once."""
    await asyncio.sleep(0.3)
    return says("done", usd=WORST)


async def deadly(_asked: Asked) -> ModelReply:
    """Killed while the call is under way."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


async def main() -> None:
    """Open, say something in each conversation, wait, close."""
    mode, repo, home, count = sys.argv[1:]
    env = {**os.environ, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "CODEBUTLER_MODEL": "openai/gpt-4o-mini"}
    place = await find_place(Path(repo), home=Path(home), env=env)
    host = Host(
        repo=place.repo,
        config=place.config,
        home=place.home,
        store=await open_store(place),
        ledger=await Store.open(place.home / "global.db"),
        client=Puppet(deadly if mode == "die" else costly, tokens=TOKENS),
        router=Router(place.config),
        redactor=place.redactor,
        sandbox=SandboxSettings.from_host(),
    )
    engine = Engine(host, REGISTRY, [Door()])
    running = asyncio.create_task(engine.run())
    threads = [await engine.receive(said(n)) for n in range(int(count))]
    await asyncio.gather(*engine._tasks.values())
    for thread in threads:
        row = await host.store.thread(thread)
        sys.stdout.write(f"{row.status if row else 'lost'}\n")
    await engine.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await host.close()


def said(number: int) -> Inbound:
    """The same conversations in every process: thread ids of two repos may be equal."""
    author = Person(surface="terminal", id="robin")
    return Inbound(surface="terminal", external_id=f"c{number}", key=f"k{number}", author=author, text="go")


asyncio.run(main())
