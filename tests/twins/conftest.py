"""Connections to MCP servers at a URL of this test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Protocol

import pytest

from codebutler.servers import remote
from codebutler.servers.connection import Connection, Patience
from codebutler.web.urls import read


class Far(Protocol):
    """A connection to the server at ``url``, not started yet. ``private``: loopback is vouched for."""

    def __call__(
        self, url: str, *, call: float = 10.0, private: bool = True
    ) -> AbstractAsyncContextManager[Connection]: ...


@pytest.fixture
def far_at() -> Far:
    return connected


@asynccontextmanager
async def connected(url: str, *, call: float = 10.0, private: bool = True) -> AsyncIterator[Connection]:
    vouched = (url.split("/")[2],) if private else ()
    target = read(url, ports=range(1, 65536), private=vouched)
    way = partial(remote.way, target, {"Authorization": "Bearer canary"}, seconds=5.0)
    connection = Connection("far", way, Patience(start=20.0, list=20.0, call=call))
    try:
        yield connection
    finally:
        await connection.close()
