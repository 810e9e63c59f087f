"""The outbox's way out: in order per conversation, once per mark, retried until a door takes it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial

from codebutler.errors import CodeButlerError, DoorClosed, StoreGone
from codebutler.store.rows import Post
from codebutler.store.store import Store
from codebutler.types import Outbound, Surface

log = logging.getLogger("codebutler.outbox")
RETRY = 2.0
"""Seconds before a conversation that failed is tried again; doubled each time up to ``LONGEST``."""
LONGEST = 300.0
AT_ONCE = 16
"""Conversations of one door that are delivered to at the same time."""
GIVE_UP = 50
"""Attempts, over about four hours, before a message is marked as failed; the admins see it in the log."""


class Delivery:
    """Delivers pending posts of the doors that this process serves, each door at its own pace."""

    def __init__(self, store: Store, surfaces: Sequence[Surface]) -> None:
        """Posts for other doors stay in the outbox."""
        self._lanes = [_Lane(store, surface) for surface in surfaces]

    def wake(self) -> None:
        """There may be something new."""
        for lane in self._lanes:
            lane.woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(lane.run())
            await (
                asyncio.Event().wait()
            )  # also without a door: whoever awaits this lives as long as the engine

    async def flush(self, *, force: bool = False) -> None:
        """One attempt for everything that is pending; ``force`` also for what failed a moment ago."""
        await asyncio.gather(*(lane.flush(force=force) for lane in self._lanes))


class _Lane:
    """The way to one door. Conversations go side by side; the messages of one go in order."""

    def __init__(self, store: Store, surface: Surface) -> None:
        self.woken = asyncio.Event()
        self._store = store
        self._surface = surface
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._due: dict[str, float] = {}
        """When a conversation that failed is tried again, on the monotonic clock."""

    async def run(self) -> None:
        """The short wait finds posts of other processes and what is to be tried again."""
        try:
            while True:
                try:
                    await self._begin(force=False)
                except StoreGone:
                    raise
                except CodeButlerError as error:  # the store itself: nothing is lost, and it may come back
                    log.error("%s: the outbox cannot be read or written: %s", self._surface.name, error)  # noqa: TRY400
                try:
                    async with asyncio.timeout(RETRY):
                        await self.woken.wait()
                except TimeoutError:
                    continue
        finally:
            await self._stop()

    async def flush(self, *, force: bool = False) -> None:
        """See to it that everything pending had its attempt."""
        try:
            if self._busy:
                await asyncio.gather(*self._busy.values())
            await self._begin(force=force)
            await asyncio.gather(*self._busy.values())
        except BaseException:
            await self._stop()
            raise

    async def _begin(self, *, force: bool) -> None:
        """A task for every conversation with something to deliver, unless it has one."""
        self.woken.clear()
        posts = await self._store.pending_posts(self._surface.name, limit=1_000)
        now = time.monotonic()
        waiting: dict[str, list[Post]] = {}
        for post in posts:
            if force or self._due.get(post.conversation, 0.0) <= now:
                waiting.setdefault(post.conversation, []).append(post)
        for conversation, theirs in waiting.items():
            if conversation not in self._busy:
                task = asyncio.create_task(self._converse(theirs), name=f"deliver {conversation}")
                self._busy[conversation] = task
                task.add_done_callback(partial(self._done, conversation))

    def _done(self, conversation: str, task: asyncio.Task[None]) -> None:
        self._busy.pop(conversation, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s: the outbox cannot be read or written: %s", self._surface.name, error)
        elif conversation not in self._due:
            self.woken.set()  # there may be more by now

    async def _stop(self) -> None:
        tasks = list(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _converse(self, posts: Sequence[Post]) -> None:
        async with self._at_once:
            for index, post in enumerate(posts):
                if _superseded(post, posts[index + 1 :]):
                    await self._store.post_sent(post.id, "")
                elif not await self._deliver(post):
                    return

    async def _deliver(self, post: Post) -> bool:
        replaces = ""
        if post.slot:
            replaces = await self._store.slot_message(post.thread, post.surface, post.conversation, post.slot)
        try:
            message = Outbound.model_validate_json(post.payload)
            async with asyncio.timeout(self._surface.capabilities.patience):
                external = await self._surface.deliver(
                    post.conversation, message, mark=f"{post.thread}:{post.key}", replaces=replaces
                )
        except Exception as error:  # noqa: BLE001 - a door's own failures are many; the message stays and is tried again
            attempts = post.attempts + 1
            words = str(error) or type(error).__name__
            log.warning("%s: could not deliver to %s: %s", post.thread, post.surface, words)
            lost = attempts >= GIVE_UP and not isinstance(error, DoorClosed)
            await self._store.post_failed(post.id, words, final=lost)
            self._due[post.conversation] = time.monotonic() + pause(attempts)
            return False
        self._due.pop(post.conversation, None)
        await self._store.post_sent(post.id, external)
        return True


def pause(attempts: int) -> float:
    """Seconds to wait after so many failed attempts."""
    return min(RETRY * 2.0 ** min(attempts - 1, 30), LONGEST)


def _superseded(post: Post, later: Sequence[Post]) -> bool:
    """A newer message for the same slot is waiting: only the last one need be shown."""
    return bool(post.slot) and any(
        (p.thread, p.conversation, p.slot) == (post.thread, post.conversation, post.slot) for p in later
    )
