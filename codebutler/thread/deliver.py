"""The outbox's way out: in order per conversation, once per mark, retried until a door takes it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from codebutler.store.rows import Post
from codebutler.store.store import Store
from codebutler.types import Outbound, Surface

log = logging.getLogger("codebutler.outbox")
RETRY = 2.0
"""Seconds before a door that failed is tried again."""
GIVE_UP = 50
"""Attempts before a message is marked as failed; the admins see it in the log."""


class Delivery:
    """Delivers pending posts of the doors that this process serves."""

    def __init__(self, store: Store, surfaces: Sequence[Surface]) -> None:
        """Posts for other doors stay in the outbox."""
        self._store = store
        self._surfaces = {s.name: s for s in surfaces}
        self._wake = asyncio.Event()
        self._lock = asyncio.Lock()

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled. The short wait finds posts of other processes and retries failures."""
        while True:
            await self.flush()
            self._wake.clear()
            try:
                async with asyncio.timeout(RETRY):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def flush(self) -> None:
        """One attempt for everything that is pending."""
        async with self._lock:
            for surface in self._surfaces.values():
                posts = await self._store.pending_posts(surface.name, limit=1_000)
                blocked: set[str] = set()
                for index, post in enumerate(posts):
                    if post.conversation in blocked:
                        continue
                    if _superseded(post, posts[index + 1 :]):
                        await self._store.post_sent(post.id, "")
                    elif not await self._deliver(surface, post):
                        blocked.add(post.conversation)

    async def _deliver(self, surface: Surface, post: Post) -> bool:
        replaces = ""
        if post.slot:
            replaces = await self._store.slot_message(post.thread, post.surface, post.conversation, post.slot)
        try:
            message = Outbound.model_validate_json(post.payload)
            external = await surface.deliver(
                post.conversation, message, mark=f"{post.thread}:{post.key}", replaces=replaces
            )
        except Exception as error:  # noqa: BLE001 - a door's own failures are many; the message stays and is tried again
            log.warning("%s: could not deliver to %s: %s", post.thread, surface.name, error)
            await self._store.post_failed(post.id, str(error), final=post.attempts + 1 >= GIVE_UP)
            return False
        await self._store.post_sent(post.id, external)
        return True


def _superseded(post: Post, later: Sequence[Post]) -> bool:
    """A newer message for the same slot is waiting: only the last one need be shown."""
    return bool(post.slot) and any(
        (p.thread, p.conversation, p.slot) == (post.thread, post.conversation, post.slot) for p in later
    )
