"""Calls of Slack's Web API: at its pace, obeying Retry-After, with errors that say what happens next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from codebutler.errors import CodeButlerError
from codebutler.types import Json

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

TRIES = 30
"""Times that a call which is rate limited is made again."""
SECONDS = 30.0
"""How long one request may take."""
BURST = 3
"""Posts that a channel takes at once before the pace holds."""
TRANSIENT = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
"""Slack's words for its own trouble: the call may have had its effect, or may have it next time."""
ABSENT = frozenset({404, 405, 501})
"""A server's way to say that it knows no such method, where it does not say so in Slack's words."""
SCOPES = "x-oauth-scopes"
WAIT = 1.0
"""Seconds to wait when Slack does not say."""


class SlackRefused(CodeButlerError):
    """Slack answered, and said no. ``error`` is its own word."""

    def __init__(self, method: str, error: str, detail: str = "") -> None:
        """``detail`` is what Slack adds, such as the place of a wrong block."""
        super().__init__(f"Slack refuses {method}: {error}{f' ({detail})' if detail else ''}")
        self.method, self.error = method, error


class SlackAway(CodeButlerError):
    """No answer that says whether the call had its effect."""


class SlackBusy(SlackAway):
    """The call was not made: it is limited for now."""


class Calls:
    """The Web API. ``gap`` is seconds between two posts of one channel."""

    def __init__(self, client: AsyncWebClient, *, gap: float) -> None:
        """``client`` knows the token and the address."""
        self.client = client
        self.scopes = ""
        """What the last answer said that its token may do, with commas; "" when it did not say."""
        self._gap = gap
        self._posts: dict[str, float] = {}
        self._blocked: dict[str, float] = {}

    async def call(self, method: str, *, post_to: str = "", **args: object) -> Json:
        """Call ``method``; ``post_to``: the channel whose pace it has to keep.

        Raises SlackRefused, or SlackAway when nobody knows what became of it.
        """
        lane = f"{method} {post_to}"
        for _ in range(TRIES):
            await self._wait(lane, post_to)
            try:
                return await self._once(method, lane, args)
            except SlackBusy:
                continue
        raise SlackBusy(f"Slack was too busy for {method}, {TRIES} times")

    async def at_once(self, method: str, **args: object) -> Json:
        """Call what is worth no wait. Raises as ``call``, and SlackBusy at a limit."""
        lane = f"{method} "
        if self._blocked.get(lane, 0.0) > time.monotonic():
            raise SlackBusy(f"Slack is too busy for {method}")
        return await self._once(method, lane, args)

    async def _once(self, method: str, lane: str, args: Mapping[str, object]) -> Json:
        work: Callable[..., Any] = getattr(self.client, method.replace(".", "_"))
        try:
            answer = await work(**args)
            self.scopes = next((str(v) for k, v in answer.headers.items() if k.lower() == SCOPES), "")
            return dict(answer.data)
        except Exception as error:  # noqa: BLE001 - raised again unless it says to wait
            pause = _pause_or_raise(method, error)
        self._blocked[lane] = max(self._blocked.get(lane, 0.0), time.monotonic() + pause)
        raise SlackBusy(f"Slack is too busy for {method}")

    async def _wait(self, lane: str, channel: str) -> None:
        now = time.monotonic()
        due = self._blocked.get(lane, 0.0)
        if channel and self._gap:
            due = max(due, self._posts.get(channel, 0.0))
            self._posts[channel] = max(due, now - BURST * self._gap) + self._gap
        if due <= now:
            self._blocked.pop(lane, None)
            return
        await asyncio.sleep(due - now)


def _pause_or_raise(method: str, error: Exception) -> float:
    """Seconds after which a rate limited call is to be made again; every other failure is raised."""
    from aiohttp import ClientError
    from slack_sdk.errors import SlackApiError, SlackClientError

    if isinstance(error, SlackApiError):
        response: Any = error.response
        status = getattr(response, "status_code", 0) or getattr(response, "status", 0)
        data: Any = getattr(response, "data", None)
        word = str(data.get("error") or "") if isinstance(data, dict) else ""
        if status == 429 or word in {"ratelimited", "rate_limited"}:
            return _seconds(getattr(response, "headers", {}).get("Retry-After"))
        if not word and status in ABSENT:
            raise SlackRefused(method, "unknown_method", f"HTTP {status}") from error
        if word in TRANSIENT:
            raise SlackAway(f"Slack answered {method} with {word}") from error
        if word and status < 500:
            told = (data.get("response_metadata") or {}).get("messages") or [data.get("needed") or ""]
            raise SlackRefused(method, word, str(told[0])) from error
        raise SlackAway(f"Slack answered {method} with HTTP {status}") from error
    if isinstance(error, (ClientError, OSError, TimeoutError, SlackClientError)):
        raise SlackAway(
            f"Slack cannot be reached for {method}: {str(error) or type(error).__name__}"
        ) from error
    raise error


def _seconds(header: str | None) -> float:
    try:
        return max(0.0, float(header)) if header is not None else WAIT
    except ValueError:
        return WAIT
