"""A person taken out of a log: their names and words are gone, and the log folds to the same thread."""

from __future__ import annotations

import json
from pathlib import Path

from codebutler.events import parse
from codebutler.store.rows import Post, StoredEvent, ThreadRow
from codebutler.thread.fold import fold
from codebutler.thread.forget import GONE, Eraser, Forgotten, people
from codebutler.thread.state import ThreadState
from codebutler.types import Person

GOLDEN = Path(__file__).parent / "golden" / "demo_thread.jsonl"
ROBIN = Forgotten(frozenset({("terminal", "robin")}), frozenset({"Robin"}), "person-0a1b2c3d")
ROW = ThreadRow(
    "t", "Robin's bug", "closed", "closed", "Robin", "codebutler/x", "1", False, 1, 0.0, 0.0, "{}"
)


def demo() -> list[StoredEvent]:
    rows = map(json.loads, GOLDEN.read_text().splitlines())
    return [StoredEvent("t", r["seq"], r["kind"], str(r["seq"]), json.dumps(r), r["ts"]) for r in rows]


def folded(events: list[StoredEvent]) -> ThreadState:
    return fold("t", ((e.seq, e.ts, parse(e.body)) for e in events))


def forgotten(events: list[StoredEvent]) -> list[StoredEvent]:
    change = Eraser(ROBIN, events).rewrite(ROW, [])
    return [StoredEvent("t", e.seq, e.kind, e.key, change.bodies[e.seq], e.ts) for e in events]


def test_everybody_in_a_log_is_found() -> None:
    assert {(p.surface, p.id, p.name) for p in people(demo())} == {("terminal", "robin", "Robin")}


def test_the_demo_without_its_person_folds_to_the_same_thread() -> None:
    before, after = folded(demo()), folded(forgotten(demo()))
    assert (after.phase, after.outcome, after.seq, after.usd) == (
        before.phase,
        before.outcome,
        before.seq,
        before.usd,
    )
    assert after.files == before.files
    assert (after.head, after.pushed, after.pr_state, after.worktree) == (
        before.head, before.pushed, before.pr_state, before.worktree
    )  # fmt: skip
    assert list(after.people) == [("terminal", ROBIN.pseudonym)]
    assert {n: [m["role"] for m in f.messages] for n, f in after.frames.items()} == {
        n: [m["role"] for m in f.messages] for n, f in before.frames.items()
    }


def test_no_name_and_no_word_of_the_person_is_left() -> None:
    spoken = [json.loads(e.body)["text"] for e in demo() if e.kind == "message_received"]
    text = "".join(e.body for e in forgotten(demo()))
    assert "robin" not in text.lower()
    assert max(spoken, key=len) not in text
    assert GONE in text


def said(text: str, **more: object) -> StoredEvent:
    """Robin's message, as the first event."""
    body = {"kind": "message_received", "surface": "s", "external_id": "c", "text": text, **more}
    body["author"] = {"surface": "terminal", "id": "robin"}
    return StoredEvent("t", 1, "message_received", "1", json.dumps(body), 0)


def test_what_others_quote_goes_line_by_line_and_short_words_stay() -> None:
    brief = "> My street is Elm Road 5\n> go\nthe catalogue goes on; Robinson stays, Robin goes"
    start = {"kind": "frame_started", "frame": "robin", "content": brief}
    events = [
        said("My street is Elm Road 5\ngo"),
        StoredEvent("t", 2, "frame_started", "2", json.dumps(start), 0),
    ]
    after = [json.loads(e.body) for e in forgotten(events)]
    assert after[0]["text"] == GONE
    assert after[1]["frame"] == "robin", "what the fold goes by is left alone"
    assert (
        after[1]["content"]
        == f"> {GONE}\n> go\nthe catalogue goes on; Robinson stays, {ROBIN.pseudonym} goes"
    )


def test_the_row_the_posts_and_the_files_follow() -> None:
    events = [said("here", attachments=[{"name": "me.jpg", "sha256": "ab"}])]
    post = Post(
        7, "t", "k", "terminal", "c", json.dumps({"text": "Stopped by Robin."}), "", "sent", "", 1, ""
    )
    change = Eraser(ROBIN, events).rewrite(ROW, [post])
    assert json.loads(change.payloads[7]) == {"text": f"Stopped by {ROBIN.pseudonym}."}
    assert (change.row["owner"], change.row["title"]) == (ROBIN.pseudonym, f"{ROBIN.pseudonym}'s bug")
    assert (change.drop, change.unbind) == (["ab"], True)
    assert json.loads(change.bodies[1])["attachments"] == []


def test_a_thread_with_others_keeps_its_door() -> None:
    other = {"kind": "cancelled", "message": 1, "by": {"surface": "terminal", "id": "kim", "name": "Kim"}}
    events = [*demo(), StoredEvent("t", 999, "cancelled", "x", json.dumps(other), 0)]
    eraser = Eraser(ROBIN, events)
    assert eraser.rewrite(ROW, []).unbind is False
    assert Person(surface="terminal", id="kim", name="Kim") in people(events)
    assert "Kim" in eraser.rewrite(ROW, []).bodies[999]
