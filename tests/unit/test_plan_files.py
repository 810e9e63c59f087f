"""A plan's file: what is written is read back as it was, and what a person adds is not lost."""

from __future__ import annotations

import pytest

from codebutler.errors import RepoError
from codebutler.thread.planfile import parse
from codebutler.thread.render import plan_text
from codebutler.types import Plan, PlanStep

PLAN = Plan(
    title="Round up", summary="Totals are a cent short.\n\nSee the tariff.", workflow="bugfix",
    steps=[PlanStep(text="Find it", refs=["a.py:3", "b.py:4"]), PlanStep(text="Mend (all of) it")],
    files=["a.py", "b.py"], acceptance=["tests pass", "no cent is lost"],
)  # fmt: skip


@pytest.mark.parametrize(
    "plan",
    [PLAN, PLAN.model_copy(update={"workflow": "", "files": []}), Plan(title="T", summary="S", steps=[])],
)
def test_what_is_written_is_read_back(plan: Plan) -> None:
    assert parse(plan_text(plan), PLAN) == plan


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("## Round up", "# Round down", {"title": "Round down"}),
        (
            "1. Find it (`a.py:3`, `b.py:4`)", "1) Find it\n   and show it",
            {"steps": ["Find it and show it", "Mend (all of) it"]},
        ),
        ("2. Mend (all of) it", "2. Mend it\n3. Test it", {"steps": ["Find it", "Mend it", "Test it"]}),
        ("`a.py`, `b.py`", "a.py, c.py", {"files": ["a.py", "c.py"]}),
        ("- no cent is lost", "* no cent\n\nAnd be quick.", {"acceptance": ["tests pass", "no cent"]}),
        ("Totals are", "Sums are", {"summary": "Sums are a cent short.\n\nSee the tariff."}),
    ],
)  # fmt: skip
def test_an_edit_is_read(old: str, new: str, changes: dict[str, object]) -> None:
    text = plan_text(PLAN)
    assert old in text
    found = parse(text.replace(old, new), PLAN)
    shown = {**found.model_dump(), "steps": [step.text for step in found.steps]}
    assert {key: shown[key] for key in changes} == changes
    assert "And be quick." in found.summary or "And be quick." not in new


def test_a_file_that_is_no_plan_any_more_keeps_every_word() -> None:
    found = parse("just do it\nwell", PLAN)
    assert (found.title, found.summary, found.steps) == ("Round up", "just do it\nwell", [])


@pytest.mark.parametrize("text", ["", "\n \n", "# Round up\n", "# Round up\n\nFiles: `a.py`\n"])
def test_a_file_that_was_emptied_is_no_plan(text: str) -> None:
    with pytest.raises(RepoError, match="holds no plan any more"):
        parse(text, PLAN)
