"""Which models a server offers (GET /models), where it says. The standard library is enough for this."""

from __future__ import annotations

import asyncio
import difflib
import json
import re
import time
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from codebutler.models.prices import MILLION, Price

SECONDS = 5.0
_MAX_BYTES = 8 * 1024 * 1024
_WINDOW_KEYS = ("context_length", "max_model_len", "context_window", "max_context_length")
_SLOW = "its list of models comes too slowly"
_LONGEST = 200
"""Characters of a model's id."""
_DEAREST = 1e6
"""Dollars per million tokens: beyond that a price is a mistake."""
_LARGEST = 100_000_000
"""Tokens of a window or a reply: beyond that a size is a mistake."""
_DEPLOYED_BY_NAME = ".azure.com"
"""Where models go by the names of a person's own deployments, which no list has."""
_NOT_FOR_CHAT = re.compile(r"embed|rerank|whisper|tts|dall-e|moderation|image|transcribe", re.IGNORECASE)


class Catalogue(Struct, frozen=True):
    """What a server said. ``unlisted``: it lives but has no such list. ``detail`` is for people."""

    state: Literal["listed", "unlisted", "refused", "unreachable"]
    ids: tuple[str, ...] = ()
    detail: str = ""
    windows: Mapping[str, int] = {}
    """Context sizes in tokens, of the models whose size the server tells."""
    lengths: Mapping[str, int] = {}
    """The most tokens of a reply, of the models whose bound the server tells."""
    sight: Mapping[str, bool] = {}
    """Whether a model takes pictures, of the models whose kinds of input the server tells."""

    prices: Mapping[str, Price] = {}
    """Of the models whose price the server tells."""

    @property
    def first(self) -> str:
        """The first model that can hold a conversation, or "" if none is known."""
        return next((i for i in self.ids if not _NOT_FOR_CHAT.search(i)), "")

    def near(self, model: str) -> tuple[str, ...]:
        """Up to three ids that look like ``model``, the likeliest first."""
        bare = {i.rpartition("/")[2].casefold(): i for i in reversed(self.ids)}
        close = difflib.get_close_matches(model.rpartition("/")[2].casefold(), bare, n=3, cutoff=0.5)
        return tuple(bare[name] for name in close)


async def ask(base_url: str, key: str, *, path: str = "/models", seconds: float = SECONDS) -> Catalogue:
    """Ask a server for its models. Never raises: the answer says what went wrong."""
    try:
        async with asyncio.timeout(2 * seconds):
            return await asyncio.to_thread(_ask, base_url + path, key, seconds)
    except TimeoutError:  # of a server that sends letter by letter; the thread ends by itself
        return Catalogue("unreachable", detail=_SLOW)


def _ask(url: str, key: str, seconds: float) -> Catalogue:
    import http.client
    import urllib.error
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        """A redirect could carry the key to another host."""

        def redirect_request(self, *_: object) -> None:
            return None

    headers = {"Accept": "application/json", "User-Agent": "codebutler"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http(s) by the settings
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=seconds) as response:
            data, end = bytearray(), time.monotonic() + seconds
            while len(data) < _MAX_BYTES and (piece := response.read1(_MAX_BYTES)):
                data += piece
                if time.monotonic() > end:
                    return Catalogue("unreachable", detail=_SLOW)
            return _read(bytes(data), urlsplit(url).hostname or "")
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in {401, 403}:
            return Catalogue("refused", detail=f"status {error.code}: the key is not accepted")
        return Catalogue("unlisted", detail=f"status {error.code}")
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        return Catalogue("unreachable", detail=str(reason) or type(error).__name__)


def _read(data: bytes, host: str) -> Catalogue:
    if host.endswith(_DEPLOYED_BY_NAME):
        return Catalogue("unlisted", detail="its list has what could be deployed, not what is")
    try:
        rows = json.loads(data)["data"]
        rows = [row for row in rows if isinstance(row, dict) and _is_id(row.get("id"))]
        ids = tuple(row["id"] for row in rows)
    except (ValueError, KeyError, TypeError, RecursionError):
        return Catalogue("unlisted", detail="the answer is not a list of models")
    windows = {row["id"]: size for row in rows if (size := _window(row))}
    sight = {row["id"]: "image" in kinds for row in rows if (kinds := _inputs(row))}
    lengths = {row["id"]: most for row in rows if (most := _length(row))}
    prices = {row["id"]: told for row in rows if (told := _price(row, windows, sight))}
    return Catalogue("listed", ids, windows=windows, lengths=lengths, sight=sight, prices=prices)


def _is_id(told: Any) -> bool:  # noqa: ANN401 - whatever JSON came in
    """Whether it can be a model's id: people and logs are shown it."""
    return isinstance(told, str) and 0 < len(told) <= _LONGEST and told.isprintable()


def _price(row: Mapping[str, Any], windows: Mapping[str, int], sight: Mapping[str, bool]) -> Price | None:
    """The price in OpenRouter's form: dollars per token, as text. None where a part is missing or odd."""
    told = row.get("pricing")
    if not isinstance(told, dict):
        return None
    fresh, output = _dollars(told.get("prompt")), _dollars(told.get("completion"))
    if fresh is None or output is None:
        return None
    kept = _dollars(told.get("input_cache_read"))
    return Price(
        input=fresh,
        cached=fresh if kept is None else kept,
        output=output,
        context=windows.get(row["id"], 0),
        max_output=_length(row),
        sees=sight.get(row["id"], False),
        written=_dollars(told.get("input_cache_write")),
    )


def _dollars(told: Any) -> float | None:  # noqa: ANN401 - whatever JSON came in
    """Dollars per million tokens. A negative price, as routers between models have it, is none."""
    if isinstance(told, bool) or not isinstance(told, str | int | float):
        return None
    try:
        value = float(told) * MILLION
    except (ValueError, OverflowError):
        return None
    return value if 0 <= value < _DEAREST else None


def _inputs(row: Mapping[str, Any]) -> list[Any]:
    """The kinds of input that a model takes, where the server says so."""
    about = row.get("architecture")
    kinds = (about if isinstance(about, dict) else row).get("input_modalities")
    return kinds if isinstance(kinds, list) else []


def _window(row: Mapping[str, Any]) -> int:
    """The size in whatever field this kind of server puts it; 0 if nowhere."""
    return next((size for key in _WINDOW_KEYS if (size := _size(row.get(key)))), 0)


def _length(row: Mapping[str, Any]) -> int:
    """The most tokens of a reply, of the model itself or of who serves it; 0 if nobody says."""
    places = [row, row.get("top_provider")]
    return next(
        (n for p in places if isinstance(p, dict) and (n := _size(p.get("max_completion_tokens")))), 0
    )


def _size(told: Any) -> int:  # noqa: ANN401 - whatever JSON came in
    """A number of tokens; 0 for what can be none."""
    return told if type(told) is int and 0 < told <= _LARGEST else 0
