"""Replacing, removing and taking back: only the item itself changes, and provenance says what was learned."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from codebutler import assets
from codebutler.errors import ToolFailed
from codebutler.repo.memory import FILE_CHARS, apply_item, revert
from codebutler.repo.memory_items import Known, known, learned
from codebutler.repo.memory_likeness import relation, relative
from codebutler.repo.memory_page import Page
from codebutler.repo.memory_text import key, parse
from codebutler.repo.workflows import Step, find, holds
from codebutler.repo.workflows import parse as workflows
from codebutler.thread.memory_merge import beside, stands
from codebutler.thread.memory_merge import put as kept_in
from codebutler.thread.weighing import sifted
from codebutler.types import MemoryItem
from tests.unit.test_memory_properties import FILES, ITEMS, PROPERTY

NOTE = "<!-- learned: thread=T1 date=2026-11-21 by=ana -->"
HAND = "# PM\n\n<!-- by hand -->\n## Facts\n* One.\n*  Two  \n  more of two\n\n* Three.\n\nEnd  \n"


def put(text: str, item: MemoryItem) -> str:
    return apply_item(text, item, thread="T1", date="2026-11-21", approver="ana")


def test_a_replaced_item_leaves_every_other_byte() -> None:
    after = put(HAND, MemoryItem(file="pm.md", text="Two is gone.", replaces=["two more of two"]))
    assert after == HAND.replace("*  Two  \n  more of two\n", f"* Two is gone. {NOTE}\n")


def test_two_items_become_one_at_the_place_of_the_first() -> None:
    after = put(HAND, MemoryItem(file="pm.md", text="All.", replaces=["Three", "One."]))
    assert after == HAND.replace("* Three.\n", f"* All. {NOTE}\n").replace("* One.\n", "")
    assert put(after, MemoryItem(file="pm.md", text="All.")) == after


def test_a_removal_takes_the_item_by_its_words_or_its_id() -> None:
    one = known(HAND, "pm.md")[0]
    for name in ("one", one.id):
        after = put(HAND, MemoryItem(file="pm.md", kind="remove", text="", replaces=[name]))
        assert after == HAND.replace("* One.\n", "")


@pytest.mark.parametrize("kind", ["remove", "lesson"])
def test_what_is_not_there_cannot_be_replaced(kind: str) -> None:
    item = MemoryItem.model_validate({"file": "pm.md", "kind": kind, "text": "x y", "replaces": ["Four"]})
    if kind == "remove":
        assert put(HAND, item) == HAND
    else:
        with pytest.raises(ToolFailed, match="no item 'Four'"):
            put(HAND, item)


@pytest.mark.parametrize("after", [0, 1, 2, 3, None])
def test_a_step_goes_to_its_place_and_no_other_number_moves(after: int | None) -> None:
    before = "## bugfix\n\n1. PM: a\n2. PM: b\n   more\n3. PM: c\n"
    item = MemoryItem(
        file="workflows.md", kind="add_step", section="bugfix", text="PM: look first", after=after
    )
    text = put(before, item)
    steps = [s.text for s in workflows(text)["bugfix"].steps]
    place = 3 if after is None else after
    assert steps.index("PM: look first") == place
    assert "".join(x for x in text.splitlines(keepends=True) if "look first" not in x) == before


def test_a_step_has_no_place_beyond_its_workflow() -> None:
    item = MemoryItem(file="workflows.md", kind="add_step", section="bugfix", text="PM: look", after=9)
    with pytest.raises(ToolFailed, match="bugfix has 1 steps: 'after' is one of 0 to 1"):
        put("## bugfix\n\n1. PM: a\n", item)


def test_a_full_file_takes_no_more_but_may_shrink() -> None:
    full = "## Learned\n\n" + "".join(f"- {n} {'x' * 100}\n" for n in range(FILE_CHARS // 106))
    with pytest.raises(ToolFailed, match="is full: "):
        put(full, MemoryItem(file="pm.md", text="y" * 500))
    first = known(full, "pm.md")[0].id
    assert len(put(full + "words " * 200, MemoryItem(file="pm.md", text="z", replaces=[first]))) > FILE_CHARS


def test_provenance_is_read_back_with_its_end() -> None:
    item = MemoryItem(file="pm.md", text="Main is frozen", expires="2026-12-31")
    found = learned(put(HAND, item), "pm.md")
    assert [(x.text, x.thread, x.date, x.by, x.expires) for x in found] == [
        ("Main is frozen", "T1", "2026-11-21", "ana", "2026-12-31")
    ]
    assert (found[0].is_over("2026-12-31"), found[0].is_over("2027-01-01")) == (False, True)
    with pytest.raises(ToolFailed, match="'expires' is a day"):
        put(HAND, item.model_copy(update={"expires": "soon"}))


def test_what_was_learned_can_be_taken_back_and_what_people_wrote_cannot() -> None:
    flows = assets.text("memory_defaults", "workflows.md")
    ci = MemoryItem(file="workflows.md", kind="new_workflow", section="ci", text="1. PM: a\n2. Coder: b")
    with_ci = put(flows, ci)
    assert revert(with_ci, "workflows.md", "ci") == (flows, "ci")
    auto = MemoryItem(file="workflows.md", kind="automate", section="bugfix", text="Person: approve")
    marked = put(flows, auto)
    assert marked != flows
    assert revert(marked, "workflows.md", "Person: approve.")[0] == flows
    with pytest.raises(ToolFailed, match="no learned item"):
        revert(HAND, "pm.md", "One.")


@PROPERTY
@given(FILES, ITEMS)
def test_taking_back_leaves_what_was_there_before(before: str, item: MemoryItem) -> None:
    """Whatever the file, the old lines are left in order, but for blank ones and an empty section of ours."""
    try:
        after = put(before, item)
    except ToolFailed:
        assume(False)
        raise
    assume(after != before)
    ours = [x for x in learned(after, item.file) if x.thread == "T1"]
    assert len(ours) == 1
    try:
        back = revert(after, item.file, ours[0].id)[0]
    except ToolFailed:  # without it, lists around it would run together: said, and left to a person
        return
    assert "thread=T1" not in back
    rest = iter(back.splitlines())
    lines = [line for line in before.splitlines() if line.strip() and key(line.strip("# ")) != "learned"]
    assert all(line in rest for line in lines)


@PROPERTY
@given(FILES, st.integers(0, 12))
def test_removing_any_item_leaves_all_other_bytes(before: str, nth: int) -> None:
    entries = Page(before).entries()
    assume(entries)
    entry = entries[nth % len(entries)]
    page = Page(before)
    try:
        after = page.without(entry)
    except ToolFailed:
        return
    lines = page.lines
    assert after == "".join(lines[: entry.start] + lines[entry.end :])
    assert len(parse(after)) < len(page.tokens)


FIX = "Coder: fix the cause, not the symptom. Run the test, then the whole suite."


@pytest.mark.parametrize(
    ("new", "old", "what"),
    [
        ("Run `make check` before each commit.", "Before each commit run `make check`", "repeats"),
        ("Tests are run with make check", "Run the tests with make check.", "repeats"),
        ("Never run the migrations in tests", "Run the migrations in tests", "contradicts"),
        ("Indent with spaces", "Indent with tabs", "contradicts"),
        ("The API allows 60 requests a minute", "The API allows 100 requests a minute", "contradicts"),
        ("Tests live in spec/", "Tests live in tests/", "contradicts"),
        ("Name the migration in the plan", "Name the size of each image", ""),
        ("Ask about auth", "The deploy script is in ops/", ""),
        ("Do not push to main", "Don't push to main", "repeats"),
        ("Coder: run the linter", FIX, ""),
        ("Coder: run the suite", FIX, ""),
        ("Coder: fix the cause, run the test, then the whole suite", FIX, "repeats"),
        ("Coder: do not fix the cause, run the whole suite", FIX, "contradicts"),
        ("Lead: run `make check`", "Coder: run `make check`", ""),
        ("Coder: never run `make check` here", "Coder: run `make check` here", "contradicts"),
        ("The suite runs with `make check`", "The suite runs with `make test`", "contradicts"),
        ("Deploy on Tuesdays", "Deploy on Mondays", "contradicts"),
        ("Use spaces", "Use tabs", "contradicts"),
        ("Labels are A6", "Labels are A5", "contradicts"),
        ("Ask about auth", "Ask about money", ""),
        ("Reviews need two approvals", "Reviews need one approval", "contradicts"),
        ("Rates change in March", "Rates change in January", "contradicts"),
        ("Tests run with `pytest`", "Tests run with `unittest`", "contradicts"),
        ("Run `make check` before a commit", "Run make check before a commit", "repeats"),
        ("Coder: run `pytest` on all files", "Coder: run `ruff` on all files", ""),
        ("Coder: run `make lint`", "Coder: run `make check`", ""),
        ("Coder: then run `make lint` twice", "Coder: then run `make check` twice", ""),
    ],
)
def test_what_repeats_and_what_contradicts(new: str, old: str, what: str) -> None:
    assert relation(new, old) == what


def test_a_contradiction_counts_before_a_repetition() -> None:
    items = [
        Known(str(n), "pm.md", "", text, n) for n, text in enumerate(["Use make check", "Use tabs here"])
    ]
    assert relative("Use spaces here", items) == ("contradicts", items[1])
    assert relative("Something else entirely", items) == ("", None)


def test_shipped_workflows_name_who_does_each_step() -> None:
    flows = workflows(assets.text("memory_defaults", "workflows.md"))
    assert list(flows) == ["bugfix", "feature", "question", "refactor"]
    assert [s.who for s in flows["bugfix"].steps] == ["pm", "pm", "pm", "person", "coder", "coder", "lead"]
    assert flows["bugfix"].purpose.startswith("For: something behaves differently")
    assert find(flows, "Bugfix.") is flows["bugfix"]
    assert find(flows, "deploy") is None


@pytest.mark.parametrize(
    ("text", "who", "when", "task"),
    [
        ("PM: if the request names an external API → Researcher: its rate limits (automatic)", "researcher",
         "an external API", "its rate limits"),
        ("Researcher: when the plan mentions Stripe, look up idempotency keys", "researcher", "Stripe",
         "look up idempotency keys"),
        ("PM: if the plan touches login then Coder: run `a`", "coder", "login", "run `a`"),
        ("PM: if the request names Stripe, then Researcher: its keys", "researcher", "Stripe", "its keys"),
        ("User: approve", "person", "", "approve"),
        ("note: be kind", "anybody", "", "note: be kind"),
        ("Coder: run `make check`", "coder", "", "run `make check`"),
    ],
)  # fmt: skip
def test_a_step_says_who_when_and_what(text: str, who: str, when: str, task: str) -> None:
    step: Step = workflows(f"## x\n\n1. {text}\n")["x"].steps[0]
    assert (step.who, step.when, step.task) == (who, when, task)
    assert step.automatic == text.endswith("(automatic)")


@pytest.mark.parametrize(
    ("when", "text", "met"),
    [
        ("", "anything", True),
        ("an external API", "Sync with the Stripe API", True),
        ("an external API", "fetch https://api.example.com/v1", True),
        ("an external API", "rapid apical growth", False),
        ("Stripe or PayPal", "pay by paypal", True),
        ("models/", "change models/user.py", True),
        ("SQL", "a sequel", False),
        ("an external API", "call the stripe api, add a Webhook", True),
        ("login, payment", "the payment page", True),
    ],
)
def test_a_condition_is_met_by_its_words(when: str, text: str, met: bool) -> None:
    assert holds(when, text) is met


def test_a_comma_in_a_condition_parts_its_words() -> None:
    text = "## x\n\n1. PM: if the request names login, payment → Researcher: the rules (automatic)\n"
    step = workflows(text)["x"].steps[0]
    assert (step.who, step.when, step.task) == ("researcher", "login, payment", "the rules")


def test_two_of_one_list_that_disagree_say_so_and_an_absent_item_is_not_held() -> None:
    items = [MemoryItem(file="pm.md", text=f"{word} use tabs in Makefiles") for word in ("Always", "Never")]
    gone = MemoryItem(file="pm.md", kind="remove", text="x", replaces=["never there"])
    out = sifted({"pm.md": ""}, [], [*items, gone])
    assert [item.seen for item in out.fresh] == [
        "", "it contradicts another item of this list: “Always use tabs in Makefiles”"
    ]  # fmt: skip
    assert (out.held, out.lines, out.unfit) == ([], ["pm.md has no such item to remove: never there"], [])


def test_a_kept_item_whose_old_one_was_changed_meanwhile_is_added_beside_it() -> None:
    item = MemoryItem(file="pm.md", text="Limit is 30 kg", replaces=["Limit is 20 kg"])
    text, said = kept_in("- Limit is 25 kg\n", item, thread="T1", date="2026-11-21", approver="ana")
    assert text.startswith(f"- Limit is 25 kg\n\n## Learned\n\n- Limit is 30 kg {NOTE}")
    assert "'Limit is 20 kg' is gone" in said
    assert kept_in(text, item, thread="T1", date="2026-11-21", approver="ana") == (text, "")


@pytest.mark.parametrize(
    ("text", "item", "is_there"),
    [
        ("- b\n", MemoryItem(file="pm.md", text="b", replaces=["a"]), True),
        ("- a\n", MemoryItem(file="pm.md", text="b", replaces=["a"]), False),
        ("- c\n", MemoryItem(file="pm.md", text="b", replaces=["a"]), False),
        ("- b\n", MemoryItem(file="pm.md", text="b"), True),
        ("", MemoryItem(file="pm.md", text="b"), False),
        ("- b\n", MemoryItem(file="pm.md", kind="remove", text="a", replaces=["a"]), True),
        ("- a\n", MemoryItem(file="pm.md", kind="remove", text="a", replaces=["a"]), False),
        ("- a\n", MemoryItem(file="pm.md", kind="revert", text="b", replaces=["abcdef"]), True),
        ("```\n", MemoryItem(file="pm.md", text="b"), False),
    ],
)
def test_what_people_took_out_again_by_hand_is_seen_to_be_gone(
    text: str, item: MemoryItem, is_there: bool
) -> None:
    assert stands(text, item) is is_there


def test_people_hear_of_a_kept_item_that_clashes_with_what_its_base_says_now() -> None:
    item = MemoryItem(file="pm.md", text="Limit is 31 kg", replaces=["Limit is 20 kg"])
    assert beside("- Limit is 22 kg\n- Limit is 31 kg\n", item) == (
        "“Limit is 31 kg” now stands beside “Limit is 22 kg”: edit the file if only one is right."
    )
    assert beside("- Ports are 80\n- Limit is 31 kg\n", item) == ""
    euros = MemoryItem(file="pm.md", text="Prices are always in euros, not cents.")
    assert "now stands beside “Prices are in cents" in beside(
        "- Prices are in cents, never in euros.\n", euros
    )
