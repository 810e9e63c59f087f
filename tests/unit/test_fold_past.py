"""What a rewind does to the state: which fields go back, which stay; the demo can be cut anywhere."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from codebutler.events import Event, Forked, FrameStarted, ModelFailed, ModelRequested, Rewound, parse
from codebutler.testing.strict import fault
from codebutler.thread.fold import apply, fold
from codebutler.thread.fold_past import FACTS, RETURNED, SET
from codebutler.thread.points import points
from codebutler.thread.state import ThreadState
from codebutler.types import Person, Usage

ROBIN = Person(surface="terminal", id="robin", name="Robin")
LINES = (Path(__file__).parent / "golden/demo_thread.jsonl").read_text().splitlines()
Row = tuple[int, float, Event | None]
DEMO: list[Row] = [(row["seq"], row["ts"], parse(json.dumps(row))) for row in map(json.loads, LINES)]


def rewound(to: int, *, frame: str = "", hold: bool = False) -> Row:
    event = Rewound(
        message=0, by=ROBIN, number=1, to=to, commit="c" * 40, files=["X"], frame=frame,
        note="(back)" if frame else "", hold=hold,
    )  # fmt: skip
    return (DEMO[-1][0] + 1, DEMO[-1][1] + 1.0, event)


def test_every_field_of_the_state_has_its_place() -> None:
    """A new field must be put into one of the three: does a rewind take it back, leave it, or set it?"""
    names = [field.name for field in fields(ThreadState)]
    assert sorted([*RETURNED, *FACTS, *SET]) == sorted(names)


@pytest.mark.parametrize("cut", range(1, len(DEMO), 7))
def test_the_demo_cut_anywhere_is_what_it_was_there_but_for_the_facts(cut: int) -> None:
    whole, then = fold("t", DEMO), fold("t", DEMO[:cut])
    state = fold("t", [*DEMO, rewound(cut)])
    for name in RETURNED:
        assert getattr(state, name) == getattr(then, name), name
    for name in FACTS - {"seq", "ts"}:
        assert getattr(state, name) == getattr(whole, name), name
    assert (state.head, state.files, state.rewinds) == ("c" * 40, {"X"}, 1)
    assert (state.halted, state.merge, state.refused, state.requested) == ("", None, "", {})
    assert {s for s in state.said if not s.startswith("notice:")} == {
        s for s in then.said if not s.startswith("notice:")
    }


def test_going_on_after_a_rewind_and_back_again_is_folded_as_one_history() -> None:
    """The same events once more after the rewind give the same frames, money twice; and back past it all."""
    first = points(fold("t", DEMO))[6]
    back = rewound(first.seq, frame=first.frame)
    assert isinstance(back[2], Rewound)
    again = [(back[0] + n, ts, e) for n, (seq, ts, e) in enumerate(DEMO[first.seq :], 1)]
    state, once = fold("t", [*DEMO, back, *again]), fold("t", DEMO)
    noted = state.frames[first.frame].messages
    assert [m for m in noted if m["content"] != "(back)"] == once.frames[first.frame].messages
    assert sum(m["content"] == "(back)" for m in noted) == 1
    spent_later = once.usd - fold("t", DEMO[: first.seq]).usd
    assert state.usd == pytest.approx(once.usd + spent_later)
    twice = (again[-1][0] + 1, 0.0, back[2].model_copy(update={"to": 9}))
    assert len(fold("t", [*DEMO, back, *again, twice]).frames) == len(fold("t", DEMO[:9]).frames)


def test_a_point_is_the_byte_prefix_of_the_next_request_and_a_strict_provider_takes_it() -> None:
    """For every point within a run: transcript there + note is what the next request holds."""
    seen = 0
    for point in points(fold("t", DEMO)):
        then = fold("t", DEMO[: point.seq])
        if point.rest is not None:
            continue
        state = fold("t", [*DEMO, rewound(point.seq, frame=point.frame, hold=True)])
        messages = state.frames[point.frame].messages
        assert messages[:-1] == then.frames[point.frame].messages
        assert messages[-1] == {"role": "user", "content": "(back)"}
        assert state.frames[point.frame].due
        assert state.halted == "rewound"
        assert fault({"model": "m", "messages": [{"role": "system", "content": "s"}, *messages]}) == ""
        seen += 1
    assert seen > 10


def test_the_demos_points_say_what_happened_and_hold_what_was_written() -> None:
    found = points(fold("t", DEMO))
    assert [p.number for p in found] == list(range(1, len(found) + 1))
    assert [p.seq for p in found] == sorted({p.seq for p in found})
    text = "\n".join(p.text for p in found)
    assert "plan: " in text
    assert "Coder, step " in text
    assert "pull request #1 is open" in text
    assert {f for p in found for f in p.files} >= {"parcelrate/bands.py", "CHANGES.md"}
    commits = [p.commit for p in found if p.commit]
    assert set(commits) <= {json.loads(x).get("commit") or json.loads(x).get("base") for x in LINES}


def test_a_fork_keeps_talk_and_plans_and_none_of_the_other_threads_money_or_pull_request() -> None:
    cut = points(fold("t", DEMO))[-1].seq
    forked = Forked(thread="t", number=1, to=cut, by=ROBIN, frame="pm", note="(fork)")
    state, then = fold("u", [*DEMO[:cut], (cut + 1, 0.0, forked)]), fold("u", DEMO[:cut])
    assert state.plan == then.plan
    assert state.frames["coder-1"].messages == then.frames["coder-1"].messages
    assert state.frames["pm"].messages[-1]["content"] == "(fork)"
    assert then.usd > 0
    assert (state.usd, sum(f.usd for f in state.frames.values())) == (0, 0)
    assert (state.pr, state.pr_state, state.pushed, state.worktree, state.head) == (None, "", "", None, "")


@pytest.mark.parametrize("ends", ["asked again", "rewound"])
def test_a_call_that_was_cut_off_counts_its_tokens_in_full(ends: str) -> None:
    """Nobody knows what it took: a kill, a cancel or a rewind must not lift a cap of tokens."""
    asked = ModelRequested(frame="pm", step=1, model="m", usage=Usage(input=900, output=4000))
    log: list[Row] = [(1, 0.0, FrameStarted(frame="pm", role="pm")), (2, 0.0, asked)]
    assert fold("t", log).cut_off == 0
    back = Rewound(message=0, by=ROBIN, number=1, to=1)
    again = asked.model_copy(update={"usage": Usage(input=1)})
    state = fold("t", [*log, (3, 0.0, back if ends == "rewound" else again)])
    assert (state.cut_off, state.usd) == (4900, 0.0)
    if ends == "asked again":
        apply(state, 4, 0.0, ModelFailed(frame="pm", step=1, model="m", error="503"))
        apply(state, 5, 0.0, again)
        assert state.cut_off == 4900


def test_a_rewind_can_be_folded_in_parts() -> None:
    log = [*DEMO, rewound(60), (DEMO[-1][0] + 2, 0.0, None)]
    state = fold("t", log[:100])
    for row in log[100:]:
        apply(state, *row)
    assert state == fold("t", log)
