"""The head of a proxy request, read strictly: what two programs could read differently is refused."""

from __future__ import annotations

import re

from msgspec import Struct

_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_LINE = re.compile(r"([A-Z]{3,10}) (\S+) HTTP/1\.[01]")
_TARGET = re.compile(r"http://([^/?#]*)([/?][^#]*)?")
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_DROPPED = frozenset(("host", "connection", "keep-alive", "proxy-connection", "proxy-authorization", "te",
                      "trailer", "upgrade", "expect"))  # fmt: skip
_BODY_MAX = 1024 * 1024 * 1024
_REASONS = {400: "Bad Request", 403: "Forbidden", 411: "Length Required", 502: "Bad Gateway"}


class Wrong(Exception):
    """The answer to a request that goes nowhere."""

    def __init__(self, status: int, text: str) -> None:
        """``text`` is shown to whoever asked, inside the sandbox."""
        super().__init__(text)
        self.status = status

    def reply(self) -> bytes:
        """As HTTP."""
        body = f"codebutler: {self}\n".encode("utf-8", "replace")
        head = (
            f"HTTP/1.1 {self.status} {_REASONS[self.status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        )
        return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


class Request(Struct, frozen=True):
    """Where to, and for plain HTTP what to send there: the new head, then ``body`` bytes."""

    name: str
    port: int
    tunnel: bool
    forward: bytes = b""
    body: int = 0


def parse(head: bytes) -> Request:
    """Read a request's head up to its empty line. Raises Wrong for everything that is not plain."""
    if b"\0" in head:
        raise Wrong(400, "a NUL in the request")
    lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    found = _LINE.fullmatch(lines[0])
    if found is None:
        raise Wrong(400, "no HTTP request")
    headers = [_header(line) for line in lines[1:]]
    method, target = found[1], found[2]
    if method == "CONNECT":
        name, port = authority(target, None)
        return Request(name, port, tunnel=True)
    parts = _TARGET.fullmatch(target)
    if parts is None:
        raise Wrong(400, "only CONNECT host:port and http://host/ are served")
    name, port = authority(parts[1], 80)
    path = parts[2] or "/"
    host = name if port == 80 else f"{name}:{port}"
    kept = [f"{key}: {value}" for key, value in headers if key.lower() not in _DROPPED]
    path = path if path.startswith("/") else f"/{path}"
    new = [f"{method} {path} HTTP/1.1", f"Host: {host}", *kept, "Connection: close", "", ""]
    return Request(
        name, port, tunnel=False, forward="\r\n".join(new).encode("latin-1"), body=_length(headers)
    )


def authority(text: str, port: int | None) -> tuple[str, int]:
    """Name and port. Addresses, user names, single words and everything unusual are refused."""
    name, colon, number = text.lower().partition(":")
    if colon and re.fullmatch(r"[0-9]{1,5}", number):
        port = int(number)
    elif colon:
        raise Wrong(400, "no plain host:port")
    if port is None or not 0 < port < 65536:
        raise Wrong(400, "no port")
    if not _NAME.fullmatch(name):
        raise Wrong(403, "not a plain host name; addresses are not served")
    return name, port


def _header(line: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(line)
    if found is None:
        raise Wrong(400, "a header that is none")
    return found[1], found[2]


def _length(headers: list[tuple[str, str]]) -> int:
    """Bytes of the body. Two lengths, or pieces of unknown length, could hide a second request."""
    if any(key.lower() == "transfer-encoding" for key, _ in headers):
        raise Wrong(411, "send a Content-Length")
    found = [value for key, value in headers if key.lower() == "content-length"]
    if not found:
        return 0
    if len(found) > 1 or not re.fullmatch(r"[0-9]{1,10}", found[0]) or int(found[0]) > _BODY_MAX:
        raise Wrong(400, "no plain Content-Length")
    return int(found[0])
