"""One GET, bounded in time, bytes and redirects; every hop is checked like the first."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote_plus, urljoin

from msgspec import Struct

from codebutler import __version__
from codebutler.errors import ToolFailed
from codebutler.redact import Redactor
from codebutler.settings.web import Web as Settings
from codebutler.web import guard, urls
from codebutler.web.guard import Resolve
from codebutler.web.urls import Target

if TYPE_CHECKING:
    from aiohttp import ClientResponse

AGENT = f"CodeButler/{__version__}"
REDIRECTS = 5
MOST = 10 * 1024 * 1024
"""Bytes of one response that are read, and that it may unpack to."""
_MOVED = frozenset({301, 302, 303, 307, 308})
_PIECE = 64 * 1024
_HEADERS = {
    "User-Agent": AGENT,
    "Accept": "text/html, text/markdown, text/plain, application/json, application/pdf, */*;q=0.1",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "en, *;q=0.5",
}


class Response(Struct, frozen=True):
    """What came back. ``url`` is where it came from in the end; ``cut``: there was more than was read."""

    url: str
    status: int
    kind: str
    charset: str
    data: bytes
    cut: bool = False


Permit: TypeAlias = Callable[[Target], Awaitable[None]]
"""Raises ToolFailed for a place that may not be asked."""


async def _freely(_target: Target) -> None:
    """Every place may be asked."""


@dataclass
class Client:
    """Fetches under the guard. ``redactor`` knows the values that must never stand in a URL."""

    settings: Settings
    redactor: Redactor
    resolve: Resolve = guard.system_resolve
    most: int = MOST

    def read(self, url: str) -> Target:
        """The URL, checked. Raises ToolFailed, also when a secret of this host stands in it."""
        self.refuse_secrets(url)
        return urls.read(url, ports=self.settings.ports, private=self.settings.private)

    def refuse_secrets(self, text: str) -> None:
        """ToolFailed when ``text``, as it is or percent-decoded, holds what the redactor takes out."""
        for form in (text, unquote_plus(text), unquote_plus(unquote_plus(text))):
            if next(iter(self.redactor.spans(form)), None) is not None:
                raise ToolFailed("this holds a secret, which must not leave this host")

    async def get(self, url: str, *, most: int | None = None, may: Permit = _freely) -> Response:
        """GET ``url``, following at most ``REDIRECTS`` redirects, all in ``seconds``. Raises ToolFailed.

        ``may`` is asked about each place that a redirect leads to, before that is.
        """
        target = self.read(url)
        try:
            async with asyncio.timeout(self.settings.seconds):
                for _ in range(REDIRECTS + 1):
                    found = await self._once(target, most or self.most)
                    if isinstance(found, Response):
                        return found
                    target = self.read(_joined(target, found))
                    await may(target)
        except TimeoutError as error:
            raise ToolFailed(f"{target.origin} did not answer in {self.settings.seconds:g} s") from error
        raise ToolFailed(f"{target.origin} redirects more than {REDIRECTS} times")

    async def _once(self, target: Target, most: int) -> Response | str:
        """The response, or where it redirects to."""
        import aiohttp
        from yarl import URL

        found = await guard.addresses(target, self.resolve)
        connector = aiohttp.TCPConnector(
            resolver=guard.pinned(target, found), use_dns_cache=False, force_close=True
        )
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    timeout=aiohttp.ClientTimeout(total=None),
                    trust_env=False,
                    auto_decompress=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                ) as session,
                session.get(
                    URL(target.url, encoded=True), headers=_HEADERS, allow_redirects=False
                ) as response,
            ):
                if response.status in _MOVED and response.headers.get("Location"):
                    return response.headers["Location"]
                return await _read(response, target, most)
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ToolFailed(f"{target.origin} could not be read: {type(error).__name__}") from error


def _joined(target: Target, location: str) -> str:
    """Where a redirect leads to. Its header may hold any bytes at all."""
    try:
        return urljoin(target.url, location)
    except ValueError as error:
        raise ToolFailed(f"{target.origin} redirects to what is no URL") from error


async def _read(response: ClientResponse, target: Target, most: int) -> Response:
    raw = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        raw += piece
        if len(raw) > most:
            break
    data = await asyncio.to_thread(_unpacked, bytes(raw[: most + 1]), response.headers, most)
    return Response(
        url=target.url,
        status=response.status,
        kind=response.content_type.lower(),
        charset=(response.charset or "").lower(),
        data=data[:most],
        cut=len(raw) > most or len(data) > most,
    )


def _unpacked(raw: bytes, headers: Mapping[str, str], most: int) -> bytes:
    """At most ``most`` + 1 bytes, however small the packed ones are."""
    coding = headers.get("Content-Encoding", "").strip().lower()
    if coding in {"", "identity"}:
        return raw
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise ValueError(f"unknown content encoding {coding[:40]}")
    try:
        return zlib.decompressobj(47).decompress(raw, most + 1)
    except zlib.error:
        if coding != "deflate":
            raise ValueError("damaged content") from None
    try:
        return zlib.decompressobj(-15).decompress(raw, most + 1)
    except zlib.error as error:
        raise ValueError("damaged content") from error
