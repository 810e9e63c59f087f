"""A word to a thread that stands in a channel itself; see ``surfaces.loose``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.surfaces.discord import looks
from codebutler.surfaces.discord.doing import linked
from codebutler.surfaces.discord.inbound import SURFACE, Heard
from codebutler.surfaces.discord.places import Place, parent_of
from codebutler.surfaces.loose import Loose, shown, told

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing


async def is_loose(door: Hearing, heard: Heard, place: Place) -> bool:
    """Whether it asks for nothing; its author is told so, once. It belongs to no thread of ours."""
    alone = not place.thread and not heard.quote and _of(door).is_one(heard.text, heard.files)
    if heard.kind != "message" or not alone:
        return False
    if await _of(door).is_new(f"{heard.channel}:{heard.id}"):
        door.link.later(tell(door, heard, await words(door, heard.channel, heard.text)))
    return True


async def not_yet(door: Hearing, heard: Heard, place: Place) -> None:
    """Tell who writes in a channel that is to be this repo's why nothing comes of it."""
    if heard.kind != "message" or place.direct or place.thread or door.unsettled is None:
        return
    if any(place.id in each.channels for each in door.link.doors) or place.id in door.foreign:
        return
    if why := await door.unsettled(SURFACE, place.id, heard.user):
        await tell(door, heard, why)


async def put_right(door: Hearing, heard: Heard) -> bool:
    """Whether a change makes a request of such a word."""
    about = f"{heard.channel}:{heard.id}"
    return await _of(door).put_right(heard.kind, about, heard.text, heard.files)


async def words(door: Hearing, channel: str, word: str) -> str:
    """What to say of a word that is said in ``channel``."""
    found = await _of(door).waiting(word, lambda there: parent_of(there) == channel)
    return told(shown(word), [await linked(door.link, door, there) for there, _ in found])


async def tell(door: Hearing, heard: Heard, content: str) -> None:
    """Below the message: there is no word that only one person sees without an interaction."""
    body = {
        "content": content, "allowed_mentions": looks.NOBODY,
        "nonce": looks.nonce(f"loose:{heard.id}", 0), "enforce_nonce": True,
        "message_reference": {"message_id": heard.id, "fail_if_not_exists": False},
    }  # fmt: skip
    path = "/channels/{channel_id}/messages"
    await door.link.calls.call("POST", path, body=body, channel_id=heard.channel)


def _of(door: Hearing) -> Loose:
    return Loose(door.store, SURFACE)
