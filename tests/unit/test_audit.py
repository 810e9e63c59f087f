"""The audit: every command with who, where, what and result, those that were turned away among them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from codebutler.events import (
    CommandHandled,
    Event,
    MendRequested,
    MergeRefused,
    MergeRequested,
    MessageReceived,
    PlanApproved,
    PrMerged,
    dump,
)
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store
from codebutler.thread.audit import audit
from codebutler.types import Person

ANN = Person(surface="github", id="ann")
BOB = Person(surface="slack", id="U7", name="Bob")


def said(text: str, by: Person = ANN, *, action: str = "", value: str = "") -> MessageReceived:
    return MessageReceived(
        surface=by.surface, external_id="acme/shop#1", author=by, text=text, action=action, value=value
    )


async def test_every_command_is_there_with_what_came_of_it(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "store.db")
    log: Sequence[Event] = [
        said("Round up"),
        said("how are you?"),
        said("", action="approve", value="abcdef0123456789"),
        PlanApproved(message=3, hash="abcdef0123456789", base="b" * 40, by=ANN),
        said("/status", BOB),
        CommandHandled(message=5, name="status", by=BOB, result="planning\nall well"),
        said("merge", BOB),
        MergeRequested(message=7, by=BOB),
        MergeRefused(error="checks are missing"),
        said("/respond fix it"),
        MendRequested(about="review", head="c" * 40, text="fix it", message=10, by=ANN),
        PrMerged(number=4, commit="c" * 40, by=BOB),
    ]
    await store.open_thread(
        "t1", title="x", owner="ann", bindings=[("github", "acme/shop#1")],
        events=[NewEvent(e.kind, str(n), dump(e)) for n, e in enumerate(log)], row={},
    )  # fmt: skip
    away = {"at": "2020-01-01T00:00:00Z", "who": "eve", "where": "acme/shop#1", "what": "@bot merge"}
    await store.note("audit:github:acme/shop:comment:9", json.dumps({**away, "result": "no write access"}))
    rows = [(entry.who, entry.what, entry.result, entry.thread) for entry in await audit(store)]
    assert rows == [
        ("github:eve", "@bot merge", "no write access", ""),
        ("github:ann", "Round up", "thread opened", "t1"),
        ("github:ann", "approve abcdef012345", "plan abcdef01 approved", "t1"),
        ("slack:U7", "/status", "planning all well", "t1"),
        ("slack:U7", "merge", "merge asked for", "t1"),
        ("slack:U7", "merge", "refused: checks are missing", "t1"),
        ("github:ann", "/respond fix it", "answer to the review asked for", "t1"),
        ("slack:U7", "merge", "merged as cccccccccccc", "t1"),
    ]
    note = {**away, "who": "ann", "what": "@bot plan again", "result": "said to the thread", "thread": "t1"}
    await store.note("asked:github:acme/shop:comment:8", json.dumps(note))
    assert [entry.what for entry in await audit(store, thread="t1") if entry.at < 1_600_000_000] == [
        "@bot plan again"
    ]
    assert await audit(store, thread="t2") == []
    assert {entry.who for entry in await audit(store, since=1_700_000_000)} == {"github:ann", "slack:U7"}
    assert {entry.thread for entry in await audit(store, thread="t1")} == {"t1"}
    await store.close()
