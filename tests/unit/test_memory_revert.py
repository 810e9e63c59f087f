"""What is taken back of memory, and what stays because people wrote it."""

from __future__ import annotations

import pytest

from codebutler.errors import ToolFailed
from codebutler.repo.memory import apply_item, revert
from codebutler.repo.memory_items import learned, learned_since
from codebutler.types import MemoryItem

NOTE = "<!-- learned: thread=T1 date=2026-11-21 by=ana -->"


def put(text: str, item: MemoryItem) -> str:
    return apply_item(text, item, thread="T1", date="2026-11-21", approver="ana")


def test_a_revert_leaves_no_empty_section_of_ours() -> None:
    before = "# PM\n\n- One\n"
    after = put(before, MemoryItem(file="pm.md", text="Two"))
    assert "## Learned" in after
    assert revert(after, "pm.md", "Two")[0] == before


def test_a_removal_leaves_no_empty_section_of_ours_and_another_one_as_it_is() -> None:
    before = "# PM\n\n- One\n"
    gone = MemoryItem(file="pm.md", kind="remove", text="Two", replaces=["Two"])
    assert put(put(before, MemoryItem(file="pm.md", text="Two")), gone) == before
    hand = put(before, MemoryItem(file="pm.md", text="Two", section="Places"))
    assert put(hand, gone) == f"{before}\n## Places\n\n"


def test_a_revert_brings_back_what_the_item_replaced() -> None:
    text = "# PM\n\n- Limit is 20 kg\n- Boxes are red\n"
    old = ["Limit is 20 kg", "Boxes are red"]
    after = put(text, MemoryItem(file="pm.md", text="Limit is 30 kg, boxes are blue", replaces=old))
    [one] = learned(after, "pm.md")
    back = put(after, MemoryItem(file="pm.md", kind="revert", text=one.text, replaces=[one.id, *old]))
    assert back == text


FLOW = MemoryItem(file="workflows.md", kind="new_workflow", section="ci", text="PM: a\nCoder: `b`")


@pytest.mark.parametrize(
    ("hand", "found"),
    [
        (("\n2. Coder: `b`\n", "\n2. Coder: `b`\n3. Coder: tag it\n"), "Coder: tag it"),
        (("1. PM: a\n", "1. PM: a, and c\n"), "PM: a, and c"),
        (("2. Coder: `b`\n", "2. Coder: `b`\n   - as Bob does\n"), "- as Bob does"),
        (("2. Coder: `b`\n", "2. Coder: `b` <!-- Bob: no -->\n"), "<!-- Bob: no -->"),
        (("2. Coder: `b`\n", "2. Coder: `b`\n\nNever on Fridays.\n"), "Never on Fridays."),
        ((" -->\n", " --> for releases\n"), "for releases"),
        (("2. Coder: `b`\n", "2. Coder: `b`\n\n### Notes\n\n- x\n"), "### Notes"),
        (("2. Coder: `b`\n", "2. Coder: `b`\n3.     code\n"), "code"),
        (("2. Coder: `b`\n", "2. Coder: `b`\n\n[ci]: /url\n"), "[ci]: /url"),
    ],
)
def test_a_workflow_with_what_people_put_into_it_is_not_taken_back(hand: tuple[str, str], found: str) -> None:
    text = put("# Flows\n", FLOW)
    edited = text.replace(*hand)
    assert edited != text
    with pytest.raises(ToolFailed, match="which was not learned") as refused:
        revert(edited, "workflows.md", "ci")
    assert found in str(refused.value)


def test_a_workflow_goes_with_steps_that_were_learned_later() -> None:
    text = put("# Flows\n\n## bug\n\n1. PM: a\n", FLOW)
    for kind, words in (("add_step", "PM: c"), ("automate", "Coder: `b`")):
        item = MemoryItem(file="workflows.md", kind=kind, section="ci", text=words)  # type: ignore[arg-type]  # both are kinds
        text = put(text, item)
    [one] = [x for x in learned(text, "workflows.md") if x.workflow]
    assert learned_since(text, one) == ["PM: c"]
    assert revert(text, "workflows.md", "ci")[0] == "# Flows\n\n## bug\n\n1. PM: a\n"


@pytest.mark.parametrize(
    "text",
    [
        "## Learned\n\n### Bob's notes\n\n- by hand\n",
        "## Other\n\n- y\n\n## Learned\n",
        "## Learned\n\n## Other\n\n- y\n",
    ],
)
def test_a_heading_that_people_wrote_stays_when_an_item_elsewhere_goes(text: str) -> None:
    before = f"# PM\n\n## Facts\n\n- z\n\n{text}"
    after = put(before, MemoryItem(file="pm.md", section="Facts", text="x is 5"))
    assert revert(after, "pm.md", "x is 5")[0] == before


def test_a_section_with_parts_stays_when_its_own_items_have_gone() -> None:
    before = "# PM\n\n## Learned\n\n- x is 5\n\n### Bob's notes\n\n- by hand\n"
    text = before.replace("x is 5", f"x is 5 {NOTE}")
    assert revert(text, "pm.md", "x is 5")[0] == before.replace("- x is 5\n", "")
