"""A server on loopback that answers with given bytes, whatever HTTP has to say of them."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
_AT_ONCE = struct.pack("ii", 1, 0)

_TLS = b"\x16"
"""How a client begins that wants TLS: it gets the answer, too."""


class Raw:
    """``answer`` goes out for each request, then the connection closes; with ``reset`` it breaks."""

    def __init__(self, answer: bytes) -> None:
        """Use ``run``."""
        self.answer = answer
        self.reset = False
        self.heads: list[bytes] = []
        """The head of each request: its line and its headers."""
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"http://127.0.0.1:{self.port}/v1"

    @classmethod
    @asynccontextmanager
    async def run(cls, answer: bytes = b"") -> AsyncIterator[Raw]:
        """A server that listens while the block runs."""
        raw = cls(answer)
        server = await asyncio.start_server(raw._serve, "127.0.0.1", 0)
        raw.port = server.sockets[0].getsockname()[1]
        async with server:
            yield raw

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readexactly(1)
            head = b"" if first == _TLS else first + await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            size = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(size[1]) if size else 0)
            writer.write(self.answer)
            await writer.drain()
            if self.reset:
                wire: socket.socket = writer.get_extra_info("socket")
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client went away first
        finally:
            writer.close()


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """A body in HTTP's chunks; without its ``end`` it was cut."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + (b"0\r\n\r\n" if end else b"")
