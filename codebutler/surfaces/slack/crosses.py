"""Crosses that were put on messages while nobody listened. Slack says who, not when: each counts once.

One that was heard before has its event in the log; one that was refused is noted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from codebutler.store.store import Store
from codebutler.surfaces.slack.inbound import STOPS, Heard, Self
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing


async def missed_crosses(
    door: Hearing, thread: str, conversation: str, stands: Mapping[str, Json], us: Self, *, late: bool
) -> None:
    """Hear of crosses on our messages, and on those that were said to us, in what stands in a thread.

    ``late``: what they were to stop is over, so they stop nothing that comes later either.
    """
    channel, _, root = conversation.partition(":")
    crosses = [(ts, user) for ts, message in stands.items() for user in _crossed(message, us)]
    if not crosses:
        return
    keys = {row.key for row in await door.store.events(thread)}
    for ts, user in crosses:
        missed = Heard("cancel", channel, ts, root, user)
        ours = us.wrote(stands[ts]) or f"{SURFACE}:{channel}:{ts}" in keys
        known = any(key.startswith(f"{SURFACE}:{missed.key}") for key in keys)
        if not ours or known or await door.store.noted(refused(missed)):
            continue
        if late:
            await door.store.note(refused(missed), "1")
        else:
            await door.hear(missed)


async def counted(store: Store, heard: Heard) -> bool:
    """Whether a look has found this cross, whose event comes late."""
    key = f"{SURFACE}:{replace(heard, when='').key}"
    found = await store.said(SURFACE, f"{heard.channel}:", key) if heard.when else None
    return found is not None and float(heard.when) <= found.ts


def refused(heard: Heard) -> str:
    """Under which name it is noted that this person's cross on this message does not count."""
    return f"{SURFACE}:refused:{heard.channel}:{heard.ts}:{heard.user}"


def _crossed(message: Json, us: Self) -> Iterator[str]:
    """Who put a cross on a message; each person once."""
    reactions = [r for r in message.get("reactions") or [] if r.get("name") in STOPS]
    users = dict.fromkeys(str(user) for r in reactions for user in r.get("users") or [])
    yield from (user for user in users if user != us.user)
