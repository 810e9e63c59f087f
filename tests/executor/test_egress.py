"""The way out: what is listed is reached, and nothing else, whatever is sent to the proxy."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from codebutler.addresses import is_inner, is_public
from codebutler.errors import NoSandbox
from codebutler.sandbox.egress import Egress, Pair, Rule
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.request import Wrong, authority, parse
from codebutler.sandbox.settings import SandboxSettings

PUBLIC = "93.184.215.14"
NAMES = {
    "allowed.example.org": [PUBLIC],
    "deep.below.example.net": [PUBLIC],
    "inward.example.org": ["10.0.0.7"],
    "metadata.example.org": ["169.254.169.254"],
    "rebound.example.org": [PUBLIC, "127.0.0.1"],
    "mapped.example.org": ["::ffff:127.0.0.1"],
    "listed.example.com": [PUBLIC],
    "empty.example.org": [],
}
ALLOW = ("*.example.org:80", "*.example.org:443", "*.below.example.net:80")


class Twin:
    """A loopback server that stands for every public address, and what the proxy asked and dialled."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.asked: list[str] = []
        self.dialled: list[tuple[str, int]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(b"")
        with contextlib.suppress(TimeoutError):
            while piece := await asyncio.wait_for(reader.read(65536), 0.3):
                self.heard[-1] += piece
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ntwin")
        await writer.drain()
        writer.close()

    async def resolve(self, name: str, port: int) -> Sequence[str]:
        del port
        self.asked.append(name)
        if name not in NAMES:
            raise OSError("no such name")
        return NAMES[name]

    async def dial(self, address: str, port: int) -> Pair:
        self.dialled.append((address, port))
        return await asyncio.open_connection("127.0.0.1", self.port)


@pytest.fixture
async def twin() -> AsyncIterator[Twin]:
    made = Twin()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
async def egress(twin: Twin) -> AsyncIterator[Egress]:
    made = Egress(ALLOW, os.geteuid(), resolve=twin.resolve, dial=twin.dial)
    await made.start()
    yield made
    await made.close()


async def ask(egress: Egress, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(egress.socket)
    writer.write(request)
    writer.write_eof()
    reply = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return reply


async def test_a_listed_host_is_reached_by_get(egress: Egress, twin: Twin) -> None:
    request = b"GET http://ALLOWED.example.org/a?b HTTP/1.1\r\nHost: other.example\r\nX-Y: z\r\n"
    assert (await ask(egress, request + b"Proxy-Authorization: s\r\n\r\n")).endswith(b"twin")
    assert twin.dialled == [(PUBLIC, 80)]
    assert twin.asked == ["allowed.example.org"]
    assert twin.heard == [
        b"GET /a?b HTTP/1.1\r\nHost: allowed.example.org\r\nX-Y: z\r\nConnection: close\r\n\r\n"
    ]


async def test_a_listed_host_is_reached_by_connect(egress: Egress, twin: Twin) -> None:
    reader, writer = await asyncio.open_unix_connection(egress.socket)
    writer.write(b"CONNECT allowed.example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
    writer.write(b"raw bytes")
    assert (await reader.read()).endswith(b"twin")
    writer.close()
    assert (twin.heard, twin.dialled) == ([b"raw bytes"], [(PUBLIC, 443)])


async def test_a_second_request_on_the_same_connection_goes_nowhere(egress: Egress, twin: Twin) -> None:
    first = b"POST http://allowed.example.org/ HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
    await ask(egress, first + b"GET / HTTP/1.1\r\nHost: inward.example.org\r\n\r\n")
    assert twin.heard[0].endswith(b"\r\n\r\nbody")
    assert b"inward" not in b"".join(twin.heard)


REFUSED = {
    "not listed": "CONNECT listed.example.com:443",
    "the name itself is not below": "CONNECT example.org:443",
    "a suffix that is no label": "CONNECT evilexample.org:443",
    "another port": "CONNECT allowed.example.org:22",
    "private": "CONNECT inward.example.org:443",
    "metadata": "CONNECT metadata.example.org:443",
    "one of several is loopback": "CONNECT rebound.example.org:443",
    "mapped loopback": "CONNECT mapped.example.org:443",
    "no address at all": "CONNECT empty.example.org:443",
    "unknown": "CONNECT nowhere.example.org:443",
    "NUL before the suffix": "CONNECT evil.example.com\0.example.org:443",
    "address": f"CONNECT {PUBLIC}:443",
    "address as one number": "CONNECT 2130706433:443",
    "short address": "CONNECT 127.1:443",
    "hexadecimal address": "CONNECT 0x7f.0.0.1:443",
    "IPv6": "CONNECT [::1]:443",
    "single word": "CONNECT localhost:443",
    "final dot": "CONNECT allowed.example.org.:443",
    "user name": "CONNECT evil.example.com@allowed.example.org:443",
    "user name in the URL": "GET http://evil.example.com@allowed.example.org/",
    "backslash": "GET http://evil.example.com\\.example.org/",
    "percent": "GET http://evil.example.com%00.example.org/",
    "other letters": "CONNECT ällowed.example.org:443",
    "fragment": "GET http://evil.example.com#.example.org/",
    "query as the end of the name": "GET http://evil.example.com?.example.org/",
    "no port": "CONNECT allowed.example.org",
    "port out of range": "CONNECT allowed.example.org:65979",
    "two ports": "CONNECT allowed.example.org:443:443",
    "origin form": "GET /",
    "another scheme": "GET ftp://allowed.example.org/",
}


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED)
async def test_refused(egress: Egress, twin: Twin, line: str) -> None:
    reply = await ask(egress, f"{line} HTTP/1.1\r\nHost: allowed.example.org\r\n\r\n".encode())
    assert reply.split(b" ", 2)[1] in (b"400", b"403", b"502")
    assert (twin.dialled, twin.heard) == ([], [])
    assert set(twin.asked) <= {*NAMES, "nowhere.example.org"}


INNER = {
    "inward.example.org": "10.0.0.7",
    "metadata.example.org": "",
    "rebound.example.org": PUBLIC,
    "mapped.example.org": "",
}


@pytest.mark.parametrize("name", INNER)
async def test_the_owner_vouches_for_a_name_with_an_inner_address(twin: Twin, name: str) -> None:
    """But never for one that leads to what a cloud tells its machines, or to an address in disguise."""
    made = Egress(ALLOW, os.geteuid(), ["*.example.org:443"], resolve=twin.resolve, dial=twin.dial)
    await made.start()
    reply = await ask(made, f"CONNECT {name}:443 HTTP/1.1\r\n\r\n".encode())
    assert (b" 200 " in reply) == bool(INNER[name])
    assert twin.dialled == ([(INNER[name], 443)] if INNER[name] else [])
    other = await ask(made, f"CONNECT {name}:80 HTTP/1.1\r\n\r\n".encode())
    assert b" 403 " in other  # vouched for at another port only
    await made.close()


def test_inner_addresses() -> None:
    yes = "10.1.2.3 172.16.0.1 192.168.1.1 127.0.0.1 100.64.0.1 fd12::1 ::1"
    no = (
        "8.8.8.8 169.254.169.254 100.100.100.200 fd00:ec2::254 fe80::1 ::ffff:10.0.0.1 64:ff9b::a00:1 "
        "0.0.0.0 224.0.0.1 240.0.0.1 :: ff02::1 2002:a00:1:: ::10.0.0.1 x 172.32.0.1 fec0::1"
    )
    assert [text for text in yes.split() if not is_inner(text)] == []
    assert [text for text in no.split() if is_inner(text)] == []


async def test_names_asked_for_in_vain_are_remembered_a_few(egress: Egress) -> None:
    for number in range(20):
        await ask(egress, f"CONNECT n{number}.example.com:443 HTTP/1.1\r\n\r\n".encode())
    await ask(egress, b"CONNECT allowed.example.org:443 HTTP/1.1\r\n\r\n")
    assert list(egress.refused)[:2] == ["n0.example.com:443", "n1.example.com:443"]
    assert len(egress.refused) == 8


NEVER = """0.0.0.0 127.0.0.1
    10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1
    255.255.255.255 198.18.0.1 168.63.129.16 :: ::1 fe80::1 fc00::1 fec0::1 ff02::1 ::ffff:10.0.0.1
    ::ffff:169.254.169.254 64:ff9b::7f00:1 2002:7f00:1:: 2001:0:7f00:1:: ::127.0.0.1 fe80::1%eth0
    fd00:ec2::254 localhost 1 192.88.99.1 ::8.8.8.8 4000::1 2001:0:808:808::"""
HEADS = {
    "line feed alone": b"GET http://allowed.example.org/ HTTP/1.1\nX: y\r\n\r\n",
    "folded header": b"GET http://allowed.example.org/ HTTP/1.1\r\nX: y\r\n z\r\n\r\n",
    "space before the colon": b"GET http://allowed.example.org/ HTTP/1.1\r\nHost : y\r\n\r\n",
    "two lengths": b"POST http://allowed.example.org/ HTTP/1.1\r\n" + b"Content-Length: 1\r\n" * 2 + b"\r\nx",
    "signed length": b"POST http://allowed.example.org/ HTTP/1.1\r\nContent-Length: +1\r\n\r\nx",
    "chunks": b"POST http://allowed.example.org/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\n",
    "endless": b"GET http://allowed.example.org/ HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
    "cut off": b"GET http://allowed.example.org/ HTTP/1.1\r\n",
    "binary": bytes(range(256)) + b"\r\n\r\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_what_could_be_read_in_two_ways_is_refused(egress: Egress, twin: Twin, head: bytes) -> None:
    assert (await ask(egress, head)).startswith(b"HTTP/1.1 4")
    assert twin.dialled == []


@pytest.mark.parametrize("address", NEVER.split())
def test_addresses_that_are_never_dialled(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", [PUBLIC, "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("rule", ["*:443", "*.org.:1", "10.0.0.1:80", "localhost:80", "a..b:1", "x.*.org:1"])
def test_a_rule_that_means_too_much_is_refused(rule: str) -> None:
    with pytest.raises(NoSandbox, match=r"sandbox\.allow"):
        Rule.parse(rule)


def test_names_are_matched_without_case() -> None:
    assert authority("A.Example.ORG:443", None) == ("a.example.org", 443)
    assert parse(b"GET http://a.example.org:8080 HTTP/1.1\r\n\r\n").forward.startswith(
        b"GET / HTTP/1.1\r\nHost: a.example.org:8080\r\n"
    )
    with pytest.raises(Wrong):
        authority("a.example.org:443\n", None)


async def test_from_inside_the_sandbox(folder: Path, twin: Twin) -> None:
    """The whole way: a program that honours http_proxy reaches the listed host, and nothing else."""
    settings = SandboxSettings()
    egress = Egress(ALLOW, settings.uid, resolve=twin.resolve, dial=twin.dial)
    executor = await Executor.start(folder, own=True, settings=settings, egress=egress)
    fetch = "python3 -c 'import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read())' "
    try:
        reached = await executor.call("bash", {"command": f"{fetch} http://allowed.example.org/"})
        assert (reached.ok, reached.text) == (True, "b'twin'"), reached.text
        assert "403" in (await executor.call("bash", {"command": f"{fetch} http://listed.example.com/"})).text
        past = "python3 -c 'import socket; socket.create_connection((\"1.1.1.1\", 443), 2)'"
        assert "unreachable" in (await executor.call("bash", {"command": past})).text
        again = await executor.call("bash", {"command": f"{fetch} http://allowed.example.org/"})
        assert again.ok, "the sweep after a command must not end the forwarder"
    finally:
        await executor.close()
    assert not egress.socket.exists()


async def test_without_a_list_there_is_no_proxy(executor: Executor) -> None:
    result = await executor.call("bash", {"command": "env | grep -i proxy; ls /codebutler/proxy.sock"})
    assert "No such file" in result.text
    assert "http" not in result.text


async def test_a_wrong_list_starts_nothing(folder: Path) -> None:
    with pytest.raises(NoSandbox, match="no name and port"):
        await Executor.start(folder, settings=SandboxSettings(allow=("*:443",)))
