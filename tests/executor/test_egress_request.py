"""The head of a proxy request, rule by rule: each of these is held by one rule alone."""

from __future__ import annotations

import pytest

from codebutler.sandbox.egress import system_dial
from codebutler.sandbox.request import Wrong, authority, parse

LABEL = "a" * 63
NAMES = {
    "one word": "localhost:80",
    "an address": "127.0.0.1:80",
    "a number in the end": "a.example.1:80",
    "a label that is too long": f"a{LABEL}.example.org:80",
    "a name that is too long": f"{'a.' * 122}example.org:80",
    "a hyphen first": "-a.example.org:80",
    "port 0": "a.example.org:0",
    "port 65536": "a.example.org:65536",
    "a port of six digits": "a.example.org:000080",
    "a port in other digits": "a.example.org:\N{SUPERSCRIPT TWO}",
    "no port": "a.example.org:",
    "a space": "a.example.org :80",
}


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
def test_names_and_ports_that_are_refused(text: str) -> None:
    with pytest.raises(Wrong):
        authority(text, None)


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        (f"{LABEL}.example.org:65535", f"{LABEL}.example.org", 65535),
        (f"{'a.' * 121}example.org:1", f"{'a.' * 121}example.org", 1),
        ("_x.a-b.example.xn--p1ai:443", "_x.a-b.example.xn--p1ai", 443),
    ],
)
def test_names_and_ports_that_are_served(text: str, name: str, port: int) -> None:
    assert authority(text, None) == (name, port)


HEADS = {
    "NUL in the path": b"GET http://a.example.org/\0 HTTP/1.1\r\n\r\n",
    "line feed in a value": b"GET http://a.example.org/ HTTP/1.1\r\nX: y\nHost: b\r\n\r\n",
    "carriage return in a value": b"GET http://a.example.org/ HTTP/1.1\r\nX: y\rHost: b\r\n\r\n",
    "control character in a value": b"GET http://a.example.org/ HTTP/1.1\r\nX: \x01\r\n\r\n",
    "line feed in the path": b"GET http://a.example.org/\nHost:b HTTP/1.1\r\n\r\n",
    "another version": b"GET http://a.example.org/ HTTP/1.2\r\n\r\n",
    "a method in small letters": b"get http://a.example.org/ HTTP/1.1\r\n\r\n",
    "https without a tunnel": b"GET https://a.example.org/ HTTP/1.1\r\n\r\n",
    "a length with a sign": b"PUT http://a.example.org/ HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
    "a length in another base": b"PUT http://a.example.org/ HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n",
    "two lengths of the same size": b"PUT http://a.example.org/ HTTP/1.1\r\n"
    + b"Content-Length: 1\r\n" * 2
    + b"\r\n",
    "pieces beside a length": b"PUT http://a.example.org/ HTTP/1.1\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: identity\r\n\r\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_heads_that_are_refused(head: bytes) -> None:
    with pytest.raises(Wrong):
        parse(head)


def test_what_is_said_to_the_proxy_is_not_passed_on() -> None:
    """Only the request's own headers go further, under the name that was checked, for this one request."""
    dropped = ("Host", "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "TE", "Trailer",
               "Upgrade", "Expect")  # fmt: skip
    lines = "".join(f"{name}: b.example.org\r\n" for name in dropped)
    head = f"GET http://a.example.org:8080?q=1 HTTP/1.1\r\nX-Own: 1\r\n{lines}\r\n".encode()
    assert parse(head).forward == (
        b"GET /?q=1 HTTP/1.1\r\nHost: a.example.org:8080\r\nX-Own: 1\r\nConnection: close\r\n\r\n"
    )


async def test_only_numbers_are_dialled() -> None:
    with pytest.raises(OSError, match="Name or service not known"):
        await system_dial("localhost", 9)
