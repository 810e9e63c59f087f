"""Which URLs may be asked for: read strictly and once, so that nobody later reads another host into them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import quote, urlsplit

from msgspec import Struct

from codebutler.errors import ToolFailed

LONGEST = 2_000
_SHOWN = 100
"""Characters of a host that is refused: it may come from a page, and be written to be read."""
_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_INSIDE = (
    *("localhost", "local", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa"),
    *("onion", "test", "invalid", "example", "arpa"),
)
"""Names that are no part of the public network, with all below them."""


class Target(Struct, frozen=True):
    """A checked URL. ``host`` is ASCII, lower case, without brackets or a last dot."""

    url: str
    scheme: str
    host: str
    port: int
    vouched: bool = False
    """The host's configuration lets this host:port be a private one."""

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def read(text: str, *, ports: Collection[int] = (80, 443), private: Collection[str] = ()) -> Target:
    """The URL in ``text``. ``private`` are host:port pairs (``*.`` before a name: all below it).

    Raises ToolFailed for whatever can mean more than one public host, and for other schemes and ports.
    """
    url = text.strip()
    if not url or len(url) > LONGEST:
        raise ToolFailed(f"a URL has 1 to {LONGEST} characters")
    if any(not c.isprintable() or c in ' \\"<>^`{|}' for c in url):
        raise ToolFailed("the URL holds blanks or signs that no URL holds; percent-encode them")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ToolFailed(f"this is no URL: {str(error)[:_SHOWN]}") from error
    if parts.scheme not in _PORTS:
        raise ToolFailed(
            f"only http and https can be fetched, not {parts.scheme[:_SHOWN] or 'a URL without a scheme'}"
        )
    if "@" in parts.netloc:
        raise ToolFailed("a URL with a user name or password is not fetched")
    if parts.netloc.endswith(":") or port == 0:
        raise ToolFailed("the URL has no proper port")
    host = _host(parts.hostname or "", bracketed=parts.netloc.startswith("["))
    number = port or _PORTS[parts.scheme]
    vouched = any(_fits(rule, host, number) for rule in private)
    if not vouched:
        _need_public(host, number, ports)
    target = Target("", parts.scheme, host, number, vouched)
    rest = quote(_without_dots(parts.path), safe="/%:@!$&'()*+,;=~-._")
    query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?' + chr(39))}" if parts.query else ""
    return Target(f"{target.origin}{rest}{query}", parts.scheme, host, number, vouched)


def _without_dots(path: str) -> str:
    """The path with ``.`` and ``..`` carried out as servers do (RFC 3986 §5.2.4): rules must see it."""
    kept: list[str] = []
    segments = path.removeprefix("/").split("/")
    for segment in segments:
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(segment)
    if segments[-1].lower().replace("%2e", ".") in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _host(text: str, *, bracketed: bool) -> str:
    """One spelling for each host."""
    if not text or "%" in text:
        raise ToolFailed("the URL's host is missing, percent-encoded or has a zone")
    if bracketed or ":" in text:
        try:
            return str(ipaddress.IPv6Address(text))
        except ValueError as error:
            raise ToolFailed(f"{text[:_SHOWN]} is no IPv6 address") from error
    host = _ascii(text)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError as error:
            raise ToolFailed(
                f"{text[:_SHOWN]} is an odd spelling of an IPv4 address; write a.b.c.d"
            ) from error
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ToolFailed(f"{text[:_SHOWN]} is no name of a host")
    return host


def _ascii(text: str) -> str:
    if text.isascii():
        return text.lower().removesuffix(".")
    import idna

    try:
        return idna.encode(text, uts46=True).decode("ascii").lower().removesuffix(".")
    except idna.IDNAError as error:
        raise ToolFailed(f"{text[:_SHOWN]} is no name of a host") from error


def _fits(rule: str, host: str, port: int) -> bool:
    name, _, number = rule.lower().rpartition(":")
    same = host.endswith(name[1:]) if name.startswith("*.") else host == name
    return same and number == str(port)


def _need_public(host: str, port: int, ports: Collection[int]) -> None:
    if port not in ports:
        shown = ", ".join(map(str, sorted(ports)))
        raise ToolFailed(f"port {port} is not fetched from, only {shown} (web.ports of this host)")
    if ":" in host or host.replace(".", "").isdigit():
        return  # an address: the guard judges it
    if "." not in host or any(host == name or host.endswith(f".{name}") for name in _INSIDE):
        raise ToolFailed(f"{host[:_SHOWN]} is not a name of the public network")
