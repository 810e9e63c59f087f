"""Connections to MCP servers at a URL of this test's own; clients that speak through litellm."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from codebutler.config import load_config
from codebutler.models.foreign import Client
from codebutler.models.routing import Router
from codebutler.models.stream import Timeouts
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


@pytest.fixture
async def litellm_client(tmp_path: Path) -> AsyncIterator[Callable[..., Client]]:
    """A maker of clients whose configuration has these providers of litellm's. Loading it takes its time."""
    made: list[Client] = []

    def client(**providers: dict[str, str]) -> Client:
        (tmp_path / "config.json").write_text(json.dumps({"litellm": providers}))
        (tmp_path / "config.json").chmod(0o600)
        patient = Timeouts(connect=5.0, first=60.0, silence=5.0)
        made.append(Client(Router(load_config(None, home=tmp_path, env={})), timeouts=patient))
        return made[-1]

    yield client
    for each in made:
        await each.close()
