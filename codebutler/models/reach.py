"""How a server is reached: through which proxy, and with which certificates."""

from __future__ import annotations

import os
import ssl
from urllib.parse import urlsplit

from codebutler.errors import ConfigError

_FIX = "Use an http:// or https:// proxy, or except the server: NO_PROXY"


def proxy_for(url: str) -> str | None:
    """The proxy that the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY) or the system names.

    ConfigError for a kind that is not spoken here, such as SOCKS.
    """
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    named = getproxies()
    found = named.get(parts.scheme) or named.get("all")
    if not found or proxy_bypass(parts.netloc.rpartition("@")[2]) or proxy_bypass(parts.hostname or ""):
        return None
    found = found if "://" in found else f"http://{found}"
    kind = urlsplit(found).scheme.lower()
    if kind not in {"http", "https"}:
        raise ConfigError(f"the environment names a {kind} proxy, which cannot be used", fix=_FIX)
    return found


def shown(proxy: str) -> str:
    """A proxy's address without a user or a password."""
    return urlsplit(proxy).netloc.rpartition("@")[2]


def trust() -> ssl.SSLContext:
    """The system's certificates (SSL_CERT_FILE and SSL_CERT_DIR choose others) and those of certifi.

    A slim machine has no certificates of its own, and one of a company has some that certifi lacks.
    It takes some 20 ms: not for the event loop.
    """
    import certifi

    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        context.load_verify_locations(certifi.where())
    return context
