"""From what is known of a server to a connection with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

from codebutler.sandbox.executor import Executor
from codebutler.sandbox.guest import Guest
from codebutler.sandbox.job import Program
from codebutler.servers import remote, stdio
from codebutler.servers.connection import Connection, Patience
from codebutler.servers.declared import Server
from codebutler.servers.ways import Way


def reach(server: Server, patience: Patience, hands: Callable[[], Awaitable[Executor]]) -> Connection:
    """A connection that is not started. ``hands``: the executor beside which a program runs."""
    return Connection(server.name, _way(server, patience, hands), patience)


def _way(
    server: Server, patience: Patience, hands: Callable[[], Awaitable[Executor]]
) -> Callable[[], AbstractAsyncContextManager[Way]]:
    if server.target is not None:
        return partial(remote.way, server.target, server.headers, seconds=patience.call)
    program = Program(server.words, server.environment)

    async def start() -> Guest:
        return await (await hands()).guest(program)

    return partial(stdio.way, start)
