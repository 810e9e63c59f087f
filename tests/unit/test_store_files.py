"""A store is saved, restored and followed while it is in use, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from codebutler.errors import CodeButlerError, ConfigError, StoreGone
from codebutler.store import files
from codebutler.store.copies import Copy
from codebutler.store.rows import NewEvent, NewPost, Timer
from codebutler.store.store import Store

TABLES = ("thread", "event", "outbox", "binding", "timer", "blob", "budget")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with two threads."""
    opened = await Store.open(tmp_path / "store.db")
    for thread in "AB":
        await opened.open_thread(
            thread, title=thread, owner="o", bindings=[("twin", thread)], events=[NewEvent("k", "0", "{}")]
        )
    yield opened
    await opened.close()


async def work(store: Store, thread: str, count: int, start: int = 1) -> None:
    """Events, some with long bodies, each with a post and a timer."""
    for n in range(start, start + count):
        await store.append(
            thread,
            [NewEvent("k", str(n), '"' + "x" * (70_000 if n % 5 == 0 else 10) + f'{n}"')],
            posts=[NewPost(f"p{n}", "twin", thread, '{"text": "hi"}')],
            timers=[Timer(thread, "t", float(n))],
        )


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that a store's file holds."""
    with closing(sqlite3.connect(path)) as raw:
        return {table: raw.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


# ---------------------------------------------------------------------------------- backup


async def test_a_backup_made_during_writes_is_one_moment_of_the_store(store: Store, tmp_path: Path) -> None:
    writing = asyncio.create_task(work(store, "A", 60))
    for n in range(4):
        await asyncio.sleep(0.01)
        await store.backup(tmp_path / f"{n}.db")
    await writing
    counts = []
    for n in range(4):
        found = rows(tmp_path / f"{n}.db")
        seqs = [seq for thread, seq, *_ in found["event"] if thread == "A"]
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(found["outbox"]) == len(seqs) - 1, "an append is in it wholly or not at all"
        assert [p.name for p in tmp_path.glob(f"*{n}.db*")] == [f"{n}.db"], "one file, nothing beside it"
        assert (tmp_path / f"{n}.db").stat().st_mode & 0o777 == 0o600
        counts.append(len(seqs))
    assert counts == sorted(counts)


async def test_a_backup_overwrites_nothing_and_leaves_nothing_half_done(store: Store, tmp_path: Path) -> None:
    (tmp_path / "there.db").write_text("mine")
    with pytest.raises(ConfigError, match=r"there\.db"):
        await store.backup(tmp_path / "there.db")
    with pytest.raises(ConfigError, match=r"gone/x\.db"):
        await store.backup(tmp_path / "gone" / "x.db")
    assert (tmp_path / "there.db").read_text() == "mine"
    assert {p.name for p in tmp_path.iterdir()} == {"there.db", "store.db", "store.db-wal", "store.db-shm"}


# --------------------------------------------------------------------------------- restore


async def test_a_restored_store_has_all_and_keeps_the_old_one(store: Store, tmp_path: Path) -> None:
    await work(store, "A", 12)
    await store.backup(tmp_path / "saved.db")
    first = await store.identity()
    await work(store, "B", 3)
    await store.close()
    before = rows(tmp_path / "store.db")
    assert files.restore(tmp_path / "saved.db", tmp_path / "store.db", tmp_path / "kept.db") is True
    assert rows(tmp_path / "store.db") == rows(tmp_path / "saved.db")
    assert rows(tmp_path / "kept.db") == before
    assert {p.name for p in tmp_path.iterdir()} == {"store.db", "saved.db", "kept.db"}
    again = await Store.open(tmp_path / "store.db")
    assert await again.identity() != first, "its copy must not be mixed with the old one's"
    await work(again, "B", 2)
    await again.close()


async def test_a_restore_needs_no_store_that_is_there(store: Store, tmp_path: Path) -> None:
    await store.backup(tmp_path / "saved.db")
    target = tmp_path / "elsewhere.db"
    assert files.restore(tmp_path / "saved.db", target, tmp_path / "kept.db") is False
    assert rows(target) == rows(tmp_path / "saved.db")


async def test_a_store_that_somebody_has_open_is_not_replaced(store: Store, tmp_path: Path) -> None:
    await work(store, "A", 2)
    await store.backup(tmp_path / "saved.db")
    with pytest.raises(CodeButlerError, match="another process has"):
        files.restore(tmp_path / "saved.db", tmp_path / "store.db", tmp_path / "kept.db")
    await work(store, "A", 2, start=3)
    assert not (tmp_path / "kept.db").exists()


@pytest.mark.parametrize("spoil", ["text", "empty", "other", "hole", "gone"])
async def test_what_is_no_sound_store_is_refused_and_changes_nothing(
    store: Store, tmp_path: Path, spoil: str
) -> None:
    await work(store, "A", 40)
    await store.close()
    before, bad = rows(tmp_path / "store.db"), tmp_path / "bad.db"
    if spoil == "text":
        bad.write_text("hello, I am no database" * 100)
    elif spoil == "empty":
        bad.write_bytes(b"")
    elif spoil == "other":
        with closing(sqlite3.connect(bad)) as raw:
            raw.execute("CREATE TABLE bookmarks (url TEXT)")
    elif spoil == "hole":
        data = bytearray((tmp_path / "store.db").read_bytes())
        data[len(data) // 2 : len(data) // 2 + 20_000] = b"\xff" * 20_000
        bad.write_bytes(data)
    with pytest.raises(ConfigError) as refused:
        files.restore(bad, tmp_path / "store.db", tmp_path / "kept.db")
    assert "bad.db" in str(refused.value)
    assert rows(tmp_path / "store.db") == before
    assert {p.name for p in tmp_path.iterdir()} <= {"store.db", "bad.db"}


# ------------------------------------------------------------------------------------ copies


async def test_a_copy_that_follows_holds_what_the_store_holds(store: Store, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "store.db", tmp_path / "copies" / "c.db")
    await work(store, "A", 7)
    await copy.follow("A")
    for turn in range(3):
        await work(store, "AB"[turn % 2], 6, start=100 * (turn + 1))
        for post in (await store.pending_posts(limit=4))[:3]:
            await store.post_sent(post.id, "m")
        await store.reserve(key=f"r{turn}", usd=1.0, caps={"thread:A": 9.0})
        await store.settle(key=f"r{turn}", usd=0.5)
        await copy.follow("A")
        await copy.follow("B")
        assert rows(copy.path) == rows(tmp_path / "store.db")
    await copy.close()
    assert copy.path.stat().st_mode & 0o777 == 0o600


async def test_what_is_only_reserved_is_free_in_the_copy(store: Store, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "store.db", tmp_path / "c.db")
    await copy.follow("A")
    await store.reserve(key="r", usd=1.0, caps={"thread:A": 1.0})
    await copy.follow("A")
    await copy.close()
    other = await Store.open(tmp_path / "c.db")
    await other.reserve(key="new", usd=1.0, caps={"thread:A": 1.0})
    await other.close()


async def test_pull_requests_are_in_the_copy(store: Store, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "store.db", tmp_path / "c.db")
    await copy.follow("A")
    from codebutler.forges.records import Records

    pulls = Records(tmp_path / "store.db")
    for n in range(3):
        await pulls.add(branch=f"b{n}", base="main", head="h", title="t", body="", draft=False)
        await copy.follow("A")
    await pulls.change(2, state="merged")
    await copy.follow("A")
    await copy.close()
    kept = await Records(tmp_path / "c.db").list()
    assert [(row.number, row.state) for row in kept] == [(3, "open"), (2, "merged"), (1, "open")]


async def test_a_copy_of_a_store_that_was_deleted_can_be_restored(store: Store, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "store.db", tmp_path / "c.db")
    await copy.follow("A")
    await work(store, "A", 5)
    for side in ("", "-wal", "-shm"):
        (tmp_path / f"store.db{side}").unlink()
    for use in (lambda: work(store, "A", 1, 9), lambda: store.events("A"), lambda: store.put_blob(b"x")):
        with pytest.raises(StoreGone, match="was deleted or replaced"):
            await use()
    assert not list(tmp_path.glob("store.db*"))
    await copy.follow("A")
    await store.close()
    files.restore(tmp_path / "c.db", tmp_path / "store.db", tmp_path / "kept.db")
    back = await Store.open(tmp_path / "store.db")
    assert len(await back.events("A")) == 6
    await back.close()
    await copy.close()


async def test_a_copy_that_cannot_be_written_is_one_clear_error(store: Store, tmp_path: Path) -> None:
    (tmp_path / "full").write_text("not a folder")
    with pytest.raises(ConfigError, match=r"full/c\.db"):
        await Copy(tmp_path / "store.db", tmp_path / "full" / "c.db").follow("A")


def test_a_process_killed_while_it_follows_leaves_a_sound_copy(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, signal, sys, threading\n"
        "from pathlib import Path\n"
        "from codebutler.store.store import Store\n"
        "from codebutler.store.copies import Copy\n"
        "from codebutler.store.rows import NewEvent\n"
        "async def main():\n"
        "    folder = Path(sys.argv[1])\n"
        "    store = await Store.open(folder / 'store.db')\n"
        "    await store.open_thread('A', title='', owner='', bindings=[], events=[])\n"
        "    copy = Copy(folder / 'store.db', folder / 'c.db')\n"
        "    threading.Timer(0.25, os.kill, (os.getpid(), signal.SIGKILL)).start()\n"
        "    for n in range(100_000):\n"
        "        await store.append('A', [NewEvent('k', str(n), '{}')])\n"
        "        await copy.follow('A')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode < 0
    live, kept = rows(tmp_path / "store.db")["event"], rows(tmp_path / "c.db")["event"]
    assert live[: len(kept)] == kept
    assert 0 <= len(live) - len(kept) <= 1


async def test_a_copy_may_be_closed_while_a_cancelled_follow_still_writes_it(tmp_path: Path) -> None:
    """A crash would take the process, so another one tries it; it says what follow does after the close."""
    script = """
import asyncio, sys
from pathlib import Path
from codebutler.store.copies import Copy
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store
async def main():
    store = await Store.open(Path(sys.argv[1], "store.db"))
    await store.open_thread("A", title="A", owner="o", bindings=[], events=[NewEvent("k", "0", "{}")])
    for n in range(20):
        await store.append("A", [NewEvent("k", f"{n}-{i}", '"' + "x" * 60_000 + '"') for i in range(5)])
        copy = Copy(store.path, Path(sys.argv[1], f"copy{n % 4}.db"))
        following = [asyncio.create_task(copy.follow("A")) for _ in range(3)]
        await asyncio.sleep(n % 10 / 1000)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await copy.close()
        await copy.follow("A")
        assert copy._open is None
    await store.close()
    print("whole")
asyncio.run(main())
"""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.returncode) == ("whole\n", 0), done.stderr
