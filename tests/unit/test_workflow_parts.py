"""Workflows as people write them by hand: steps below sub-headings, text between two numbered lists."""

from __future__ import annotations

import pytest

from codebutler.errors import ToolFailed
from codebutler.repo import workflows
from codebutler.repo.memory import apply_item, revert
from codebutler.repo.memory_items import learned
from codebutler.thread.weighing import sifted
from codebutler.types import MemoryItem

PARTS = """# Workflows

## Release

For: shipping.

### Before approval

1. PM: check the changelog
2. PM: propose a plan

### After approval

3. Person: approve
4. Coder: run `make ship` (automatic)

## Team

### hotfix

For: what burns.

1. Coder: mend it
"""
BETWEEN = """## feature

For: new things.

1. PM: one
2. PM: two

Then it is carried out:

3. Coder: three
"""
FLOW = "## feature\n\n1. Coder: run `make check` (automatic)\n"


def _step(after: int | None, section: str = "release") -> MemoryItem:
    return MemoryItem(file="workflows.md", kind="add_step", section=section, after=after, text="PM: new")


def _with(text: str, item: MemoryItem) -> str:
    return apply_item(text, item, thread="t1", date="2026-11-22", approver="ana")


def test_steps_below_sub_headings_are_the_workflows() -> None:
    known = workflows.parse(PARTS)
    assert list(known) == ["Release", "hotfix"]
    release = known["Release"]
    assert release.purpose == "For: shipping."
    assert [(s.number, s.who, s.automatic) for s in release.steps] == [
        (1, "pm", False), (2, "pm", False), (3, "person", False), (4, "coder", True),
    ]  # fmt: skip


def test_a_learned_step_goes_behind_the_step_that_it_names() -> None:
    mark = " <!-- learned: thread=t1 date=2026-11-22 by=ana -->\n"
    for after, before in ((1, "1. PM: check the changelog\n"), (3, "3. Person: approve\n")):
        result = _with(PARTS, _step(after))
        assert result == PARTS.replace(before, f"{before}{after + 1}. PM: new{mark}")
        [one] = learned(result, "workflows.md")
        assert one.id in {s.id for s in workflows.parse(result)["Release"].steps}
        assert revert(result, "workflows.md", one.id)[0] == PARTS
    assert _with(PARTS, _step(None)).index("PM: new") > PARTS.index("4. Coder")


def test_text_between_two_lists_of_steps_parts_no_workflow() -> None:
    assert [s.number for s in workflows.parse(BETWEEN)["feature"].steps] == [1, 2, 3]
    result = _with(BETWEEN, _step(1, "feature"))
    assert result.index("PM: new") < result.index("PM: two")
    assert workflows.parse(result)["feature"].steps[1].text == "PM: new"


def test_a_step_of_a_workflow_that_is_not_there_is_refused_with_the_names_that_are() -> None:
    memory = {"workflows.md": PARTS}
    for slip in ("re-lease", "`Release` workflow"):
        out = sifted(memory, (), [_step(None, slip)])
        assert not out.fresh
        assert "there are Release, hotfix" in out.lines[0]
    assert sifted(memory, (), [_step(None, "RELEASE")]).fresh
    begun = MemoryItem(file="workflows.md", kind="new_workflow", section="audit", text="PM: look")
    assert len(sifted(memory, (), [begun, _step(None, "audit")]).fresh) == 2
    assert sifted({}, (), [_step(None, "audit")]).fresh  # the file's first


def test_a_step_is_held_against_those_of_its_workflow_in_whatever_case_it_is_named() -> None:
    like = MemoryItem(
        file="workflows.md", kind="add_step", section="RELEASE", text="PM: never check the changelog"
    )
    [found] = sifted({"workflows.md": PARTS}, (), [like]).fresh
    assert found.relation


def test_bullets_are_the_steps_of_a_workflow_that_has_no_numbered_ones() -> None:
    bullets = BETWEEN.replace("1. ", "- ").replace("2. ", "- ").replace("3. ", "- ")
    assert [s.who for s in workflows.parse(bullets)["feature"].steps] == ["pm", "pm", "coder"]
    result = _with(bullets, _step(3, "feature"))
    mark = "<!-- learned: thread=t1 date=2026-11-22 by=ana -->"
    assert result == f"{bullets}- PM: new {mark}\n"
    mixed = BETWEEN + "\n- a note\n"
    assert len(workflows.parse(mixed)["feature"].steps) == 3
    assert workflows.parse("## Learned\n\n- a lesson\n") == {}


def test_the_mark_of_an_automatic_step_counts_in_whatever_case() -> None:
    text = FLOW.replace("(automatic)", "(Automatic)")
    [step] = workflows.parse(text)["feature"].steps
    assert (step.automatic, step.task) == (True, "run `make check`")
    item = MemoryItem(file="workflows.md", kind="automate", section="feature", text="Coder: run `make check`")
    assert _with(text, item) == text


def test_a_comment_beside_a_heading_is_no_part_of_the_workflows_name() -> None:
    """Else its threads would stand under another name than before somebody wrote the comment."""
    note = "<!-- learned: thread=t0 date=2026-01-01 by=ana -->"
    text = f"## feature   <!-- ours -->\n\nFor: new things.\n\n1. PM: one\n2. PM: two {note}\n"
    assert list(workflows.parse(text)) == ["feature"]
    assert [item.section for item in learned(text, "workflows.md")] == ["feature"]
    assert list(workflows.parse(text.replace("   <!-- ours --", " <!-- ours --> request <!-- x --"))) == [
        "feature request"
    ]


@pytest.mark.parametrize("name", ["", "## release\n\n"])
def test_a_new_workflow_says_what_it_is_for_as_the_others_do(name: str) -> None:
    steps = "1. PM: list what changed\n2. Coder: bump it"
    text = f"{name}For: a new version goes out.\n\n{steps}"
    asked = MemoryItem(file="workflows.md", kind="new_workflow", section="release", text=text)
    after = _with("# Workflows\n", asked)
    begun, _, rest = after.partition("<!-- learned:")
    assert begun == "# Workflows\n\n## release\n\nFor: a new version goes out.\n\n"
    assert rest.partition("-->")[2] == f"\n\n{steps}\n"
    assert [s.who for s in workflows.parse(after)["release"].steps] == ["pm", "coder"]
    assert _with(after, asked) == after
    [one] = learned(after, "workflows.md")
    assert revert(after, "workflows.md", one.id) == ("# Workflows\n", "release")
    with pytest.raises(ToolFailed, match="on Fridays"):
        revert(after.replace("goes out.", "goes out on Fridays."), "workflows.md", one.id)
