"""The one way out: a proxy of the host that lets a sandbox reach listed host:port pairs and nothing else.

It listens on a unix socket that is bound into one sandbox. What comes in is hostile: names are matched by a
strict pattern before anything else, a name is resolved once, the very address that was checked is dialled,
and no address that is not public is dialled unless this host's owner vouches for that name. TLS is not
opened, so a listed host can be handed anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from codebutler import temporary
from codebutler.addresses import is_inner, is_public
from codebutler.errors import NoSandbox
from codebutler.sandbox.request import Request, Wrong, parse
from codebutler.sandbox.settings import SandboxSettings

Pair: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""A name's addresses, as text."""
Dial: TypeAlias = Callable[[str, int], Awaitable[Pair]]
"""A connection to an address that was checked."""

SOCKET = "proxy.sock"
_HEAD_BYTES = 32 * 1024
_HEAD_SECONDS, _DIAL_SECONDS, _IDLE_SECONDS = 15.0, 20.0, 300.0
_AT_ONCE = 64
_REFUSED = 8
_PIECE = 64 * 1024
_RULE = re.compile(r"(\*\.)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?):(\d{1,5})")


class Rule(Struct, frozen=True):
    """One ``host:port`` of ``sandbox.allow``; ``*.example.org`` is every name below, not the name itself."""

    name: str
    port: int
    below: bool = False

    @classmethod
    def parse(cls, text: str, key: str = "sandbox.allow") -> Rule:
        """Raises NoSandbox for what can mean more than a name and a port."""
        found = _RULE.fullmatch(text.lower())
        name = found[2] if found else ""
        if found is None or "." not in name or ".." in name or not name.rpartition(".")[2].isalpha():
            raise NoSandbox(
                f"{key}: {text!r} is no name and port",
                fix="Write host.example:443 or *.host.example:443, no address and no single word.",
            )
        return cls(name, int(found[3]), bool(found[1]))

    def fits(self, name: str, port: int) -> bool:
        """``name`` must be one that ``request.parse`` let through."""
        same = name.endswith(f".{self.name}") if self.below else name == self.name
        return same and port == self.port


async def system_resolve(name: str, port: int) -> Sequence[str]:
    """Ask the host's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


async def system_dial(address: str, port: int) -> Pair:
    """Connect to a numeric address: nothing is resolved again."""
    return await asyncio.open_connection(address, port, flags=socket.AI_NUMERICHOST)


class Limits(Struct, frozen=True):
    """Seconds for a head, for finding and for reaching a host, and without a byte; connections at once."""

    head: float = 15.0
    dial: float = 20.0
    idle: float = 300.0
    at_once: int = 64


@dataclass
class Egress:
    """One proxy for one executor. ``uid`` may connect; everybody else on the host may not.

    ``private`` are those of ``allow`` whose addresses may be a company's own. ``refused`` are the names that
    were asked for in vain, a few of them, as host:port.
    """

    allow: Sequence[str]
    uid: int
    private: Sequence[str] = ()
    resolve: Resolve = system_resolve
    dial: Dial = system_dial
    limits: Limits = field(default_factory=Limits)
    rules: list[Rule] = field(init=False)
    refused: dict[str, None] = field(default_factory=dict)
    socket: Path = field(init=False)
    _vouched: list[Rule] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Open the socket in a folder of its own. Raises NoSandbox for a rule that is none."""
        self.rules = [Rule.parse(each) for each in self.allow]
        self._vouched = [Rule.parse(each, "sandbox.private") for each in self.private]
        folder = Path(
            await asyncio.to_thread(tempfile.mkdtemp, prefix="codebutler-egress-", dir=temporary.folder())
        )
        self.socket = folder / SOCKET
        self._server = await asyncio.start_unix_server(self._accept, self.socket, limit=_HEAD_BYTES)
        self.socket.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(self.socket, self.uid, self.uid)

    async def close(self) -> None:
        """End every connection and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self.socket.parent, ignore_errors=True)
        self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= self.limits.at_once:
            writer.close()
            return
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except Wrong as wrong:
            writer.write(wrong.reply())
            with contextlib.suppress(OSError):
                await writer.drain()
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # the other side has gone, or this proxy is being closed
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), self.limits.head)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Wrong(400, "no complete request head") from error
        request = parse(head)
        address = await self.address(request)
        try:
            far, out = await asyncio.wait_for(self.dial(address, request.port), self.limits.dial)
        except (OSError, TimeoutError) as error:
            raise Wrong(502, f"{request.name} cannot be reached") from error
        try:
            if request.tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await _either(self._copy(reader, out), self._copy(far, writer))
            else:
                out.write(request.forward)
                # One request and no more: what follows on this connection could name another host.
                await _either(self._copy(reader, out, request.body), self._copy(far, writer))
        finally:
            out.close()

    async def address(self, request: Request) -> str:
        """The address to dial: listed, resolved once, public. Raises Wrong."""
        if not any(rule.fits(request.name, request.port) for rule in self.rules):
            if len(self.refused) < _REFUSED:
                self.refused[f"{request.name}:{request.port}"] = None
            raise Wrong(403, f"{request.name}:{request.port} is not in sandbox.allow of this host")
        try:
            finding = self.resolve(request.name, request.port)
            found = list(await asyncio.wait_for(finding, self.limits.dial))
        except (OSError, UnicodeError, TimeoutError) as error:
            raise Wrong(502, f"{request.name} cannot be resolved") from error
        vouched = any(rule.fits(request.name, request.port) for rule in self._vouched)
        if not found or not all(is_public(each) or (vouched and is_inner(each)) for each in found):
            raise Wrong(403, f"{request.name} leads to an address that is not public")
        return found[0]

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int = -1
    ) -> None:
        """Until the end, or ``limit`` bytes; then the other side learns that no more will come."""
        left = limit
        while left:
            piece = await asyncio.wait_for(
                reader.read(_PIECE if left < 0 else min(_PIECE, left)), self.limits.idle
            )
            if not piece:
                break
            left -= len(piece) if left > 0 else 0
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), self.limits.idle)
        if limit < 0 and writer.can_write_eof():
            with contextlib.suppress(OSError):
                writer.write_eof()


async def _either(up: Awaitable[None], down: Awaitable[None]) -> None:
    """Both directions; the answer's end is the end."""
    sending = asyncio.ensure_future(up)
    try:
        await down
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def opened(settings: SandboxSettings, given: Egress | None) -> Egress | None:
    """The way out of a sandbox, started: ``given``, or one for what the settings allow."""
    if given is None and settings.allow and settings.tier == "bwrap":
        given = Egress(settings.allow, settings.uid, settings.private)
    if given is not None:
        await given.start()
    return given
