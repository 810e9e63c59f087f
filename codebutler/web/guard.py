"""Which addresses may be dialled: a name is resolved once, all its addresses must be public, and the
connection goes to those and to no other, whatever the name resolves to a moment later."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from codebutler.addresses import is_inner, is_public
from codebutler.errors import ToolFailed
from codebutler.web.urls import Target

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver, ResolveResult

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""A name's addresses, as text."""


async def system_resolve(name: str, port: int) -> Sequence[str]:
    """Ask the host's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


async def addresses(target: Target, resolve: Resolve = system_resolve) -> list[str]:
    """The addresses that ``target`` may be dialled at. Raises ToolFailed if any of them is not public."""
    try:
        found = list(dict.fromkeys(await resolve(target.host, target.port)))
    except (OSError, UnicodeError) as error:
        raise ToolFailed(f"{target.host} cannot be resolved") from error
    if not found or not all(is_public(each) or (target.vouched and is_inner(each)) for each in found):
        raise ToolFailed(f"{target.host} leads to an address that is not public, so it is not fetched")
    return found


def pinned(target: Target, found: Sequence[str]) -> AbstractResolver:
    """A resolver that knows the one host of ``target``, at the addresses that were checked."""
    from aiohttp.abc import AbstractResolver

    class Pinned(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            if (host.lower(), port) != (target.host, target.port):
                raise OSError(f"{host}:{port} was not checked")
            return [_row(host, port, each) for each in found]

        async def close(self) -> None:
            """Nothing is held."""

    return Pinned()


def _row(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return {
        "hostname": host,
        "host": address,
        "port": port,
        "family": family,
        "proto": socket.IPPROTO_TCP,
        "flags": socket.AI_NUMERICHOST,
    }
