"""Calls of Discord's REST API through discord.py, which keeps its rate limits. Errors say what comes next."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from codebutler.errors import CodeButlerError
from codebutler.types import Json

if TYPE_CHECKING:
    from aiohttp import ClientResponse
    from discord.http import HTTPClient

SECONDS = 60.0
"""How long one request may take, waits for a rate limit not counted."""
Files: TypeAlias = Sequence[tuple[str, bytes]]
Answer: TypeAlias = Any
"""What JSON held."""
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_INTERACTION, UNKNOWN_WEBHOOK = 10003, 10008, 10062, 10015
NO_ACCESS, NO_PERMISSION, BAD_FORM, ARCHIVED, HAS_THREAD = 50001, 50013, 50035, 50083, 160004
ACKNOWLEDGED, TOKEN_OVER, NO_DIRECT = 40060, 50027, 50007


class DiscordRefused(CodeButlerError):
    """Discord answered, and said no. ``code`` is its own, 0 where it has none."""

    def __init__(self, what: str, status: int, code: int, words: str) -> None:
        """``words`` say why."""
        super().__init__(f"Discord refuses {what}: {words or status} ({code or status})")
        self.status = status
        self.code = code


class DiscordAway(CodeButlerError):
    """No answer that says whether the call had its effect."""


class Calls:
    """The REST API at ``base``. Logs in with its first call."""

    def __init__(self, base: str, token: str) -> None:
        """``base`` ends with the API's version."""
        self.base = base
        self._token = token
        self._http: HTTPClient | None = None
        self._opening = asyncio.Lock()
        self._closed = False
        self.me: Json = {}
        """The bot's own user, once a call was made."""

    async def call(
        self, method: str, path: str, *, body: object = None, query: Mapping[str, str | int] | None = None,
        files: Files = (), **ids: str,
    ) -> Answer:  # fmt: skip
        """Call ``path``, a template of ``ids``. Raises DiscordRefused, or DiscordAway when nobody knows."""
        import discord
        from aiohttp import ClientError
        from discord.http import Route

        http, what = await self._open(), f"{method} {path}"
        try:
            return await http.request(Route(method, path, **ids), **_arguments(body, query, files))
        except (discord.RateLimited, discord.DiscordServerError) as error:
            raise DiscordAway(f"Discord has no answer for {what}: {error}") from error
        except discord.HTTPException as error:
            if error.status == 429 or error.status >= 500:
                raise DiscordAway(f"Discord has no answer for {what}: HTTP {error.status}") from error
            raise DiscordRefused(what, error.status, error.code, error.text) from error
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            words = str(error) or type(error).__name__
            raise DiscordAway(f"Discord cannot be reached for {what}: {words}") from error

    async def _open(self) -> HTTPClient:
        """discord.py's client of the REST API, logged in."""
        async with self._opening:
            if self._http is None and not self._closed:
                self._http = await self._login()
            if self._closed:  # perhaps while it logged in
                await self.close()
            if self._http is None or self._closed:
                raise DiscordAway("The connection to Discord is closed")
            return self._http

    async def _login(self) -> HTTPClient:
        import discord
        from aiohttp import ClientError
        from discord import http as wire

        quiet()
        wire.Route.BASE = self.base  # where discord.py keeps the address of its API; one app has one
        wire.json_or_text = (
            _read  # its own takes JSON for text where the type names a charset, as many servers do
        )
        http = wire.HTTPClient(asyncio.get_running_loop())
        try:
            self.me = dict(await http.static_login(self._token))
        except BaseException as error:
            await http.close()
            if isinstance(error, discord.LoginFailure):
                raise DiscordRefused("the bot's token", 401, 0, "Unauthorized") from error
            if isinstance(error, discord.NotFound):
                words = f"There is no Discord API at {self.base}"
                raise DiscordAway(
                    f"{words}: discord.baseUrl ends with its version, as in /api/v10"
                ) from error
            if isinstance(error, (discord.HTTPException, ClientError, OSError, TimeoutError)):
                raise DiscordAway(f"Discord cannot be reached: {error}") from error
            raise
        return http

    async def close(self) -> None:
        """Close connections; none is opened any more."""
        self._closed = True
        if self._http is not None:
            await self._http.close()


async def _read(response: ClientResponse) -> dict[str, Any] | str:
    """An answer's JSON, else its text."""
    text = await response.text(encoding="utf-8")
    if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        return text
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def _arguments(body: object, query: Mapping[str, str | int] | None, files: Files) -> dict[str, Any]:
    """What discord.py's request takes."""
    import discord
    from aiohttp import ClientTimeout

    more: dict[str, Any] = {"timeout": ClientTimeout(total=SECONDS)}
    if query:
        more["params"] = {name: str(value) for name, value in query.items()}
    if not files:
        return more if body is None else {**more, "json": body}
    sent = [discord.File(io.BytesIO(data), filename=name) for name, data in files]
    form: list[Json] = [
        {"name": "payload_json", "value": json.dumps(body), "content_type": "application/json"}
    ]
    kind = "application/octet-stream"
    for number, file in enumerate(sent):
        form.append(
            {"name": f"files[{number}]", "value": file.fp, "filename": file.filename, "content_type": kind}
        )
    return {**more, "files": sent, "form": form}


def quiet() -> None:
    """discord.py's own words without tracebacks: an outage is no fault of its or ours."""
    for name in ("discord.client", "discord.gateway", "discord.http"):
        logger = logging.getLogger(name)
        if _without_traceback not in logger.filters:
            logger.addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = None
    record.levelno, record.levelname = logging.INFO, "INFO"
    return True
