"""What keeps litellm at the server that it was sent to, and at one request: a redirect would take the key and
the prompt along, and a request that is sent again may be paid twice.

The package follows redirects, and sends a request again whose connection broke. For OpenAI's protocol it
takes a client of ours; for all else it has no setting, so its two makers of clients are told. A version
without these makers fails to load.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from codebutler.models.overheard import attend, depart
from codebutler.models.reach import trust

if TYPE_CHECKING:
    import httpx

UNSAFE = frozenset({"aiohttp_openai"})
"""Providers of the package whose connection nobody outside can tell not to follow."""
_DEEP = 12
"""Errors that may stand one behind another."""


class _Maker(Protocol):
    """A class of the package that makes HTTP clients."""

    create_client: Any


def hold(litellm: Any) -> None:  # noqa: ANN401 - a module
    """Have no client that the package makes from now on follow a redirect or send a request again."""
    http_handler = importlib.import_module("litellm.llms.custom_httpx.http_handler")
    for maker in (http_handler.AsyncHTTPHandler, http_handler.HTTPHandler):
        _tell(maker)
    if not hasattr(http_handler.AsyncHTTPHandler, "single_connection_post_request"):
        raise AttributeError("this version of litellm sends a request again in a way that is not known")
    http_handler.AsyncHTTPHandler.single_connection_post_request = _not_again


def lend(litellm: Any) -> None:  # noqa: ANN401 - a module
    """Give the package our clients for OpenAI's protocol, unless it has them: it closes them with its own.

    It takes some 20 ms: not for the event loop. No connection is kept, as one that an event loop leaves
    behind is of no use to the next.
    """
    import httpx

    if litellm.aclient_session is not None and not litellm.aclient_session.is_closed:
        return
    alone, trusted = httpx.Limits(max_keepalive_connections=0), trust()
    hooks: dict[str, list[Any]] = {"request": [depart], "response": [attend]}
    litellm.aclient_session = httpx.AsyncClient(
        follow_redirects=False, verify=trusted, limits=alone, event_hooks=hooks
    )
    litellm.client_session = httpx.Client(follow_redirects=False, verify=trusted, limits=alone)


async def close(litellm: Any) -> None:  # noqa: ANN401 - a module
    """Close every connection of the package's, and forget the clients that stood on ours."""
    import openai

    await litellm.close_litellm_async_clients()
    if litellm.aclient_session is not None:
        await litellm.aclient_session.aclose()
    cache = litellm.in_memory_llm_clients_cache
    for key, client in list(cache.cache_dict.items()):
        if isinstance(client, openai.AsyncOpenAI):  # the package's own open again by themselves
            cache.delete_cache(key)


def redirect(error: BaseException) -> tuple[int, dict[str, str]] | None:
    """(status, headers) of the redirect that an error of the package stands for; None if it is none."""
    status, headers = 0, dict[str, str]()
    for each in behind(error):
        told = getattr(each, "status_code", None)
        if isinstance(told, int) and 300 <= told < 400:
            status = told
        for has in (each, getattr(each, "response", None)):
            for name in ("litellm_response_headers", "headers"):
                location = (getattr(has, name, None) or {}).get("location")
                headers |= {"Location": location} if location else {}
    return (status, headers) if status else None


def behind(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it came of."""
    each: BaseException | None = error
    for _ in range(_DEEP):
        if each is None:
            return
        yield each
        each = each.__cause__ or each.__context__


async def _not_again(*_given: Any, **_named: Any) -> NoReturn:  # noqa: ANN401 - whatever the package passes
    """In place of the package's second request, which it makes while it handles the first one's error."""
    error = sys.exception()
    if error is None:
        raise RuntimeError("litellm sends a request again that did not fail")
    raise error


def _tell(maker: type[_Maker]) -> None:
    import httpx

    made = maker.create_client

    def create_client(self: Any, *args: Any, **named: Any) -> httpx.AsyncClient | httpx.Client:  # noqa: ANN401 - passed on
        client: httpx.AsyncClient | httpx.Client = made(self, *args, **named)
        client.follow_redirects = False
        if isinstance(client, httpx.AsyncClient):
            client.event_hooks["request"].append(depart)
            client.event_hooks["response"].append(attend)
        return client

    maker.create_client = create_client
