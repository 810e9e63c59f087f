"""A twin that ends while somebody connects to it leaves nothing open."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings

import pytest

from codebutler.testing.webtwin import WebTwin


@pytest.mark.parametrize("hangs_up", [True, False])
@pytest.mark.parametrize("rounds", range(6))
async def test_who_connects_in_the_last_moment_is_let_go(rounds: int, *, hangs_up: bool) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        async with WebTwin() as twin:
            with socket.create_connection(("127.0.0.1", twin.port)) as caller:
                for _ in range(rounds):
                    await asyncio.sleep(0)
                if hangs_up:
                    caller.close()
                await twin.__aexit__()
        gc.collect()
    assert [str(each.message) for each in told if issubclass(each.category, ResourceWarning)] == []
