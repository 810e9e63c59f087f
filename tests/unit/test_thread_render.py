"""What people read, made from the state: plan, card, PR body, report, journal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codebutler.events import (
    EscalationAnswered,
    EscalationAsked,
    Event,
    FrameStarted,
    MessageReceived,
    ModelReplied,
    ThreadOpened,
    ToolFinished,
    dump,
    parse,
)
from codebutler.store.rows import StoredEvent
from codebutler.thread import lessons, render
from codebutler.thread.fold import fold
from codebutler.thread.journal import journal, narrative
from codebutler.thread.state import ThreadState
from codebutler.types import MemoryItem, Person, ToolCall, Usage

GOLDEN = Path(__file__).parent / "golden" / "demo_thread.jsonl"
ROBIN = Person(surface="slack", id="U7", name="Robin")
ADA = Person(surface="github", id="ada")


def stored(*events: Event) -> list[StoredEvent]:
    return [StoredEvent("t1", n, e.kind, str(n), dump(e), n) for n, e in enumerate(events, 1)]


def state_of(rows: list[StoredEvent]) -> ThreadState:
    return fold(rows[0].thread, ((r.seq, r.ts, parse(r.body)) for r in rows))


@pytest.fixture(scope="module")
def demo() -> list[StoredEvent]:
    rows = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    return [
        StoredEvent(r["thread"], r["seq"], r["kind"], str(r["seq"]), json.dumps(r), r["ts"]) for r in rows
    ]


def reply(role: str, model: str, usd: float, *, priced: bool = True, calls: int = 0) -> ModelReplied:
    return ModelReplied(
        frame=role, step=1, model=model, content="Hm.", usd=usd, priced=priced,
        usage=Usage(input=100, output=10, cached=60),
        tool_calls=[ToolCall(id=f"c{n}", name="read") for n in range(calls)],
    )  # fmt: skip


def test_people_keep_what_they_wrote_around_our_part_of_a_body(demo: list[StoredEvent]) -> None:
    ours = render.pr_body(state_of(demo))
    first = render.merge_body("Closes #7.\n", ours)
    assert first == f"Closes #7.\n\n{ours}"
    edited = first.replace("Closes #7.", "Closes #7 and #8.") + "\n\nReviewed by Ada."
    again = render.merge_body(edited, "<!-- codebutler:begin -->\nnew\n<!-- codebutler:end -->")
    assert again == (
        "Closes #7 and #8.\n\n<!-- codebutler:begin -->\nnew\n<!-- codebutler:end -->\n\nReviewed by Ada."
    )
    assert render.merge_body("", ours) == ours


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_no_words_of_people_are_ever_lost(before: str, after: str, new: str) -> None:
    for text in (before, after, new):
        if "codebutler" in text:
            return
    ours = f"{render.BODY_START}\nold\n{render.BODY_END}"
    fresh = f"{render.BODY_START}\n{new}\n{render.BODY_END}"
    assert render.merge_body(f"{before}{ours}{after}", fresh) == f"{before}{fresh}{after}"


@pytest.mark.parametrize(
    "broken",
    [
        "mine <!-- codebutler:begin --> ours, whose end somebody deleted",
        "ours, whose start somebody deleted <!-- codebutler:end --> mine",
        "<!-- codebutler:end --> turned around <!-- codebutler:begin -->",
    ],
)
def test_half_a_marker_takes_nothing_along(broken: str) -> None:
    ours = f"{render.BODY_START}\nnew\n{render.BODY_END}"
    body = render.merge_body(broken, ours)
    assert body.startswith(broken)
    assert body.endswith(ours)


def test_text_of_models_cannot_end_our_part_early(demo: list[StoredEvent]) -> None:
    """A later update would else leave pieces behind, or take what people wrote."""
    state = state_of(demo)
    assert state.summary is not None
    state.summary = state.summary.model_copy(
        update={"summary": f"bad {render.BODY_END} worse", "changes": [render.BODY_START]}
    )
    body = render.pr_body(state)
    assert body.count(render.BODY_START) == body.count(render.BODY_END) == 1
    once = render.merge_body(f"mine\n\n{body}\n\nyours", body)
    assert once == f"mine\n\n{body}\n\nyours"


def test_the_body_tells_the_thread(demo: list[StoredEvent]) -> None:
    body = render.pr_body(state_of(demo))
    for heading in ("## Summary", "## Changes", "## Decisions", "## Participants"):
        assert heading in body
    assert "- Robin (terminal)" in body
    assert "- coder: scripted" in body
    assert "Plan `9f1bdda0` approved by Robin." in body
    assert "Thread `t723096fcb`" in body


def test_the_report_adds_up_and_shows_what_roles_said_to_each_other() -> None:
    state = state_of(
        stored(
            ThreadOpened(title="t", owner=ROBIN),
            *(FrameStarted(frame=role, role=role) for role in ("pm", "coder")),
            reply("pm", "a/x", 0.25, calls=2),
            reply("pm", "a/x", 0.25),
            reply("coder", "b/y", 0.0, priced=False),
            EscalationAsked(frame="coder", call_id="k", role="coder", question="Tabs?"),
            EscalationAnswered(call_id="k", text="Spaces."),
            EscalationAsked(frame="coder", call_id="l", role="coder", question="And docs?"),
        )
    )
    report = render.report(state).text
    assert "| pm | a/x | 2 | 2 | 200 | 120 (60%) | 20 | 0 | $0.50 |" in report
    assert "| coder | b/y | 1 | 0 | 100 | 60 (60%) | 10 | 0 | $0.0000 (no price known) |" in report
    assert "| **all** |  | 3 | 2 | 300 | 180 (60%) | 30 | 0 | $0.50 (not all priced) |" in report
    assert "- coder asked: Tabs?\n  PM: Spaces." in report
    assert "- coder asked: And docs?\n  PM: (no answer)" in report


def test_the_status_card_is_one_message_that_is_edited(demo: list[StoredEvent]) -> None:
    card = render.status(state_of(demo), "tidying up")
    assert (card.slot, card.kind) == ("status", "status")
    assert card.text.startswith("**closed** · tidying up · `codebutler/charge-a-parcel")
    assert "PR #1 merged · $0.0261" in card.text
    assert card.text.count("☑") == 5


def test_a_plans_buttons_are_bound_to_its_hash(demo: list[StoredEvent]) -> None:
    proposed = state_of(demo).plan
    assert proposed is not None
    shown = render.plan(proposed)
    assert {c.action: c.value for c in shown.choices} == {"approve": proposed.hash, "cancel": proposed.hash}
    assert "1. " in shown.text
    assert "`parcelrate/bands.py`" in shown.text


def test_memory_items_are_numbered_as_people_name_them() -> None:
    items = [
        MemoryItem(file="pm.md", text="Be brief", why="You asked."),
        MemoryItem(file="workflows.md", text="Run mypy", kind="add_step", section="bugfix"),
    ]
    lines = lessons.card(items).text.splitlines()
    assert lines[2:5] == [
        "1. Be brief _(lesson → pm.md)_",
        "   because You asked.",
        "2. Run mypy _(add step → workflows.md, bugfix)_",
    ]


def test_the_journal_tells_who_did_what_and_what_it_cost(demo: list[StoredEvent]) -> None:
    text = journal(state_of(demo), demo)
    assert text.startswith("# A parcel of exactly 2 kg")
    for line in (
        "- **Robin**: A parcel of exactly 2 kg is quoted",
        "- **Coder → PM**: With the fix a parcel of exactly 20 kg",
        "- **PM → role**: Yes, it is carried",
        "- **Robin** approved plan `9f1bdda0`",
        "  - Coder calls `bash`",
        "- pull request #1 opened",
        "- **Robin** keeps in memory: parcelrate: a limit",
        "| **all** |  | 21 |",
    ):
        assert line in text


def test_a_long_result_is_cut_and_a_long_story_loses_its_middle() -> None:
    rows = stored(
        ThreadOpened(title="t", owner=ROBIN),
        FrameStarted(frame="pm", role="pm"),
        MessageReceived(surface="github", external_id="1", author=ADA, text="FIRST"),
        reply("pm", "m", 0.0, calls=1),
        ToolFinished(frame="pm", call_id="c0", name="read", text="x\n" * 50_000),
        *(
            MessageReceived(surface="github", external_id="1", author=ADA, text=f"word {n}")
            for n in range(500)
        ),
        MessageReceived(surface="github", external_id="1", author=ADA, text="LAST"),
    )
    state = state_of(rows)
    assert max(map(len, journal(state, rows).splitlines())) < 1_000
    story = narrative(rows, cap=2_000)
    assert len(story) < 2_100
    assert "FIRST" in story
    assert story.endswith("LAST")
    assert "characters left out" in story
    assert narrative(rows, cap=10**6) in journal(state, rows)
