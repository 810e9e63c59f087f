"""Whose an event is, when several repos hear: a thread's own repo, else its channel's, else the first one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from codebutler.surfaces.slack.inbound import Heard
from codebutler.surfaces.slack.intake import SURFACE

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing


async def by_claim(doors: Iterable[Hearing], heard: Heard) -> list[Hearing]:
    """The doors in the order in which they are asked, whenever each of them came."""
    claims = [(await _claim(door, heard), door.rank, n, door) for n, door in enumerate(list(doors))]
    return [door for _, _, _, door in sorted(claims, key=lambda claim: claim[:3])]


async def _claim(door: Hearing, heard: Heard) -> int:
    if await door.store.find(SURFACE, heard.conversation) is not None:
        return 0
    return 1 if heard.channel in door.channels else 2


async def anothers(door: Hearing, heard: Heard) -> bool:
    """Whether another repo has the thread."""
    others = [other for other in door.link.doors if other is not door]
    return any([await other.store.find(SURFACE, heard.conversation) is not None for other in others])


def claimed(door: Hearing, channel: str) -> bool:
    """Whether the channel is another repo's, be it at work now or not."""
    return channel in door.foreign or any(channel in d.channels for d in door.link.doors if d is not door)


def opener(doors: Iterable[Hearing], channel: str) -> Hearing | None:
    """The door that opens threads there for whoever asks: the channel's, else the first repo's; or None."""
    ranked = sorted(doors, key=lambda door: door.rank)
    own = next((door for door in ranked if channel in door.channels), None)
    return own or next((door for door in ranked if door.elsewhere(channel)), None)
