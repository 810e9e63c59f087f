"""What nobody has read yet and was changed or taken back while nobody listened; and crosses of that time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from codebutler.surfaces.discord import inbound
from codebutler.surfaces.discord.calls import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, DiscordRefused
from codebutler.surfaces.discord.crosses import missed_crosses
from codebutler.surfaces.discord.inbound import SURFACE, Heard
from codebutler.surfaces.discord.places import placed
from codebutler.surfaces.files import taken_out
from codebutler.surfaces.wording import at_work, load

if TYPE_CHECKING:
    from codebutler.events import MessageReceived
    from codebutler.surfaces.discord.hearing import Hearing
    from codebutler.surfaces.discord.link import Link

DAYS = 2
THREADS, MESSAGES = 50, 20
"""Threads that are looked at, the last changed first, and messages of each: as a rule nothing is unread."""
MARGIN = 60.0
"""Seconds by which a thread may have come to its end before a look, and a cross on it after that."""
LOOKED = f"{SURFACE}:crosses"
"""Where it stands when the last complete look for changes began."""


async def missed_changes(link: Link, door: Hearing) -> None:
    """Hear of changes to what is unread, and of crosses on what is at work. Raises DiscordAway."""
    begun, last = time.time(), float(await door.store.noted(LOOKED) or 0) - MARGIN
    for bound in (await door.store.bound(SURFACE))[:THREADS]:
        if bound.changed < begun - DAYS * 86_400:
            break
        if bound.phase == "closed":
            continue
        state = await load(door.store, bound.thread)
        unread = state.unread.values()
        here = [said for said in unread if said.external_id == bound.external_id and not said.action]
        for said in here[:MESSAGES]:
            change = await _change(link, said)
            if change is not None:
                await door.hear(change)
        late = not at_work(state)
        if (late and bound.changed < last) or not placed(bound.external_id):
            continue
        try:
            await missed_crosses(link, door, bound.thread, bound.external_id, late=late)
        except DiscordRefused as error:  # such as a thread that is gone, or that is not opened yet
            link.log.info("crosses in %s cannot be read: %s", bound.external_id, error)
    await door.store.note(LOOKED, f"{begun:.6f}")


async def _change(link: Link, said: MessageReceived) -> Heard | None:
    """What has become of a message; None where it stands as it was heard, or cannot be read."""
    channel, _, name = said.key.partition(":")
    if said.surface != SURFACE or not channel.isdigit() or not name.isdigit():
        return None  # a form or a command: there is no message
    try:
        row = await link.calls.call(
            "GET", "/channels/{channel_id}/messages/{message_id}", channel_id=channel, message_id=name
        )
    except DiscordRefused as error:
        if error.code in {UNKNOWN_MESSAGE, UNKNOWN_CHANNEL}:
            return Heard("delete", channel, name, said.author.id)
        link.log.info("changes in %s cannot be read: %s", channel, error)
        return None
    us = await link.us()
    heard = inbound.message(link.spelling.spelt({**row, "channel_id": channel}, us), us, kind="edit")
    if heard is None:
        return None
    if not heard.text and not heard.files:
        return Heard("delete", channel, name, said.author.id)
    if not taken_out(said.attachments, heard.files, name="filename") and (
        not heard.when or heard.text == said.text
    ):
        return None
    return replace(heard, user=said.author.id)
