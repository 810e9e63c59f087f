"""Whatever the file and whatever the item: bytes survive, the item is there, and twice is once."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from codebutler.errors import ToolFailed
from codebutler.repo.memory import apply_item
from codebutler.types import MemoryItem

LINES = st.sampled_from(
    [
        *(
            "# Top",
            "## Learned",
            "## bugfix",
            "### deeper",
            "---",
            "===",
            "words",
            "",
            "",
            "  ",
            "\u00a0",
            "\x0c",
        ),
        *(
            "- one",
            "* star",
            "  - nested",
            "1. first",
            "7) seventh",
            "10. tenth",
            "\t- tab",
            "- ",
            "1.",
            "- <!-- x",
        ),
        *(
            "   more",
            "    code",
            "```",
            "~~~",
            "<!-- note -->",
            "<!--",
            "-->",
            "<div>",
            "> quote",
            "a\u2028b",
        ),
        *("1. PM: look", "2. PM: look `", "3. PM:\n   look  ", "[ref]: /url"),
    ]
)
ENDS = st.sampled_from(["\n", "\n", "\r\n", "\r"])
FILES = st.lists(st.tuples(LINES, ENDS), max_size=14).map(lambda xs: "".join(a + b for a, b in xs)) | st.text(
    max_size=60
)
WORDS = st.text(max_size=40) | st.lists(
    st.sampled_from(
        ["PM: look", " `", "# h", "- ", "1. ", "<!--", "-->", "`", "```", "<b>", "\n", "\\", "[a](", "*", " "]
    )
).map("".join)
NAMES = st.sampled_from(["", "Learned", "bugfix", "Other part"]) | WORDS
ITEMS = st.builds(MemoryItem, file=st.just("pm.md"), text=WORDS, section=NAMES) | st.builds(
    MemoryItem,
    file=st.just("workflows.md"),
    text=WORDS,
    section=NAMES,
    kind=st.sampled_from(["lesson", "add_step", "new_workflow", "automate"]),
)
PROPERTY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def put(text: str, item: MemoryItem) -> str:
    try:
        return apply_item(text, item, thread="T1", date="2026-11-21", approver="ana")
    except ToolFailed:
        assume(False)
        raise


def split(before: str, after: str) -> tuple[str, str, str]:
    """Head that both share, what is new in between, tail that both share."""
    head = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
    tail = len(before) - head
    return before[:head], after[head : len(after) - tail], before[head:]


@PROPERTY
@given(FILES, ITEMS)
def test_an_item_is_only_ever_inserted(before: str, item: MemoryItem) -> None:
    after = put(before, item)
    head, new, tail = split(before, after)
    assert head + new + tail == after
    assert head + tail == before


@PROPERTY
@given(FILES, ITEMS)
def test_twice_is_once(before: str, item: MemoryItem) -> None:
    after = put(before, item)
    assert put(after, item) == after


@PROPERTY
@given(FILES, ITEMS)
def test_what_is_new_reads_as_an_item_with_its_provenance(before: str, item: MemoryItem) -> None:
    after = put(before, item)
    assume(after != before)
    assert after.count("thread=T1") == before.count("thread=T1") + 1
    tokens = MarkdownIt("commonmark").parse(after)
    notes = [
        t.type
        for t in tokens
        for c in [t, *(t.children or [])]
        if c.type.startswith("html") and "T1" in c.content
    ]
    assert notes in (["inline"], ["html_block"])
    if item.kind == "new_workflow":
        return
    holder = next(i for i, t in enumerate(tokens) if t.type == "inline" and "thread=T1" in t.content)
    assert [t.type for t in tokens[holder - 2 : holder]] == ["list_item_open", "paragraph_open"]


@PROPERTY
@given(FILES, ITEMS)
def test_nothing_else_changes_for_the_reader(before: str, item: MemoryItem) -> None:
    """The blocks of the old file come back in order, each with the same text."""
    assume(item.kind != "automate")
    after = put(before, item)
    old = [(t.type, t.content) for t in MarkdownIt("commonmark").parse(before)]
    new = iter([(t.type, t.content) for t in MarkdownIt("commonmark").parse(after)])
    assert all(block in new for block in old)


@PROPERTY
@given(FILES, FILES)
def test_items_made_of_other_files_stay_items(before: str, text: str) -> None:
    after = put(before, MemoryItem(file="pm.md", text=text))
    headings = [t for t in MarkdownIt("commonmark").parse(after) if t.type == "heading_open"]
    old = [t for t in MarkdownIt("commonmark").parse(before) if t.type == "heading_open"]
    assert len(headings) <= len(old) + 1
