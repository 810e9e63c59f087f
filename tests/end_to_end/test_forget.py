"""Forgetting a person, and what is over: gone from every byte that is ours, and the rest is named."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from codebutler.store.store import Store
from codebutler.testing.cast import Cast, lead, plan, write
from codebutler.testing.doubles import says
from codebutler.thread import retention
from codebutler.types import Attachment, Inbound, Person
from tests.end_to_end.test_keeping import cli, echo

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

DAY = 24 * 3600
ANA = Person(surface="terminal", id="U0ANA", name="Ana Karenina")
KIM = Person(surface="terminal", id="U0KIM", name="Kim")
SLACKER = Person(surface="slack", id="U0SAM", name="Sam")
SECRET = "My flat is in Anglet Lane 7"


async def say(
    scene: Scene, conversation: str, text: str, by: Person, files: list[Attachment] | None = None
) -> str:
    key = f"{conversation}:{text[:8]}:{by.id[-3:]}"
    inbound = Inbound(
        surface="terminal", external_id=conversation, key=key.replace("ANA", "x"), author=by, text=text,
        attachments=files or [],
    )  # fmt: skip
    thread = await scene.engine.receive(inbound)
    await scene.rest(thread)
    return thread


def holding(root: Path, *words: str) -> set[str]:
    """Files below ``root`` in which one of the words stands."""
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes() for word in words)
    }


async def test_a_person_is_forgotten_and_their_threads_go_on(room: Room, tmp_path: Path) -> None:
    async with room.engine(echo) as scene:
        sha = await scene.host.store.put_blob(f"{SECRET} as a file".encode())
        await say(scene, "own", SECRET, ANA, [Attachment(name="flat.txt", sha256=sha)])
        shared = await say(scene, "shared", "Kim asks something here", KIM)
        await say(scene, "shared", SECRET, ANA)
    exported = tmp_path / "shared.jsonl"
    await cli(room, "export", shared, "-o", str(exported))
    code, out, err = await cli(room, "forget", "ana karenina")
    assert (code, "--yes" in err) == (2, True)
    assert "terminal:U0ANA is named in 2 threads" in out
    code, out, err = await cli(room, "forget", "ana karenina", "--yes")
    assert (code, err) == (0, "")
    assert str(exported) in out
    assert "cannot be changed" in out
    words = (SECRET, "U0ANA", "Karenina", "flat.txt")
    assert holding(room.sample.repo / ".codebutler", *words) == set()
    assert holding(room.home, *words) - {"made.jsonl"} == set()
    async with room.engine(echo) as scene:
        await say(scene, "shared", "and now something else", KIM)
        assert (await scene.posts(shared))[-1] == "re Kim: and now something else"
        heard = json.dumps(scene.asked[-1].messages)
        assert SECRET not in heard
        assert "person-" in heard
    assert (await cli(room, "replay", shared))[0] == 0
    code, _, err = await cli(room, "forget", "ana karenina", "--yes")
    assert (code, "nobody here is called" in err) == (2, True)


async def test_whoever_runs_the_host_ends_the_threads_of_a_forgotten_owner(room: Room) -> None:
    async with room.engine(
        Cast(pm=[plan()], coder=[write("A", "a"), says("Wrote A.")], lead=lead())
    ) as scene:
        thread = (await scene.shipped()).id
    code, out, _ = await cli(room, "run", "merge", "--thread", thread)
    assert (code, "Only robin may merge in this thread" in out) == (3, True)
    code, out, _ = await cli(room, "forget", "terminal:robin", "--yes")
    assert (code, "whoever runs this host decides" in out) == (0, True)
    async with room.engine(Cast()) as scene:
        inbound = Inbound(surface="slack", external_id="C1", key="s1", author=SLACKER, text="merge")
        await scene.host.store.bind(thread, "slack", "C1")
        await scene.engine.receive(inbound)
        assert (await scene.rest(thread)).merged is None
        assert (await scene.posts(thread))[-1].startswith(
            "Only whoever runs the host, at its terminal, may merge"
        )
    code, out, err = await cli(room, "run", "merge", "--thread", thread)
    assert (code, "Merged #1" in out) == (0, True), (out, err)


async def test_a_name_that_two_people_have_must_be_made_clear(room: Room) -> None:
    async with room.engine(echo) as scene:
        await say(scene, "a", "hello there", KIM)
        await say(scene, "a", "hello too", Person(surface="terminal", id="U1", name="kim"))
    code, _, err = await cli(room, "forget", "kim", "--yes")
    assert code == 2
    assert "terminal:U0KIM" in err
    assert "terminal:U1" in err
    assert (await cli(room, "forget", "terminal:U1", "--yes"))[0] == 0


def age(store: Path, thread: str, days: int, *, phase: str = "closed") -> None:
    """Make a thread look as if it had not changed for so many days."""
    with closing(sqlite3.connect(store)) as raw, raw:
        raw.execute(
            "UPDATE thread SET phase = ?, updated_at = updated_at - ? WHERE id = ?",
            (phase, days * DAY, thread),
        )


async def test_what_is_over_goes_by_age_and_open_threads_stay(room: Room) -> None:
    room.configure(retention={"logsDays": 100, "blobsDays": 10})
    async with room.engine(echo) as scene:
        store = scene.host.store
        files = {n: await store.put_blob(n.encode()) for n in ("old", "middle", "open", "loose")}
        names = {}
        for name in ("old", "middle", "open"):
            files_ = [Attachment(name=name, sha256=files[name])]
            names[name] = await say(scene, name, f"{name} {'x' * 70_000}", KIM, files_)
        path = store.path
        age(path, names["old"], 103)
        age(path, names["middle"], 13)
        age(path, names["open"], 5000, phase="pm")
        assert await retention.sweep(scene.host, time.time() - 2 * DAY) == [], "who knows what time it is"
        assert await retention.sweep(scene.host) == [f"thread {names['old']}"], "files wait for a second look"
        with closing(sqlite3.connect(path)) as raw, raw:
            raw.execute(
                "UPDATE meta SET value = json_array((SELECT max(rowid) FROM blob), 0) WHERE key = 'blobs_seen'"
            )
        files["later"] = await store.put_blob(b"a door has just put it here")
        assert await retention.sweep(scene.host) == ["3 files"]
        assert await store.thread(names["old"]) is None
        assert await store.events(names["old"]) == []
        assert await store.find("terminal", "old") is None
        kept = {name: await store.get_blob(sha) is not None for name, sha in files.items()}
        assert kept == {"old": False, "middle": False, "open": True, "loose": False, "later": True}
        assert (await scene.state(names["middle"])).outcome == "answered", "its log is kept, and is whole"
        assert await retention.sweep(scene.host) == []
    copies = list((room.home / "copies").rglob("*.db"))
    assert len(copies) == 1
    copy = await Store.open(copies[0])
    assert {row.id for row in await copy.threads()} == {names["middle"], names["open"]}
    await copy.close()
    code, _, err = await cli(room, "show", names["old"])
    assert (code, "no thread" in err) == (2, True)


async def test_counts_of_days_long_gone_are_dropped(room: Room) -> None:
    async with room.engine(echo) as scene:
        ledger, store = scene.host.ledger, scene.host.store
        for day in ("2020-01-01", "2099-01-01"):
            await ledger.reserve(key=day, usd=1, caps={f"day:{day}": 9, f"person:t:kim:{day}": 9})
            await store.reserve(key=day, usd=1, caps={f"runs:{day}T07": 9, "thread:t2020-01-01x": 9})
        await retention.sweep(scene.host, time.time() - 2 * DAY)
        await retention.sweep(scene.host)
        assert await ledger.scopes("") == ["day:2099-01-01", "person:t:kim:2099-01-01"]
        assert await store.scopes("") == ["runs:2099-01-01T07", "thread:t2020-01-01x"]
        assert len(await ledger.unsettled()) == 2, "what is reserved now stays"
