"""Other programs behind the border, beside the executor: their way out, and their end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from codebutler.sandbox.egress import Egress, Pair
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.job import Program
from codebutler.sandbox.settings import SandboxSettings

SURF = """
import sys, urllib.request
for url in sys.stdin:
    try:
        print(urllib.request.urlopen(url.strip(), timeout=5).read(), flush=True)
    except OSError as error:
        print(error, flush=True)
"""


async def resolve(name: str, _port: int) -> Sequence[str]:
    return ["169.254.169.254" if name.startswith("metadata") else "93.184.215.14"]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ntwin")
    await writer.drain()
    writer.close()


async def test_the_way_out_is_the_executors(folder: Path) -> None:
    settings = SandboxSettings()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def dial(_address: str, _port: int) -> Pair:
        return await asyncio.open_connection("127.0.0.1", port)

    egress = Egress(("*.example.org:80",), settings.uid, resolve=resolve, dial=dial)
    executor = await Executor.start(folder, own=True, settings=settings, egress=egress)
    guest = await executor.guest(Program(("python3", "-c", SURF)))
    lines = guest.lines()
    try:
        for url, said in (
            (b"http://allowed.example.org/\n", b"b'twin'"),
            (b"http://listed.example.com/\n", b"403"),
            (b"http://metadata.example.org/\n", b"403"),
        ):
            await guest.send(url)
            assert said in await anext(lines)
    finally:
        await guest.close()
        await executor.close()
        server.close()


@pytest.mark.parametrize("stream", ["", " >&2"])
@pytest.mark.timeout(30)
async def test_a_program_that_never_stops_talking_is_ended(folder: Path, stream: str) -> None:
    executor = await Executor.start(folder)
    loud = await executor.guest(Program(("bash", "-c", f"yes chatter{stream}")))
    if stream:
        assert [line async for line in loud.lines()] == []  # it was ended for what it said there
    else:
        await asyncio.sleep(0.3)
    await loud.close()
    assert set(loud.tail.split("\n")[1:-1]) == ({"chatter"} if stream else set())
    await executor.close()
