"""What connections to platforms share: the repos that hear, small things on the side, and looks back."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable
from typing import Any, Generic, Protocol, TypeVar

from codebutler.errors import CodeButlerError

PATROL = 600.0
"""Seconds between looks without any sign that something was missed."""
AGAIN = 5.0
"""Seconds before a look that failed is taken again; doubled each time up to ``PATROL``."""
H_contra = TypeVar("H_contra", contravariant=True)


class Ears(Protocol[H_contra]):
    """A repo that hears."""

    async def hear(self, heard: H_contra) -> bool:
        """Whether it was this repo's; then it is in its store."""


H = TypeVar("H")
D = TypeVar("D", bound=Ears[Any])


class Connection(Generic[D, H]):
    """One platform's, for all repos of a process."""

    def __init__(self, log: logging.Logger) -> None:
        """Nobody hears yet."""
        self.log = log
        self.doors: list[D] = []
        self.connected = asyncio.Event()
        self.hello = asyncio.Event()
        """Set whenever a connection was made: whatever came before it may be unheard."""
        self.caught_up = asyncio.Event()
        """Set when what was missed before the first connection is heard."""
        self._later: set[asyncio.Task[None]] = set()

    def join(self, door: D) -> None:
        """One more repo hears what comes. One that comes late hears what it has missed."""
        self.doors.append(door)
        if self.connected.is_set():
            self.hello.set()

    def leave(self, door: D) -> None:
        """A repo hears no more; what is for it meanwhile is found when it is back."""
        if door in self.doors:
            self.doors.remove(door)

    def later(self, work: Coroutine[Any, Any, object]) -> None:
        """Do something that nobody waits for; what the platform says against it is only logged."""
        task = asyncio.create_task(self._quietly(work))
        self._later.add(task)
        task.add_done_callback(self._later.discard)
        task.add_done_callback(lambda _: work.close())  # one that was cancelled before its first step

    async def _quietly(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except CodeButlerError as error:  # the platform says no, or the repo's store is closed by now
            self.log.info("left undone: %s", error)
        except Exception:  # a fault of ours in a small thing must not stay silent
            self.log.exception("a small thing went wrong")

    async def in_turn(self, doors: Iterable[D], heard: H) -> bool:
        """Whether it was anybody's. What fails in one repo keeps no other from hearing it."""
        failed: Exception | None = None
        for door in doors:
            try:
                if await door.hear(heard):
                    return True
            except Exception as error:  # noqa: BLE001 - raised below, unless it was another repo's to hear
                failed = failed or error
        if failed is not None:
            raise failed
        return False


class Looks(ABC, Generic[D]):
    """Looks after every new connection, and now and then."""

    def __init__(self, link: Connection[D, Any], *, patrol: float = PATROL, again: float = AGAIN) -> None:
        """For all doors of ``link``."""
        self._hearers = link
        self._patrol = patrol
        self._again = again
        self.looked = 0
        """Complete looks so far."""

    @abstractmethod
    async def whole(self, door: D) -> None:
        """Hear everything that one repo may have missed. CodeButlerError when it broke off."""

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            try:
                async with asyncio.timeout(self._patrol):
                    await self._hearers.hello.wait()
            except TimeoutError:
                if not self._hearers.connected.is_set():
                    continue
            self._hearers.hello.clear()
            if await self._each():
                failures = 0
                self.looked += 1
                self._hearers.caught_up.set()
            else:
                await asyncio.sleep(min(self._again * 2.0 ** min(failures, 30), self._patrol))
                failures += 1
                self._hearers.hello.set()

    async def _each(self) -> bool:
        """Whether every repo has heard all; what is in the way of one keeps no other from it."""
        fine = True
        for door in list(self._hearers.doors):
            try:
                await self.whole(door)
            except CodeButlerError as error:
                fine = False
                self._hearers.log.warning("catching up is interrupted: %s", error)
            except Exception:  # an answer that fits no shape must not end the service
                fine = False
                self._hearers.log.exception("catching up went wrong")
        return fine
