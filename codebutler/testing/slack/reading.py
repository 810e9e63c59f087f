"""conversations.history and conversations.replies: windows of time, pages, metadata on request."""

from __future__ import annotations

from codebutler.testing.slack.limits import Refused
from codebutler.testing.slack.workspace import Workspace, shown
from codebutler.types import Json

PAGE = 1_000


def _window(messages: list[Json], args: Json) -> tuple[list[Json], bool]:
    """Messages between ``oldest`` and ``latest`` (both exclusive unless ``inclusive``)."""
    oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or 1e18)
    whole = str(args.get("inclusive", "")).lower() in {"true", "1"}

    def inside(ts: float) -> bool:
        return oldest <= ts <= latest if whole else oldest < ts < latest

    return [m for m in messages if inside(float(m["ts"]))], whole


def _paged(rows: list[Json], args: Json) -> Json:
    limit = min(int(args.get("limit") or 100), PAGE)
    start = int(str(args.get("cursor") or "c0").removeprefix("c"))
    page = rows[start : start + limit]
    more = start + limit < len(rows)
    metadata = str(args.get("include_all_metadata", "")).lower() in {"true", "1"}
    return {
        "messages": [shown(m, metadata=metadata) for m in page],
        "has_more": more,
        "response_metadata": {"next_cursor": f"c{start + limit}" if more else ""},
    }


def history(ws: Workspace, args: Json) -> Json:
    """Newest first, replies left out, as Slack has it."""
    channel = ws.readable(str(args.get("channel", "")))
    top = [
        m for m in channel.messages
        if m.get("thread_ts", m["ts"]) == m["ts"] or m.get("subtype") == "thread_broadcast"
    ]  # fmt: skip
    return _paged(_window(top, args)[0][::-1], args)


def replies(ws: Workspace, args: Json) -> Json:
    """Oldest first; the parent always comes first."""
    channel = ws.readable(str(args.get("channel", "")))
    if str(args.get("ts", "")) not in channel.by_ts:
        raise Refused("thread_not_found")
    rows = list(channel.thread(str(args.get("ts", ""))))
    inside, _ = _window(rows[1:], args)
    return _paged([rows[0], *inside], args)
