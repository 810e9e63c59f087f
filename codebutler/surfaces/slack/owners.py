"""Whose an event is, when several repos hear: a thread's own repo, else its channel's, else the first one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from codebutler.surfaces import turned
from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.inbound import Heard
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.pages import listed

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing

SAY_IT = "A reaction of somebody else does not stop it; the word `stop` in the thread does."
NOT_YOU = "You are not among the people who may use CodeButler here. An admin can add you to `slack.users`."
UNREAD = "What you write in this thread is not read."
NOT_HERE = (
    "No repo is served here: its own channel is the place, or this one is of a repo that is not at work."
)


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


async def turned_away(door: Hearing, heard: Heard, *, ours: bool) -> bool:
    """Whether its author may not use the door, which they are told, or might not when it was said.

    In a thread of ours (``ours``) they are so once for plain words, too: those that may are heard there.
    """
    if door.allows(heard.user):
        return await turned.kept(door.store, SURFACE, f"{heard.channel}:{heard.ts}")
    door.turn_away(heard, NOT_YOU)
    told = f"{SURFACE}:unlisted:{heard.conversation}:{heard.user}"
    if ours and heard.kind == "message" and not await door.store.noted(told):
        await door.store.note(told, heard.ts)
        if not (heard.mention or heard.direct):
            door.link.later(door.whisper(heard.channel, heard.user, f"{UNREAD} {NOT_YOU}", heard.root))
    await turned.keep(door.store, SURFACE, heard)
    return True


async def unheard(door: Hearing, heard: Heard) -> None:
    """Nothing comes of it here: say so to who called us, and in a channel that is to be this repo's."""
    if await is_nobodys(door, heard):
        door.turn_away(heard, only_in(door.link.doors))
    elif heard.kind == "message" and heard.top and not heard.direct and heard.channel not in door.channels:
        door.link.later(_not_yet(door, heard))


async def _not_yet(door: Hearing, heard: Heard) -> None:
    if door.unsettled is None or claimed(door, heard.channel):
        return
    if why := await door.unsettled(SURFACE, heard.channel, heard.user):
        await door.whisper(heard.channel, heard.user, why)


async def is_nobodys(door: Hearing, heard: Heard) -> bool:
    """Whether no repo hears what is said there, as the host wants it: the first repo's door says so."""
    is_first = not door.rank and not door.settings.elsewhere and heard.kind == "message"
    if not is_first or heard.channel in door.channels or claimed(door, heard.channel):
        return False
    return not await anothers(door, heard)


def only_in(doors: Iterable[Hearing]) -> str:
    """Where we are to be spoken to in place of here, as mrkdwn."""
    channels = ", ".join(f"<#{channel}>" for door in doors for channel in sorted(door.channels))
    return f"I am not to be spoken to here. Write in {channels}." if channels else NOT_HERE


def opener(doors: Iterable[Hearing], channel: str) -> Hearing | None:
    """The door that opens threads there for whoever asks: the channel's, else the first repo's; or None."""
    ranked = sorted(doors, key=lambda door: door.rank)
    own = next((door for door in ranked if channel in door.channels), None)
    return own or next((door for door in ranked if door.elsewhere(channel)), None)


async def find_channel(door: Hearing) -> None:
    """The repo's channel by its name, where no id is configured. One that is another repo's stays theirs."""
    name, link = (door.settings.channel_name or "").removeprefix("#"), door.link
    if door.channels or not name:
        return
    kinds = "public_channel,private_channel"
    listing = listed(link.calls, "conversations.list", "channels", types=kinds, exclude_archived=True)
    try:
        found = {str(c["id"]) async for c in listing if c.get("name") == name}
    except SlackRefused as error:
        fix = "Name the channel by its id (slack.channelID)."
        await link.troubles.tell("find_channel", f"#{name} cannot be looked up: {error} {fix}")
        return
    theirs = {channel for channel in found if claimed(door, channel)}
    if theirs:
        fix = "Give each repo a channel of its own in slack.channelID or slack.channelName."
        await link.troubles.tell(f"theirs {name}", f"#{name} is another repo's channel already. {fix}")
    door.channels |= found - theirs
