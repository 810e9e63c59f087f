"""Reservations: no cap is ever passed, however many ask at once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codebutler.errors import CodeButlerError, LimitReached
from codebutler.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    store = await Store.open(tmp_path / "store.db")
    yield store
    await store.close()


async def test_fifty_racing_reservations_never_overspend(store: Store, tmp_path: Path) -> None:
    """Over two stores on one file; 0.1 is no exact binary number, yet exactly ten fit into 1.0."""
    other = await Store.open(tmp_path / "store.db")
    caps = {"thread:T": 50.0, "day:2026-11-21": 1.0}
    calls = [(store, other)[i % 2].reserve(key=f"k{i}", usd=0.1, caps=caps) for i in range(50)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    won = [f"k{i}" for i, r in enumerate(results) if r is None]
    assert len(won) == 10
    assert all(r is None or isinstance(r, LimitReached) for r in results)
    assert sorted(await other.unsettled()) == sorted(won)
    for key in won:
        await store.settle(key=key, usd=0.1)
    assert await other.spent("day:2026-11-21") == await other.spent("thread:T") == 1.0
    await other.close()


async def test_the_refusal_names_scope_cap_and_what_is_spent(store: Store) -> None:
    await store.reserve(key="a", usd=1.5, caps={"thread:T": 2.0})
    await store.settle(key="a", usd=1.25)
    await store.reserve(key="b", usd=0.5, caps={"thread:T": 2.0})
    with pytest.raises(LimitReached) as hit:
        await store.reserve(key="c", usd=0.5, caps={"day:x": 9.0, "thread:T": 2.0})
    for part in ("thread:T", "cap of $2.00", "$1.25 spent", "$0.50 reserved", "$0.50 more"):
        assert part in hit.value.message
    assert (hit.value.scope, hit.value.short) == ("thread:T", 0.25)
    assert await store.unsettled() == ["b"], "nothing is held in the scope that had room"
    await store.reserve(key="d", usd=9.0, caps={"day:x": 9.0})


async def test_settling_frees_what_was_not_used_and_books_what_was_more(store: Store) -> None:
    await store.reserve(key="a", usd=1.0, caps={"s": 1.0})
    await store.settle(key="a", usd=0.25)
    await store.reserve(key="b", usd=0.75, caps={"s": 1.0})
    await store.settle(key="b", usd=0.8)
    assert await store.spent("s") == 1.05
    with pytest.raises(LimitReached):
        await store.reserve(key="c", usd=0.0001, caps={"s": 1.0})


async def test_keys_make_both_steps_idempotent(store: Store) -> None:
    for _ in range(2):
        await store.reserve(key="a", usd=0.6, caps={"s": 1.0})
    for usd in (0.5, 0.9):
        await store.settle(key="a", usd=usd)
    assert await store.spent("s") == 0.5
    await store.reserve(key="a", usd=0.6, caps={"s": 1.0})
    await store.reserve(key="b", usd=0.5, caps={"s": 1.0})
    assert await store.unsettled() == ["b"]


async def test_what_a_crash_left_reserved_is_found_by_prefix(store: Store) -> None:
    for key in ("T1:a", "T1:b", "T10:a", "T%:a"):
        await store.reserve(key=key, usd=0.1, caps={"s": 1.0})
    await store.settle(key="T1:b", usd=0)
    assert await store.unsettled("T1:") == ["T1:a"]
    assert await store.unsettled("T%") == ["T%:a"]


async def test_free_calls_and_missing_caps(store: Store) -> None:
    await store.reserve(key="a", usd=0, caps={"s": 0.0})
    await store.reserve(key="b", usd=5, caps={})
    await store.reserve(key="c", usd=1_000, caps={"s": math.inf})
    for key in "abc":
        await store.settle(key=key, usd=0.5)
    assert await store.spent("s") == 1.0
    assert await store.spent("never heard of") == 0.0


async def test_tiny_amounts_add_up(store: Store) -> None:
    """A thousand calls of a fraction of a cent lose nothing to rounding."""
    for i in range(1_000):
        await store.reserve(key=f"k{i}", usd=0.000_000_3, caps={"s": 1.0})
        await store.settle(key=f"k{i}", usd=0.000_000_1)
    assert await store.spent("s") == 0.0001


async def test_nonsense_is_refused(store: Store) -> None:
    for usd in (-0.1, math.nan):
        with pytest.raises(ValueError, match="no amount of money"):
            await store.reserve(key="a", usd=usd, caps={"s": 1.0})
    with pytest.raises(CodeButlerError, match="nothing was reserved as a"):
        await store.settle(key="a", usd=0.1)
