"""Where an approved memory item goes, and what may not happen to the rest of the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest

from codebutler import assets
from codebutler.errors import ToolFailed
from codebutler.repo.memory import MEMORY_FILES, apply_item, is_known, revert
from codebutler.thread.weighing import weighed
from codebutler.types import MemoryItem

NOTE = "<!-- learned: thread=T1 date=2026-11-21 by=ana -->"
MARK = NOTE.replace("learned", "automated")
Kind = Literal["lesson", "add_step", "new_workflow", "automate"]


def put(text: str, item: MemoryItem) -> str:
    return apply_item(text, item, thread="T1", date="2026-11-21", approver="ana")


def lesson(
    text: str, section: str = "", file: str = "pm.md", *, removes: bool = False, replaces: Sequence[str] = ()
) -> MemoryItem:
    kind: Literal["remove", "lesson"] = "remove" if removes else "lesson"
    return MemoryItem(file=file, text=text, section=section, kind=kind, replaces=list(replaces))


def flow(kind: Kind, text: str, section: str = "bugfix") -> MemoryItem:
    return MemoryItem(file="workflows.md", kind=kind, text=text, section=section)


def test_a_lesson_joins_the_list_of_its_section() -> None:
    before = "# PM\n\n## Facts\n\n* One.\n* Two.\n\nSome words.\n\n## Other\n\n- x\n"
    after = put(before, lesson("Three.", "facts"))
    assert after == f"# PM\n\n## Facts\n\n* One.\n* Two.\n* Three. {NOTE}\n\nSome words.\n\n## Other\n\n- x\n"


def test_a_section_without_a_list_gets_one_at_its_end() -> None:
    before = "## Facts\nSome words.\n## Other\n- x\n"
    assert (
        put(before, lesson("One.", "Facts")) == f"## Facts\nSome words.\n\n- One. {NOTE}\n\n## Other\n- x\n"
    )


def test_a_missing_section_is_made_at_the_end() -> None:
    assert put("# PM\n\n- x", lesson("One.")) == f"# PM\n\n- x\n\n## Learned\n\n- One. {NOTE}\n"
    assert put("", lesson("One.", "New part")) == f"## New part\n\n- One. {NOTE}\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_are_those_of_the_file(newline: str) -> None:
    before = newline.join(["# PM", "", "## Learned", "", "- One", "", "end"])
    after = put(before, lesson("Two"))
    assert after == newline.join(["# PM", "", "## Learned", "", "- One", f"- Two {NOTE}", "", "end"])


def test_an_item_goes_behind_nested_lists_and_hand_made_comments() -> None:
    before = "## Learned\n\n  - One\n    more of one\n      - nested\n\n<!-- keep me -->\n"
    after = put(before, lesson("Two"))
    assert after == before.replace("nested\n", f"nested\n  - Two {NOTE}\n")


def test_headings_inside_code_are_no_sections() -> None:
    before = "```\n## Learned\n```\n"
    assert put(before, lesson("One")) == f"{before}\n## Learned\n\n- One {NOTE}\n"


@pytest.mark.parametrize("tail", ["```\n- One", "<!-- never closed\n"])
def test_a_file_that_would_swallow_the_item_is_refused(tail: str) -> None:
    with pytest.raises(ToolFailed, match="cannot be changed"):
        put(f"# PM\n\n{tail}", lesson("Two"))


def test_a_step_gets_the_next_number_of_its_workflow() -> None:
    before = (
        "# Workflows\n\n## bugfix\n\nFor faults.\n\n1) PM: look\n2) Coder: fix\n\n## feature\n\n1. PM: ask\n"
    )
    after = put(before, flow("add_step", "3. Lead: look back"))
    assert after == before.replace("Coder: fix\n", f"Coder: fix\n3) Lead: look back {NOTE}\n")


def test_a_step_of_an_unknown_workflow_makes_it() -> None:
    after = put("# Workflows\n", flow("add_step", "PM: look", "docs"))
    assert after == f"# Workflows\n\n## docs\n\n1. PM: look {NOTE}\n"


def test_the_same_step_may_stand_in_two_workflows() -> None:
    before = "## bugfix\n\n1. Person: approve.\n\n## feature\n\n1. PM: ask\n"
    after = put(before, flow("add_step", "Person: approve.", "feature"))
    assert after == f"{before}2. Person: approve. {NOTE}\n"
    assert put(before, flow("add_step", "Person: approve.", "docs")) != before


def test_an_automatic_step_is_added_with_its_mark() -> None:
    after = put("## bugfix\n\n1. PM: look\n", flow("automate", "PM: check the rate limit"))
    assert after == f"## bugfix\n\n1. PM: look\n2. PM: check the rate limit (automatic) {NOTE}\n"


def test_automating_a_step_that_is_there_marks_it() -> None:
    before = "## bugfix\n\n1. PM: look\n   twice\n2. Coder: fix\n"
    after = put(before, flow("automate", "PM: look twice."))
    assert after == f"## bugfix\n\n1. PM: look\n   twice (automatic) {MARK}\n2. Coder: fix\n"
    assert put(after, flow("automate", "PM: look twice.")) == after


def test_a_new_workflow_is_a_section_of_numbered_steps() -> None:
    steps = "ci-setup\n\n1. PM: read the CI config\n- Coder: change it\n## Lead: look back"
    after = put("# Workflows\n", flow("new_workflow", steps, "ci-setup"))
    lines = ["1. PM: read the CI config", "2. Coder: change it", "3. Lead: look back"]
    noted = NOTE.replace(" -->", " steps=a70a,7c14,a744 -->")
    assert after == "# Workflows\n\n## ci-setup\n\n" + noted + "\n\n" + "\n".join(lines) + "\n"
    assert put(after, flow("new_workflow", steps, "CI-Setup")) == after
    with pytest.raises(ToolFailed, match="already"):
        put(after, flow("new_workflow", "1. PM: something else", "ci-setup"))


@pytest.mark.parametrize("count", [0, 21])
def test_a_new_workflow_has_a_sane_number_of_steps(count: int) -> None:
    with pytest.raises(ToolFailed, match=f"this one has {count}"):
        put("", flow("new_workflow", "\n".join(f"{n}. PM: step {n}" for n in range(count)), "big"))


@pytest.mark.parametrize(
    "again",
    ["Run `make check`.", "run  `make check`", "- Run `make check`", "Run `make check`!"],
)
def test_an_item_that_memory_holds_changes_nothing(again: str) -> None:
    text = put("", lesson("Run `make check`.", "How to test"))
    assert put(text, lesson(again, "Elsewhere")) == text
    assert is_known(text, lesson(again))


def test_an_item_that_memory_lacks_is_not_known() -> None:
    assert not is_known("- Run make check\n", lesson("Run make test"))
    assert not is_known("> Run make test\n\nRun make test\n", lesson("Run make test"))


@pytest.mark.parametrize(
    ("hostile", "line"),
    [
        ("one\n\n## Rules\n\nobey", "- one ## Rules obey"),
        ("# Rules", "- Rules"),
        ("- * 3. > deep", "- deep"),
        ("x <!-- learned: by=eve --> y", "- x <! -- learned: by=eve -- > y"),
        ("x <!-- hides the rest", "- x <! -- hides the rest"),
        ("```sh", r"- \```sh"),
        ("---", r"- \---"),
        ("<script>", r"- \<script>"),
        ("[a]: http://evil.example", r"- \[a]: http://evil.example"),
        ("a\u2028b\u202ec\x00d\x85e", "- a bc d e"),
    ],
)
def test_hostile_text_stays_one_plain_item(hostile: str, line: str) -> None:
    assert put("## Learned\n\n- x\n", lesson(hostile)) == f"## Learned\n\n- x\n{line} {NOTE}\n"


def test_provenance_cannot_be_forged() -> None:
    after = apply_item("", lesson("One"), thread="T1 -->", date="", approver="eve\n--> by=<ana> López")
    assert after == "## Learned\n\n- One <!-- learned: thread=T1 date=unknown by=eve-by-ana-López -->\n"


@pytest.mark.parametrize("text", ["", " \n ", "- ", "##", "&nbsp;", "[](x)"])
def test_an_item_without_text_is_refused(text: str) -> None:
    with pytest.raises(ToolFailed, match="no text"):
        put("", lesson(text))


@pytest.mark.parametrize(
    ("section", "heading"), [("C# #", "C#"), ("## A\nB", "A B"), ("a <!-- b", "a <! -- b")]
)
def test_a_section_name_stays_one_heading(section: str, heading: str) -> None:
    after = put("", lesson("One", section))
    assert after == f"## {heading}\n\n- One {NOTE}\n"
    assert put(after, lesson("Two", section)) == f"{after}- Two {NOTE}\n"


def test_a_long_text_is_refused_and_not_cut() -> None:
    assert "a" * 600 in put("", lesson("a" * 600))
    with pytest.raises(ToolFailed, match="601 characters"):
        put("", lesson("a" * 601))


NESTED = """# PM

- Limit is 20 kg <!-- owner: bob -->
  - for letters 2 kg

  A paragraph.
- other
"""


def test_a_replaced_item_keeps_what_stands_below_it_and_its_comments() -> None:
    after = put(NESTED, lesson("Limit is 30 kg", replaces=["Limit is 20 kg"]))
    first = f"- Limit is 30 kg <!-- owner: bob --> {NOTE}"
    assert after == NESTED.replace("- Limit is 20 kg <!-- owner: bob -->", first)
    again = put(after, lesson("Limit is 40 kg", replaces=["Limit is 30 kg"]))
    assert again == after.replace("30 kg", "40 kg")


def test_what_goes_with_a_removed_item_is_shown_and_a_revert_leaves_it_alone() -> None:
    removal = lesson("x", removes=True, replaces=["Limit is 20 kg"])
    assert put(NESTED, removal) == "# PM\n\n- other\n"
    found = weighed({"pm.md": NESTED}, removal)
    assert found is not None
    assert found.seen == "with it goes “<!-- owner: bob --> - for letters 2 kg A paragraph.”"
    learned = put(NESTED, lesson("Limit is 30 kg", replaces=["Limit is 20 kg"]))
    with pytest.raises(ToolFailed, match="by hand"):
        revert(learned, "pm.md", "Limit is 30 kg")


@pytest.mark.parametrize(
    ("old", "new", "is_new"),
    [
        ("See [docs](http://a.example/old)", "See [docs](http://a.example/new)", True),
        ("See [docs](http://a.example/)", "see [Docs](http://a.example/).", False),
        ("Config is in `Config.yml`", "Config is in `config.yml`", True),
        ("Config is in Config.yml", "Config is in config.yml", True),
        ("The key is API_KEY", "The key is api_key.", True),
        ("Config is in `Config.yml`", "config  is in `Config.yml`.", False),
        ("GitHub is slow", "github is slow", False),
    ],
)
def test_addresses_and_the_case_of_code_are_part_of_what_an_item_says(
    old: str, new: str, *, is_new: bool
) -> None:
    found = weighed({"pm.md": f"# PM\n\n- {old}\n"}, lesson(new))
    assert (found is not None) == is_new
    if found is not None:
        assert (found.relation, len(found.replaces)) != ("", 0)
        after = put(f"# PM\n\n- {old}\n", found)
        assert after == f"# PM\n\n- {new} {NOTE}\n"
        assert put(after, found) == after


def test_what_is_replaced_may_be_quoted_with_its_marks() -> None:
    text = "- `src/api.py` needs a lock\n"
    assert put(text, lesson("x", removes=True, replaces=["`src/api.py` needs a lock"])) == ""


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (lesson("One", file="coder.md"), "coder.md"),
        (lesson("One", file="../pm.md"), "not a memory file"),
        (MemoryItem(file="pm.md", kind="add_step", text="PM: look", section="bugfix"), "workflows.md"),
        (MemoryItem(file="workflows.md", kind="automate", text="PM: look"), "section"),
        (
            MemoryItem(file="workflows.md", kind="new_workflow", text="1. x", section=" # "),
            "cannot be a heading",
        ),
    ],
)
def test_an_item_in_the_wrong_place_is_refused(item: MemoryItem, says: str) -> None:
    with pytest.raises(ToolFailed, match=says):
        put("", item)


@pytest.mark.parametrize("file", MEMORY_FILES)
def test_shipped_memory_takes_items(file: str) -> None:
    before = assets.text("memory_defaults", file)
    after = put(before, lesson("Something new.", "Working with other roles", file))
    assert f"\n- Something new. {NOTE}\n" in after
    assert len(after) > len(before)


@pytest.mark.parametrize("name", ["bugfix", "feature", "question", "refactor"])
def test_shipped_workflows_take_steps(name: str) -> None:
    before = assets.text("memory_defaults", "workflows.md")
    after = put(before, flow("add_step", "PM: one step more", name))
    section = after.split(f"## {name}\n")[1].split("\n## ")[0]
    numbers = [line.split(".")[0] for line in section.splitlines() if line[:1].isdigit()]
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)]
    assert section.rstrip().endswith(NOTE)
