"""What is left of buttons once it is decided: who decided, and when."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from codebutler.surfaces.buttons import Ending
from codebutler.surfaces.slack import blocks
from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.markup import escaped
from codebutler.surfaces.slack.pages import replies
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.surfaces.slack.link import Link


def ended(end: Ending) -> str:
    """What became of buttons that nobody pressed."""
    if end.by is None:
        return escaped(end.words)
    who = f"<@{end.by.id}>" if end.by.surface == SURFACE else escaped(end.by.label)
    return _line(end.words, who)


def decided(label: str, user: str) -> str:
    """Who decided what, and when, in the reader's own time zone."""
    return _line(label, f"<@{user}>")


def _line(label: str, who: str) -> str:
    now = int(time.time())
    clock = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    return f"*{escaped(label)}* · {who} · <!date^{now}^{{date_short_pretty}} {{time}}|{clock}>"


async def replace(link: Link, channel: str, ts: str, message: Json, words: str) -> None:
    """Put a line in the place of the message's buttons."""
    given, text = message.get("blocks") or [], str(message.get("text") or "…")
    if not any(block.get("type") == "actions" for block in given):
        return
    plain = [{"type": "section", "text": {"type": "mrkdwn", "text": blocks.shortened(text, blocks.SECTION)}}]
    for kept in (given, plain):
        try:
            await link.calls.call(
                "chat.update", channel=channel, ts=ts, text=text, blocks=blocks.used(kept, words)
            )
        except SlackRefused as error:
            if error.error not in blocks.NO_BLOCKS:
                raise
        else:
            return


async def replace_in(link: Link, conversation: str, ts: str, words: str) -> None:
    """The same for a message of which only the place is known."""
    for window in ({"oldest": ts, "latest": ts, "inclusive": True}, {}):
        async for message in replies(link.calls, conversation, **window):
            if str(message["ts"]) == ts:
                await replace(link, conversation.partition(":")[0], ts, message, words)
                return
