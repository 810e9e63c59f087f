"""Lists that Slack gives page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator

from codebutler.surfaces.slack.calls import Calls
from codebutler.types import Json

PAGE = 200
PAGES = 50
"""Pages of one list that are read: 10,000 entries."""


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


def replies(calls: Calls, conversation: str, **args: object) -> AsyncIterator[Json]:
    """A thread's first message and its replies, oldest first."""
    channel, _, root = conversation.partition(":")
    return listed(calls, "conversations.replies", "messages", channel=channel, ts=root, **args)
