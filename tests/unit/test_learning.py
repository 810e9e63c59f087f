"""What the logs of earlier threads show: use of items, what comes up again, what may go."""

from __future__ import annotations

from typing import Literal

import pytest

from codebutler import events as ev
from codebutler.agent.roles import load_roles
from codebutler.repo.memory import FILE_CHARS
from codebutler.repo.memory_items import learned
from codebutler.store.lessons import Past
from codebutler.thread import learning
from codebutler.thread.fold import fold
from codebutler.thread.learning import UNCHOSEN, UNUSED, looked_back, recurrence, removals, trend, uses
from codebutler.thread.weighing import corrected, rooms, sifted
from codebutler.thread.weight import weigh
from codebutler.types import MemoryItem, ToolCall

NOTE = "<!-- learned: thread=t0 date=2026-01-01 by=ana -->"
PM = f"## Learned\n\n- Beware of zebras crossing. {NOTE}\n- Run `make check` first. {NOTE}\n- By hand.\n"
FLOWS = f"## bugfix\n\n1. PM: look\n2. PM: check the auth method {NOTE}\n"
MEMORY = {"pm.md": PM, "workflows.md": FLOWS}
ZEBRA, CHECK = (item.id for item in learned(PM, "pm.md"))
AUTH = learned(FLOWS, "workflows.md")[0].id


def past(number: int, *, used: set[str] | None = None, **more: object) -> Past:
    made = Past(f"t{number}", ts=86_400.0 * number, shown={ZEBRA, CHECK}, used=used or set())
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_what_many_saw_and_nobody_used_may_go() -> None:
    pasts = [past(n, used={CHECK} if n == 2 else set()) for n in range(1, UNUSED + 1)]
    assert [(i.replaces, i.why) for i in removals(MEMORY, pasts, "2026-11-21")] == [
        ([ZEBRA], "shown in 5 threads and used in none")
    ]
    assert removals(MEMORY, pasts[1:], "2026-11-21") == []
    refused = [*pasts, past(9, unwanted={ZEBRA})]
    assert removals(MEMORY, refused, "2026-11-21") == [], "a person who said no is not asked again at once"
    [_, check, auth] = uses(MEMORY, pasts, "2026-11-21")
    assert (check.shown, check.used, check.last, check.why) == (5, 1, "1970-01-03", "")
    assert (auth.item.id, auth.shown) == (AUTH, 0)


def test_a_step_is_unused_only_once_many_threads_went_by_other_workflows() -> None:
    """A week of features says nothing about what was learned for a bugfix."""
    pasts = [past(n, workflow="feature", shown={AUTH}) for n in range(1, UNCHOSEN)]
    assert removals(MEMORY, pasts, "2026-11-21") == []
    [gone] = removals(MEMORY, [*pasts, past(30, workflow="feature", shown={AUTH})], "2026-11-21")
    assert (gone.replaces, gone.why) == ([AUTH], "none of the 20 threads since went by bugfix")


def test_an_item_is_used_where_its_words_or_what_it_quotes_occur() -> None:
    log: list[ev.Event] = [
        ev.FrameStarted(frame="pm", role="pm"),
        ev.ModelReplied(frame="pm", step=1, model="m", content="I looked",
                        tool_calls=[ToolCall(id="c", name="bash", arguments='{"command": "make check"}')]),
    ]  # fmt: skip
    chosen = ev.WorkflowChosen(name="bugfix", steps=[])

    def weighed(*more: ev.Event) -> list[str]:
        events = [*log, *more]
        state = fold("t", ((n, 0.0, e) for n, e in enumerate(events, 1)))
        made = weigh(state, MEMORY, load_roles({}), events)
        assert set(made.shown) == {ZEBRA, CHECK, AUTH}
        return made.used

    assert weighed() == [CHECK]
    assert set(weighed(chosen)) == {CHECK, AUTH}
    zebras = ev.ModelReplied(frame="pm", step=2, model="m", content="There may be zebras crossing here")
    assert set(weighed(zebras)) == {CHECK, ZEBRA}


def test_what_the_lead_alone_reads_it_has_seen_and_it_alone_can_use() -> None:
    text = f"- Compare the retry counts. {NOTE}\n- Look at `docs/rates.md`. {NOTE}\n"
    counts, rates = (item.id for item in learned(text, "lead.md"))
    memory = {**MEMORY, "lead.md": text}
    own = '{"items": [{"file": "lead.md", "kind": "remove", "text": "Look at docs/rates.md"}]}'
    log: list[ev.Event] = [
        ev.FrameStarted(frame="pm", role="pm"),
        ev.ModelReplied(frame="pm", step=1, model="m", content="See docs/rates.md"),
        ev.FrameStarted(frame="lead-1", role="lead"),
        ev.ModelReplied(frame="lead-1", step=1, model="m", content="I compare the retry counts. `make check`",
                        tool_calls=[ToolCall(id="c", name="propose_memory", arguments=own)]),
    ]  # fmt: skip
    state = fold("t", ((n, 0.0, e) for n, e in enumerate(log, 1)))
    made = weigh(state, memory, load_roles({}), log)
    assert (set(made.shown), made.used) == ({ZEBRA, CHECK, AUTH, counts, rates}, [counts])
    few = [past(n, shown={rates}) for n in range(1, UNUSED + 1)]
    assert removals({"lead.md": text}, few, "2026-11-21") == []


def test_a_recurrence_is_counted_from_the_logs() -> None:
    step = MemoryItem(
        file="workflows.md", kind="automate", section="feature", text="Researcher: API rate limits"
    )
    asked = [
        past(n, workflow="feature", researches=["limits: What are the API rate limits?"]) for n in (1, 2)
    ]
    other = past(3, workflow="feature")
    assert recurrence(step, [*asked, other]) == "it came up in 2 of 3 earlier threads of feature"
    assert recurrence(step, [past(1, workflow="bugfix")]) == "no earlier thread went by this workflow"


def test_the_lead_hears_of_threads_of_its_workflow_first() -> None:
    pasts = [past(n, workflow="bugfix", questions=[f"q{n}"]) for n in range(1, 20)]
    pasts += [past(30, workflow="feature", escalations=["Tabs?"], researches=["rates: how many?"])]
    lines = looked_back(pasts, "feature").splitlines()
    assert lines[0] == "- feature, 1970-01-31: asked the PM: Tabs?; looked up: rates: how many?"
    assert len(lines) == learning.LOOKED_BACK
    assert looked_back([past(1)], "feature") == ""


@pytest.mark.parametrize(
    ("values", "halves"), [([3.0], (3.0, 3.0)), ([4, 2, 1, 1], (3.0, 1.0)), ([2, 9, 0], (2.0, 0.0))]
)
def test_a_trend_has_two_halves(values: list[float], halves: tuple[float, float]) -> None:
    assert trend(values) == halves


def test_what_is_proposed_is_sifted() -> None:
    items = [
        MemoryItem(file="pm.md", text="By hand"), MemoryItem(file="coder.md", text="x y"),
        MemoryItem(file="pm.md", text="Beware of no zebras crossing"), MemoryItem(file="pm.md", text="New"),
        MemoryItem(file="pm.md", text="New"), MemoryItem(file="lead.md", text="Run make check first"),
    ]  # fmt: skip
    out = sifted(MEMORY, [], items)
    fresh, held, lines = out.fresh, out.held, out.lines
    assert [(i.text, i.relation, i.replaces) for i in fresh] == [
        ("Beware of no zebras crossing", "contradicts", ["Beware of zebras crossing."]), ("New", "", []),
        ("Run make check first", "repeats", []),
    ]  # fmt: skip
    assert fresh[2].seen == "the like of it stands in pm.md"
    assert held == ["By hand"]
    assert any("coder.md" in line and "refused" in line for line in lines)


def test_another_command_is_a_contradiction_in_a_file_as_well() -> None:
    text = "# PM\n\n- The suite runs with `make test`\n"
    [item] = sifted(
        {"pm.md": text}, [], [MemoryItem(file="pm.md", text="The suite runs with `make check`")]
    ).fresh
    assert (item.relation, item.replaces) == ("contradicts", ["The suite runs with make test"])


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("labels: Kim has them", "memory says of that, and goes on saying it: “Labels are printed in A6”"),
        ("the label: Kim has it", "memory says of that, and goes on saying it: “Labels are printed in A6”"),
        ("label prices: they are in cents", ""), ("it: no", ""), ("labels are A7", ""),
    ],
)  # fmt: skip
def test_a_correction_shows_what_memory_says_of_its_topic(text: str, seen: str) -> None:
    memory = {"pm.md": "# PM\n\n- Labels are printed in A6\n- Ask Kim\n", "lead.md": "- Look twice\n"}
    found = corrected(memory, MemoryItem(file="pm.md", text=text))
    assert found is not None
    assert (found.seen, found.replaces) == (seen, [])


def test_a_correction_shows_what_the_list_that_waits_says_of_its_topic() -> None:
    listed = [
        MemoryItem(file="pm.md", text="PM: stock is counted on Friday."),
        MemoryItem(file="pm.md", text="B"),
    ]
    said = "this list says of that, too: “PM: stock is counted on Friday.”"
    item = MemoryItem(file="pm.md", text="stock: it is counted on Monday")
    found = corrected({"pm.md": ""}, item, listed)
    assert found is not None
    assert found.seen == said
    found = corrected({"pm.md": "- Ask Kim when stock is to be moved\n"}, item, listed)
    assert found is not None
    old = "“Ask Kim when stock is to be moved”"
    assert found.seen == f"memory says of that, and goes on saying it: {old}; {said}"


def test_a_lesson_whose_last_day_is_past_is_not_proposed() -> None:
    items = [
        MemoryItem(file="pm.md", text=f"Freeze {end}", expires=end) for end in ("2026-11-21", "2026-11-22")
    ]
    out = sifted({"pm.md": ""}, [], items, "2026-11-22")
    assert [i.text for i in out.fresh] == ["Freeze 2026-11-22"]
    assert out.lines == [
        "refused, its last day, 2026-11-21, is past (today is 2026-11-22): Freeze 2026-11-21"
    ]


def test_the_lead_is_told_of_a_file_that_is_nearly_full() -> None:
    assert rooms(MEMORY) == []
    [line] = rooms({"pm.md": "x" * 6_500})
    assert line.startswith("pm.md holds 6500 of 8000 characters: make room")


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("x" * FILE_CHARS, "lesson", "is full"),
        ("# PM\n\n```\ncode\n", "lesson", "cannot be changed near line"),
        ("# PM\n\n<!-- open\n", "add_step", "cannot be changed near line"),
        ("# PM\n", "lesson", ""),
    ],
)
def test_a_file_that_takes_nothing_is_told_to_people_and_a_poor_item_to_the_model(
    text: str, kind: Literal["lesson", "add_step"], words: str
) -> None:
    file = "workflows.md" if kind == "add_step" else "pm.md"
    good = MemoryItem(file=file, kind=kind, section="Notes", text="Ports are 80", after=3 if words else None)
    poor = [good.model_copy(update={"text": "y" * 700}), MemoryItem(file="coder.md", text="z")]
    out = sifted({file: text}, [], [good, *poor])
    assert [(item, words in why) for item, why in out.unfit] == ([(good, True)] if words else [])
    assert ([i.text for i in out.fresh], len(out.lines)) == (([], 3) if words else (["Ports are 80"], 2))
