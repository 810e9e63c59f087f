"""Logs that were written once stay readable: a thread that lives for days survives every upgrade."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from codebutler.events import KINDS, dump, parse
from codebutler.testing.strict import fault
from codebutler.thread.fold import apply, fold
from codebutler.thread.fork import OWN, _copied
from codebutler.thread.state import Spend, ThreadState
from codebutler.types import Person

GOLDEN = Path(__file__).parent / "golden"
HELP = "a new kind needs a line in tests/unit/golden/every_kind.jsonl and least_of_every_kind.jsonl"
Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    return [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text().splitlines()]


def state_of(log: list[Row]) -> ThreadState:
    return fold("t723096fcb", ((r["seq"], r["ts"], parse(json.dumps(r))) for r in log))


@pytest.fixture(scope="module")
def demo() -> list[Row]:
    return rows("demo_thread")


def test_the_demos_log_folds_to_a_landed_thread(demo: list[Row]) -> None:
    state = state_of(demo)
    assert (state.seq, state.phase, state.outcome, state.halted) == (148, "closed", "closed", "")
    assert state.opened is not None
    assert state.opened.owner.label == "Robin"
    assert state.opened_at == demo[0]["ts"]
    assert state.unread == {}
    assert list(state.people) == [("terminal", "robin")]
    assert state.plan is not None
    assert state.approval is not None
    assert state.approval.hash == state.carried_out == state.plan.hash
    assert not state.plan_waits
    assert state.files == {"parcelrate/bands.py", "tests/test_bands.py", "CHANGES.md"}
    assert [i.status for i in state.checklist] == ["done"] * 5
    assert state.head == state.pushed == "50ff2541487878494d60ce32d3c6e45690d1d36e"
    assert (state.pr_state, state.body_written, state.removed) == ("merged", True, True)
    assert state.merged is not None
    assert state.merged.commit.startswith("5c70e4ec9263")
    assert [x.role for x in state.exchanges] == ["coder"]
    assert (state.exchanges[0].answer or "").startswith("Yes, it is carried")
    assert state.memory is None
    assert ([len(d.kept) for d in state.kept], state.memory_commits) == ([2], 1)
    pm = state.spend[("pm", "scripted")]
    assert pm == Spend(
        calls=5, input=19553, output=367, cached=14855, usd=pm.usd, tools=8, seconds=pm.seconds
    )
    assert state.usd == pytest.approx(0.02614145)


def test_the_demos_transcripts_are_rebuilt(demo: list[Row]) -> None:
    frames = state_of(demo).frames
    assert {n: (f.step, len(f.messages), f.ended) for n, f in frames.items()} == {
        "pm": (5, 15, None),
        "coder-1": (12, 28, "pr"),
        "lead-1": (4, 9, "done"),
    }
    texts = {r["text"] for r in demo if r["kind"] == "tool_finished"}
    results = {m["content"] for f in frames.values() for m in f.messages if m["role"] == "tool"}
    assert results == texts
    assert not any(f.calls or f.due for f in frames.values())


def test_every_request_of_the_demo_would_pass_a_strict_provider(demo: list[Row]) -> None:
    """At each model call, system prompt and transcript so far are a valid request that extends the last."""
    state, last, seen = ThreadState("t"), dict[str, str](), 0
    for row in demo:
        event = parse(json.dumps(row))
        apply(state, row["seq"], row["ts"], event)
        if row["kind"] == "model_requested":
            messages = state.frames[row["frame"]].messages
            assert fault({"model": "m", "messages": [{"role": "system", "content": "s"}, *messages]}) == ""
            text = json.dumps(messages)
            assert text.startswith(last.get(row["frame"], "")[:-1])
            last[row["frame"]] = text
            seen += 1
    assert seen == 21


def test_events_of_a_newer_version_are_skipped(demo: list[Row]) -> None:
    newer = []
    for row in demo:
        newer += [row, {**row, "kind": "from_the_future", "surprise": {"a": [1]}}]
    assert state_of(newer) == state_of(demo)
    more = [{**row, "added_later": True} for row in demo]
    assert state_of(more) == state_of(demo)


@pytest.mark.parametrize("name", ["every_kind", "least_of_every_kind"])
def test_there_is_a_line_for_every_kind(name: str) -> None:
    kinds = [row["kind"] for row in rows(name)]
    assert len(kinds) == len(set(kinds))
    assert set(kinds) == KINDS, HELP


def of_old(old: Any, new: Any) -> Any:
    """What ``new`` has of the fields that ``old`` had: a later version may add some, at any depth."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: of_old(value, new.get(key)) for key, value in old.items()}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [of_old(*pair) for pair in zip(old, new, strict=True)]
    return new


@pytest.mark.parametrize("row", rows("every_kind"), ids=lambda row: row["kind"])
def test_a_kind_keeps_what_was_written(row: Row) -> None:
    """Every field that an old line has comes back unchanged; a renamed or retyped one would not."""
    event = parse(json.dumps(row))
    assert event is not None
    assert of_old(row, json.loads(dump(event))) == row
    assert parse(dump(event)) == event


@pytest.mark.parametrize("row", rows("least_of_every_kind"), ids=lambda row: row["kind"])
def test_fields_that_an_old_line_lacks_have_a_default(row: Row) -> None:
    event = parse(json.dumps(row))
    assert event is not None
    assert parse(dump(event)) == event


def test_a_damaged_line_is_an_error_and_not_skipped() -> None:
    with pytest.raises(ValidationError):
        parse('{"kind": "model_replied", "frame": "pm", "step": "three"}')
    for damaged in ("{", "[1]", '{"seq": 1}', '{"kind": 1}'):
        with pytest.raises(ValueError):  # noqa: PT011 - JSON's own error, or ours: what matters is its class
            parse(damaged)


def test_a_fork_pays_for_nothing_that_was_paid_before() -> None:
    """A new kind that costs money must be known to the fork, or its money is counted twice."""
    by = Person(surface="terminal", id="robin")
    events = [e for row in rows("every_kind") if (e := parse(json.dumps(row))) is not None]
    paid = [e for e in events if hasattr(e, "usage") and e.kind not in OWN | {"image_ordered"}]
    assert {e.kind for e in paid} == {"model_replied", "compacted", "image_made", "transcribed"}
    for event in paid:
        copied = json.loads(dump(_copied(event, by, [])))
        assert (copied["usd"], copied["usage"]["input"]) == (0.0, 0)
