"""What the soak of a chat door does, whichever twin is behind it."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path
from typing import Any

from codebutler.thread import deliver
from codebutler.thread.log import ThreadLog
from codebutler.types import Inbound, Outbound


class Soak:
    """Requests that are answered with so many messages ``each``, while a delivery runs."""

    def __init__(self, desk: Any, *, threads: int, each: int) -> None:
        self.desk, self.threads = desk, threads
        self.answers = [f"line {n}" for n in range(each)]
        self.delivery = deliver.Delivery(desk.store, [desk.door])
        self.opened: dict[str, str] = {}
        self.before = 0
        desk.door.hearing.receive = self._work

    async def _work(self, inbound: Inbound) -> str:
        thread = str(await self.desk._receive(inbound))
        if thread not in self.opened:
            self.opened[thread] = inbound.external_id
            log = await ThreadLog.claim(self.desk.store, thread, str)
            for n, text in enumerate(self.answers):
                await log.post(Outbound(text=text), key=f"p{n}")
            self.delivery.wake()
        return thread

    async def begin(self) -> list[str]:
        """Make the requests; returns what each is called."""
        self.running = asyncio.create_task(self.delivery.run())
        roots = []
        for number in range(self.threads):
            roots.append(self.desk.human.say(f"request {number}"))
            if number % 20 == 0:
                await asyncio.sleep(0.01)
        return roots

    @property
    def all_opened(self) -> bool:
        return len(self.opened) >= self.threads

    async def goes_on(self) -> bool:
        """Whether there is something yet to be heard or delivered."""
        goes = not self.all_opened or bool(await self.desk.store.pending_posts(self.desk.door.name, limit=1))
        if goes:
            self.before = self.before or _most()
        return goes

    async def end(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    def left_nothing_behind(self) -> None:
        grown = _most() - self.before
        assert grown < 200_000, f"{grown} KiB"  # the twin itself keeps all 10,000 messages
        assert len(list(Path("/proc/self/fd").iterdir())) < 200


def _most() -> int:
    """Memory of this process at its largest, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
