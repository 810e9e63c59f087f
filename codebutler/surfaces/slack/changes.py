"""What nobody has read yet and was changed or taken back while nobody listened; and crosses of that time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from codebutler.events import MessageReceived
from codebutler.surfaces.files import taken_out
from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.crosses import missed_crosses
from codebutler.surfaces.slack.inbound import Heard, Self, standing_files, words
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.pages import replies
from codebutler.surfaces.wording import at_work, load
from codebutler.thread.state import ThreadState
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing
    from codebutler.surfaces.slack.link import Link

DAYS = 2
THREADS = 50
"""Threads that are looked at, the last changed first: in others nothing is unread as a rule."""
MARGIN = 60.0
"""Seconds by which a thread may have come to its end before a look, and a cross on it after that."""
LOOKED = f"{SURFACE}:crosses"
"""Where it stands when the last complete look for changes began."""


async def missed_changes(link: Link, door: Hearing) -> None:
    """Hear of changes to what is unread, and of crosses on what is at work. Raises SlackAway."""
    us, begun = await link.us(), time.time()
    last = float(await door.store.noted(LOOKED) or 0) - MARGIN
    for bound in (await door.store.bound(SURFACE))[:THREADS]:
        if bound.changed < begun - DAYS * 86_400:
            break
        if bound.phase == "closed":
            continue
        state = await load(door.store, bound.thread)
        late = not at_work(state)
        if late and bound.changed < last:
            continue
        try:
            stands = await _standing(link, bound.external_id)
        except SlackRefused as error:
            link.log.info("changes in %s cannot be read: %s", bound.external_id, error)
            continue
        for ts, said in _unread(state, bound.external_id).items():
            change = _change(bound.external_id, ts, said, stands.get(ts), us)
            if change is not None:
                await door.hear(change)
        await missed_crosses(door, bound.thread, bound.external_id, stands, us, late=late)
    await door.store.note(LOOKED, f"{begun:.6f}")


def _unread(state: ThreadState, conversation: str) -> dict[str, MessageReceived]:
    """Unread messages that people wrote here, by their ts."""
    channel = conversation.partition(":")[0]
    return {
        said.key.removeprefix(f"{channel}:"): said
        for said in state.unread.values()
        if said.external_id == conversation and said.key.startswith(f"{channel}:") and not said.action
    }


def _change(conversation: str, ts: str, said: MessageReceived, stands: Json | None, us: Self) -> Heard | None:
    channel, _, root = conversation.partition(":")
    who = said.author.id
    if stands is None or stands.get("subtype") == "tombstone":
        return Heard("delete", channel, ts, root, who)
    text, edited = words(stands, us), stands.get("edited") or {}
    files = standing_files(stands)
    gone = taken_out(said.attachments, files)
    if not text and not files and (said.text or said.attachments):
        return Heard("delete", channel, ts, root, who)
    if not gone and (not edited or text == said.text):
        return None
    when = str(edited.get("ts") or "") or ",".join(sorted(gone))
    return Heard("edit", channel, ts, root, who, text=text, files=files, when=when)


async def _standing(link: Link, conversation: str) -> dict[str, Json]:
    """What stands in a thread now, by ts; nothing when it is gone with its first message."""
    try:
        return {str(m["ts"]): m async for m in replies(link.calls, conversation)}
    except SlackRefused as error:
        if error.error != "thread_not_found":
            raise
        return {}
