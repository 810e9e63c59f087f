"""Lists that Slack gives page by page."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from codebutler.surfaces.slack.calls import Calls
from codebutler.types import Json

PAGE = 200
PAGES = 500
"""Pages of one list that are read: 100,000 entries."""
log = logging.getLogger("codebutler.slack")


async def listed(calls: Calls, method: str, name: str, **args: object) -> AsyncIterator[Json]:
    """The entries under ``name``, in Slack's order. Raises as ``Calls.call``."""
    cursor = ""
    for _ in range(PAGES):
        more = {"cursor": cursor} if cursor else {}
        page = await calls.call(method, post_to="", **{"limit": PAGE, **args, **more})
        for entry in page.get(name) or []:
            yield entry
        cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return
    log.warning("a list is too long to be read whole: %s %s", method, args.get("channel", ""))


def replies(calls: Calls, conversation: str, **args: object) -> AsyncIterator[Json]:
    """A thread's first message and its replies, oldest first."""
    channel, _, root = conversation.partition(":")
    return listed(calls, "conversations.replies", "messages", channel=channel, ts=root, **args)
