"""The app's own tab: a person's open threads with their cost, and how to begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.markup import escaped
from codebutler.surfaces.wording import load
from codebutler.thread.render import money
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing
    from codebutler.surfaces.slack.link import Link

MOST = 20
LOOKED = 100
"""Open threads that are looked at, the last changed first."""
MORE = "More are open: these are the ones that changed last."
BEGIN = (
    "Write in the repo's channel, mention me anywhere, or write to me directly: each message opens a thread."
    " `/codebutler help` lists the commands."
)


async def publish(link: Link, user: str) -> None:
    """Bring one person's tab up to date."""
    parts: list[Json] = [_header("Your open threads")]
    for door in link.doors:
        parts += await _threads(link, door, user)
    if len(parts) == 1:
        parts.append(_section("None at present."))
    settings = link.settings
    channels = ", ".join(f"<#{c}>" for door in link.doors for c in sorted(door.channels)) or "none"
    users = f"{len(settings.users)} people" if settings.users else "everybody in the channel"
    where = "anywhere" if settings.elsewhere else "in the channels only"
    facts = f"Channels: {channels} · may use it: {users} · mentions: {where}"
    parts += [_header("How to begin"), _section(BEGIN), _context(facts)]
    await link.calls.call("views.publish", user_id=user, view={"type": "home", "blocks": parts[:100]})


async def _threads(link: Link, door: Hearing, user: str) -> list[Json]:
    us = await link.us()
    parts: list[Json] = []
    living = [bound for bound in await door.store.bound(SURFACE) if bound.phase != "closed"]
    for bound in living[:LOOKED]:
        state = await load(door.store, bound.thread)
        if state.opened is None or state.opened.owner.id != user:
            continue
        if len(parts) == MOST:
            return [*parts, _context(MORE)]
        title = escaped(state.opened.title)
        outcome = f", {state.outcome}" if state.outcome else ""
        words = f"<{us.link(bound.external_id)}|{title}>\n{state.phase}{outcome} · {money(state.usd)}"
        parts.append(_section(words[:2_900]))
    return parts


def _header(words: str) -> Json:
    return {"type": "header", "text": {"type": "plain_text", "text": words}}


def _section(words: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": words}}


def _context(words: str) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": words[:2_900]}]}
