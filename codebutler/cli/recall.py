"""What is shown of a thread to who comes back to it: the last words said to it and what came of them."""

from __future__ import annotations

from collections.abc import Iterable

from codebutler.events import Event, MessageReceived, Posted

POSTS = 3
"""The most that is shown again."""


def recalled(events: Iterable[Event | None]) -> tuple[str, list[Posted]]:
    """(who said what, the thread's last posts since). Commands with a slash ask nothing of a role."""
    said, posts = "", list[Posted]()
    for event in events:
        if isinstance(event, MessageReceived) and event.text and not event.text.startswith("/"):
            said, posts = f"{event.author.label}: {event.text}", []
        elif isinstance(event, Posted):
            posts.append(event)
    return said, posts[-POSTS:]
