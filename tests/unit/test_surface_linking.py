"""What the doors' connections share: looks that go on whatever one repo does, admins told once."""

from __future__ import annotations

import asyncio
import inspect
import logging

from codebutler.errors import CodeButlerError
from codebutler.surfaces.linking import Connection, Looks
from codebutler.surfaces.telling import Admins


class Ears:
    def __init__(self, fails: list[Exception]) -> None:
        self.fails = fails
        self.heard: list[str] = []

    async def hear(self, heard: str) -> bool:
        if self.fails:
            raise self.fails.pop(0)
        self.heard.append(heard)
        return True


class Rounds(Looks[Ears]):
    async def whole(self, door: Ears) -> None:
        await door.hear("look")


async def test_a_look_is_whole_when_every_repo_has_heard_all() -> None:
    link: Connection[Ears, str] = Connection(logging.getLogger("test"))
    broken, fine = Ears([CodeButlerError("away"), KeyError("ts")]), Ears([])
    link.join(broken)
    link.join(fine)
    looks = Rounds(link, again=0.001)
    running = asyncio.create_task(looks.run())
    link.hello.set()
    await asyncio.wait_for(link.caught_up.wait(), 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (looks.looked, broken.heard, fine.heard) == (1, ["look"], ["look"] * 3)


async def test_what_one_repo_cannot_take_another_hears() -> None:
    link: Connection[Ears, str] = Connection(logging.getLogger("test"))
    broken, fine = Ears([CodeButlerError("full")]), Ears([])
    assert await link.in_turn([broken, fine], "hello")
    assert (broken.heard, fine.heard) == ([], ["hello"])


async def test_an_admin_who_cannot_be_told_keeps_no_other_from_hearing() -> None:
    said: list[str] = []

    class Told(Admins):
        async def say(self, place: str, words: str) -> None:
            if place == "U1":
                raise CodeButlerError("no such user")
            said.append(f"{place} {words}")

    admins = Told(logging.getLogger("test"), channel="", admins=["U1", "U2"])
    for _ in range(2):
        await admins.tell("token", "renew it")
    assert said == ["U2 renew it"]


async def test_small_things_that_are_called_off_before_they_begin_leave_nothing() -> None:
    async def thing() -> None:
        raise AssertionError("it was not to begin")

    link: Connection[Ears, str] = Connection(logging.getLogger("test"))
    work = thing()
    link.later(work)
    tasks = list(link._later)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED
