"""Webhooks: signed deliveries with an id of their own, sent once, and again on demand."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codebutler.testing.github.faults import Faults
from codebutler.testing.github.project import Project
from codebutler.types import Json

if TYPE_CHECKING:
    import aiohttp

DELAY = 0.05
"""Seconds by which a delayed delivery comes after the next one."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Where events of one repository ("" = all) go, and the secret that signs them."""

    url: str
    secret: str
    project: str = ""


@dataclass(slots=True)
class Delivery:
    """What was sent. ``status`` 0: not answered, or not sent at all."""

    guid: str
    event: str
    body: bytes
    hook: Hook
    status: int = 0


def signature(secret: str, body: bytes) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(event: str, guid: str, body: bytes, secret: str) -> dict[str, str]:
    """The headers of a delivery."""
    return {
        "Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/twin", "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid, "X-GitHub-Hook-ID": "1", "X-Hub-Signature-256": signature(secret, body),
    }  # fmt: skip


@dataclass
class Hooks:
    """All webhooks of the twin."""

    faults: Faults
    hooks: list[Hook] = field(default_factory=list)
    sent: list[Delivery] = field(default_factory=list)
    _session: aiohttp.ClientSession | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def tell(self, project: Project, event: str, payload: Json) -> None:
        """Deliver an event to those who asked for the repository's."""
        body = json.dumps(payload).encode()
        for hook in self.hooks:
            if hook.project in ("", project.full_name):
                delivery = Delivery(str(uuid.uuid4()), event, body, hook)
                self.sent.append(delivery)
                fault = self.faults.of_delivery()
                if fault != "drop":
                    self.send(delivery, after=DELAY if fault == "delay" else 0.0)
                if fault == "duplicate":
                    self.send(delivery)

    def send(self, delivery: Delivery, *, after: float = 0.0) -> None:
        """Send it, or send it again with the same id."""
        task = asyncio.create_task(self._send(delivery, after))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until everything that was sent is answered."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def _send(self, delivery: Delivery, after: float) -> None:
        import aiohttp

        await asyncio.sleep(after)
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        hook = delivery.hook
        sent = headers(delivery.event, delivery.guid, delivery.body, hook.secret)
        try:
            async with self._session.post(hook.url, data=delivery.body, headers=sent) as answer:
                delivery.status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            delivery.status = 0

    async def stop(self) -> None:
        """Nothing more is sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
