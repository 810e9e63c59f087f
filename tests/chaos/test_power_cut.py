"""A power cut takes the last commits that were not synced: what only read is read again, money stays counted.

A kill stands in for it, after which those commits are cut off the files as SQLite would not find them.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.chaos.conftest import Calm, Rig

HEAD, FRAME = 32, 24
"""Bytes of a WAL's header, and of each frame's."""


def cut(store: Path, commits: int = 1) -> None:
    """Take the last ``commits`` off the store's WAL, and the memory that the processes shared."""
    wal = store.with_name(f"{store.name}-wal")
    data = wal.read_bytes()
    size = FRAME + struct.unpack(">I", data[8:12])[0]
    ends = [0]
    for at in range(HEAD, len(data) - size + 1, size):
        if data[at + 8 : at + 16] != data[16:24]:
            break  # of an earlier round
        if data[at + 4 : at + 8] != bytes(4):
            ends.append(at + size)
    wal.write_bytes(data[: ends[-1 - commits]])
    store.with_name(f"{store.name}-shm").unlink()


def money(store: Path) -> dict[str, int]:
    """What each call has cost, as the file has it."""
    with closing(sqlite3.connect(store)) as connection:
        return dict(connection.execute("SELECT key, spent FROM reservation"))


async def test_a_checkpoint_that_the_log_lost_is_found(small: Rig, calm: Calm) -> None:
    row = (await calm.of(small)).row("checkpoint_made")

    def look() -> None:
        assert small.events()[-1]["kind"] == "checkpoint_made"
        cut(small.store)
        assert len(small.events()) == row - 1

    await small.survives(f"after:{row}", calm, look=look)


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_what_a_call_has_cost_is_counted_once_and_in_full(small: Rig, calm: Calm, number: int) -> None:
    """The reply is in the log with its price; the ledger, another file, has lost that it was settled."""
    row, ledger = (await calm.of(small)).row("model_replied", number), small.folder / "butler" / "global.db"

    def look() -> None:
        cut(ledger)
        assert len(small.unsettled()) == 1

    await small.survives(f"after:{row}", calm, look=look)
    assert set(money(ledger).items()) <= set(money(small.store).items())


@pytest.mark.parametrize("kind", ["frame_started", "turn_ended"])
async def test_a_row_and_a_claim_that_were_lost_are_made_anew(small: Rig, calm: Calm, kind: str) -> None:
    """What a commit between two events has written, without one of its own."""
    row = (await calm.of(small)).row(kind)

    def look() -> None:
        before, thread = small.events(), small.query("SELECT * FROM thread")
        assert len(before) == row - 1
        cut(small.store)
        assert small.events() == before
        assert small.query("SELECT * FROM thread") != thread

    await small.survives(f"before:{row}", calm, look=look)


@pytest.mark.parametrize("commits", [1, 2])
async def test_a_call_that_only_read_is_made_again(demo: Rig, calm: Calm, commits: int) -> None:
    row = (await calm.of(demo)).row("tool_finished")

    def look() -> None:
        before = demo.events()
        assert before[-1]["name"] in {"grep", "glob"}, "they run side by side"
        cut(demo.store, commits)
        left = demo.events()
        assert left == before[: len(left)]
        assert commits <= len(before) - len(left) <= 3, "commits may have been joined"

    await demo.survives(f"after:{row}", calm, look=look)
