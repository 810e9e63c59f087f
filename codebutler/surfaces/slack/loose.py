"""A word to a thread that stands in the channel itself; see ``surfaces.loose``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.surfaces.loose import Loose, shown, told
from codebutler.surfaces.slack.inbound import Heard
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.markup import escaped

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing


async def is_loose(door: Hearing, heard: Heard, *, under: bool = False) -> bool:
    """Whether it asks for nothing; its author is told so, once.

    It belongs to no thread of ours. ``under``: it replies to what is none either.
    """
    itself = heard.top or heard.direct or under
    if heard.kind != "message" or not itself or not _of(door).is_one(heard.text, heard.files):
        return False
    if await _of(door).is_new(f"{heard.channel}:{heard.ts}"):
        door.link.later(_tell(door, heard))
    return True


async def put_right(door: Hearing, heard: Heard) -> bool:
    """Whether a change makes a request of such a word."""
    about = f"{heard.channel}:{heard.ts}"
    return await _of(door).put_right(heard.kind, about, heard.text, heard.files)


async def _tell(door: Hearing, heard: Heard) -> None:
    us = await door.link.us()
    found = await _of(door).waiting(heard.text, lambda there: there.startswith(f"{heard.channel}:"))
    named = [f"<{us.link(there)}|{escaped(title) or 'this thread'}>" for there, title in found]
    root = "" if heard.top else heard.root
    await door.whisper(heard.channel, heard.user, told(escaped(shown(heard.text)), named), root)


def _of(door: Hearing) -> Loose:
    return Loose(door.store, SURFACE)
