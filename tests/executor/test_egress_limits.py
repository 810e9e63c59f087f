"""What a sandbox cannot do to the proxy of the host: hold it, fill it, or make it wait."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from codebutler.sandbox.egress import Egress, Limits, Pair
from codebutler.sandbox.request import Wrong, parse

PUBLIC = "93.184.215.14"
GET = b"GET http://a.example.org/ HTTP/1.1\r\n\r\n"
OTHER = 59_743 if os.geteuid() == 0 else os.geteuid()
CONNECT = b"CONNECT a.example.org:80 HTTP/1.1\r\n\r\n"


class Far:
    """A server that takes connections and says nothing, and what the proxy did to reach it."""

    def __init__(self) -> None:
        self.reached = 0
        self.port = 0
        self.hang = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    async def resolve(self, name: str, port: int) -> Sequence[str]:
        if self.hang == "resolve":
            await asyncio.sleep(30)
        return [PUBLIC]

    async def dial(self, address: str, port: int) -> Pair:
        if self.hang == "dial":
            await asyncio.sleep(30)
        self.reached += 1
        return await asyncio.open_connection("127.0.0.1", self.port)


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    made = Far()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@asynccontextmanager
async def proxy(far: Far, limits: Limits, uid: int = os.geteuid()) -> AsyncIterator[Egress]:
    made = Egress(("*.example.org:80",), uid, resolve=far.resolve, dial=far.dial, limits=limits)
    await made.start()
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def tunnel(egress: Egress) -> AsyncIterator[asyncio.StreamWriter]:
    """A tunnel that stays open, if the proxy lets us have it."""
    reader, writer = await asyncio.open_unix_connection(egress.socket)
    writer.write(CONNECT)
    with suppress(ConnectionError):
        await reader.read(20)
    try:
        yield writer
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def ask(egress: Egress, request: bytes) -> bytes:
    """Everything that comes until the proxy closes the connection; this side stays open."""
    reader, writer = await asyncio.open_unix_connection(egress.socket)
    writer.write(request)
    reply = b""
    with suppress(ConnectionError):  # closed with our request unread
        reply = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    return reply


async def test_a_head_that_never_ends(far: Far) -> None:
    async with proxy(far, Limits(head=0.2)) as egress:
        assert await ask(egress, GET[:-2]) == b""
    assert far.reached == 0


async def test_a_head_that_is_too_long(far: Far) -> None:
    long = GET[:-2] + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(40)) + b"\r\n"
    async with proxy(far, Limits(head=5)) as egress:
        assert (await ask(egress, long)).startswith(b"HTTP/1.1 400")
    assert far.reached == 0


@pytest.mark.parametrize(("hang", "said"), [("resolve", b"resolved"), ("dial", b"reached")])
async def test_a_host_that_is_never_found_or_reached(far: Far, hang: str, said: bytes) -> None:
    far.hang = hang
    async with proxy(far, Limits(dial=0.2)) as egress:
        reply = await ask(egress, CONNECT)
    assert reply.startswith(b"HTTP/1.1 502")
    assert said in reply


@pytest.mark.parametrize("request_", [GET, CONNECT], ids=["get", "connect"])
async def test_silence_ends_a_connection(far: Far, request_: bytes) -> None:
    async with proxy(far, Limits(idle=0.2)) as egress:
        assert b"HTTP/1.1 4" not in await ask(egress, request_)
    assert far.reached == 1


async def test_only_so_many_connections_at_once(far: Far) -> None:
    async with proxy(far, Limits(at_once=2)) as egress, tunnel(egress), tunnel(egress) as second:
        assert await ask(egress, CONNECT) == b""
        assert far.reached == 2
        second.close()
        while far.reached < 3:  # until the proxy has noticed
            async with tunnel(egress):
                await asyncio.sleep(0.05)


async def test_a_closed_proxy_holds_nothing(far: Far) -> None:
    async with proxy(far, Limits()) as egress:
        reader, writer = await asyncio.open_unix_connection(egress.socket)
        writer.write(CONNECT)
        await reader.readuntil(b"\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    assert not egress.socket.parent.exists()
    writer.close()
    await writer.wait_closed()


async def test_nobody_else_may_connect(far: Far) -> None:
    async with proxy(far, Limits(), OTHER) as egress:
        for path, mode in ((egress.socket, 0o600), (egress.socket.parent, 0o700)):
            assert stat.S_IMODE(path.stat().st_mode) == mode
            assert path.stat().st_uid == (OTHER if path == egress.socket else os.geteuid())


@pytest.mark.parametrize(("length", "passes"), [(2**30, True), (2**30 + 1, False), (10**12, False)])
def test_a_body_has_an_end(length: int, passes: bool) -> None:
    head = b"POST http://a.example.org/ HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % length
    if passes:
        assert parse(head).body == length
    else:
        with pytest.raises(Wrong, match="Content-Length"):
            parse(head)
