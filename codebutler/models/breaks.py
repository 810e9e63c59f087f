"""How a connection fails: aiohttp's errors in a person's words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from codebutler.errors import ModelError
from codebutler.models import faults, reach
from codebutler.models.routing import Route

if TYPE_CHECKING:
    from aiohttp import ClientConnectorError, ClientError

_CERTIFICATE = (
    "Check the address; a certificate of your own goes into a file that SSL_CERT_FILE names, with all others"
)

_PROXY = "Mend HTTPS_PROXY or HTTP_PROXY, or except the server from it: NO_PROXY"


@contextmanager
def translated(route: Route, connect: float, proxy: str | None, sent: asyncio.Event) -> Iterator[None]:
    """Turn aiohttp's errors, and TimeoutError, into ours.

    ``connect``: seconds that connecting may take. ``sent`` is set once the request is on its way.
    """
    import aiohttp

    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise faults.unreachable(route, f"no connection within {connect:g} s") from error
    except aiohttp.ClientError as error:
        raise _meant(error, route, proxy) from error
    except TimeoutError as error:
        raise faults.silent(route, str(error), sent=sent.is_set()) from error
    except OSError as error:
        raise faults.broken(route, "broke the connection") from error


def _meant(error: ClientError, route: Route, proxy: str | None) -> ModelError:
    """The error of ours for one of aiohttp's."""
    import aiohttp

    if isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        said = f"status {error.status}" if isinstance(error, aiohttp.ClientHttpProxyError) else _why(error)
        return faults.unreachable(route, f"the proxy {reach.shown(proxy or '')} says: {said}", fix=_PROXY)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = f"its certificate is not trusted: {error.certificate_error}"
        return faults.unreachable(route, why, fix=_CERTIFICATE)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return faults.unreachable(route, f"its name is not known ({_why(error)})")
    if isinstance(error, aiohttp.ClientConnectorError):
        return faults.unreachable(route, _why(error))
    if isinstance(error, aiohttp.ClientResponseError):
        return faults.broken(route, f"does not speak HTTP as it should: {error.message}")
    if isinstance(error, aiohttp.InvalidURL):
        return faults.unreachable(route, "its address is not one")
    return faults.broken(route, "broke the connection")


def _why(error: ClientConnectorError) -> str:
    """The system's own words."""
    return error.os_error.strerror or str(error.os_error) or "no connection"
