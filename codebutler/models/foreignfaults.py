"""What the litellm package's errors mean. What the server itself has said counts: the package puts its own
words around it, or in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from codebutler.errors import ContextTooLong, ModelError, ModelRefused
from codebutler.models import faults, fixedroute
from codebutler.models.foreignids import no_key
from codebutler.models.overheard import Overheard
from codebutler.models.routing import Route
from codebutler.models.sayings import one_line, parsed, read
from codebutler.models.stream import END

_WRAPPING = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception)(?:: | - ))+")
_ADVICE = re.compile(r"(?<!\s)\s*Handle with `litellm\.\w+`\.?\s*$")
_APPENDED = re.compile(r"(?<!\s)\s*(?:Received Messages=|Traceback \(most recent call last\)).*", re.DOTALL)
"""The whole conversation, or the package's own inside."""
_LOOKED = 8_000
"""Characters of an error that are looked at: a server writes them, and patterns are slow on blanks."""
_MISSING = re.compile(r"No module named '([\w.]+)'")
_NO_KEY = re.compile(r"(?:missing|no|provide|locate) (?:\w+ ){0,3}(?:credentials|api[_ ]?key)", re.IGNORECASE)
_STUMBLES = (TypeError, LookupError, AttributeError)
"""What the package meets an answer with whose form it does not know, text in parts among them."""
_DIALLING = ("Connect", "ClientConnector", "Proxy")
"""How the names of errors begin that come before a server has the request."""
_PACKAGES = {"google": "google-auth", "botocore": "boto3"}
"""Modules whose package has another name."""


def translated(error: Exception, route: Route, heard: Overheard) -> ModelError:
    """Our error for one that the package raised."""
    elsewhere = fixedroute.redirect(error)
    if elsewhere is not None:
        return faults.from_answer(elsewhere[0], b"", elsewhere[1], route)
    told = str(getattr(error, "message", "") or error)[:_LOOKED]
    said = _ADVICE.sub("", _WRAPPING.sub("", told))
    status = getattr(error, "status_code", None)
    if type(error).__name__ == "ContextWindowExceededError" or "request_too_large" in said:
        words = _words(said, route, heard)  # their figures tell how much would fit
        return ContextTooLong(
            f"the conversation is too long for {route.id}{f': {words}' if words else ''}",
            fix="Choose a model with a larger context window, or start a new thread",
        )
    provider = route.model.partition("/")[0]
    if "LLM Provider NOT provided" in said:
        return ModelRefused(
            f"litellm knows no provider {provider}",
            fix="Mend the id: litellm/<provider>/<model>, with a provider of litellm's list",
        )
    if status == 401:
        return no_key(provider, "does not accept the API key") if heard.status else no_key(provider)
    if heard.status:
        stumbled = any(isinstance(e, _STUMBLES) for e in fixedroute.behind(error))
        return _answered(route, heard, odd=stumbled or "Traceback" in said or status is None)
    words = _APPENDED.sub("", said)
    if status in {None, 500}:  # the package's own, for all that never reached a server
        return _unanswered(error, words, route, heard)
    headers = getattr(error, "litellm_response_headers", None) or {}
    return faults.from_status(status, words, headers, route)


def _words(said: str, route: Route, heard: Overheard) -> str:
    """The server's own words for a refusal, else the package's."""
    told = read(parsed(bytes(heard.begun)), route.endpoint)[1] if heard.status >= 300 else ""
    return told or one_line(_APPENDED.sub("", said), route.endpoint)


def _answered(route: Route, heard: Overheard, *, odd: bool) -> ModelError:
    """A server has answered. ``odd``: not as the package expects it."""
    if heard.status >= 300:
        return faults.from_answer(heard.status, bytes(heard.begun), heard.headers, route)
    try:
        list(instead(heard, route))
    except ModelError as told:
        return told
    return faults.broken(
        route, "sent what litellm cannot read" if odd else "broke off in the middle of its answer"
    )


def instead(heard: Overheard, route: Route) -> Iterator[Any]:
    """What an answer that has ended still holds: the mark of its end, or what came in place of a stream."""
    if heard.done:
        yield END
    elif heard.begun.lstrip().startswith(b"<"):
        raise faults.no_api(route, bytes(heard.begun))
    elif isinstance(body := heard.fault or heard.whole, dict):
        faults.raise_inner(body, route)
        yield body


def _unanswered(error: Exception, words: str, route: Route, heard: Overheard) -> ModelError:
    """No server has answered: the network failed, or the package refused before it asked any."""
    failed = [e for e in fixedroute.behind(error) if isinstance(e, _network())]
    if failed:
        dialled = any(type(e).__name__.startswith(_DIALLING) for e in failed)
        if heard.sent and not dialled:
            return faults.broken(route, "broke the connection")
        return faults.unreachable(route, _why(failed))
    provider = route.model.partition("/")[0]
    missing = _MISSING.search(words)
    if missing:
        package = missing[1].partition(".")[0]
        return ModelRefused(
            f"{route.endpoint.label} needs a Python package that is not installed: {missing[1]}",
            fix=f"pip install {_PACKAGES.get(package, package)}",
        )
    if _NO_KEY.search(words):
        return no_key(provider)
    return ModelRefused(
        f"litellm cannot ask {route.id}: {one_line(words, route.endpoint)}",
        fix=f"Check the id, and what litellm's page on {provider} wants to be set",
    )


def _network() -> tuple[type[Exception], ...]:
    """What its connections fail with."""
    import aiohttp
    import httpx

    return (httpx.TransportError, aiohttp.ClientError, OSError)


def _why(failed: Sequence[BaseException]) -> str:
    """The system's own words for a connection that failed."""
    told = [getattr(each, "os_error", each) for each in failed]
    words = [e.strerror for e in told if isinstance(e, OSError) and e.strerror and "<" not in e.strerror]
    return words[-1] if words else "no connection"
