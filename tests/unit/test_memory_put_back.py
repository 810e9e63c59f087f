"""What a thread took out of memory stands there again as it stood, once that is taken back."""

from __future__ import annotations

import pytest

from codebutler.repo.memory import apply_item
from codebutler.repo.memory_removed import put_back
from codebutler.types import MemoryItem

NOTE = "<!-- learned: thread=t1 date=2026-01-02 by=ana -->"
FLOWS = (
    f"# F\n\n## feature\n\n1. PM: plan\n2. Coder: run `make check` {NOTE}"
    "\n3. Lead: look\n\n## fix\n\n1. PM: look\n"
)
FACTS = f"# PM\n\n## Setup\n\n- Use npm.\n- Use `pnpm` for installs. {NOTE}\n\n## More\n\n- Be brief.\n"


@pytest.mark.parametrize(
    ("text", "file", "words"),
    [
        (FLOWS, "workflows.md", "Coder: run make check"),
        (FLOWS, "workflows.md", "PM: plan"),
        (FACTS, "pm.md", "Use pnpm for installs."),
        (FACTS, "pm.md", "Be brief."),
    ],
)
def test_a_removal_is_undone_at_its_place(text: str, file: str, words: str) -> None:
    removal = MemoryItem(file=file, kind="remove", text=words, replaces=[words])
    without = apply_item(text, removal, thread="", date="", approver="")
    assert without != text
    [back] = put_back(text, removal)
    again = apply_item(without, back, thread="", date="", approver="")
    assert lines(again) == lines(text)
    assert apply_item(again, back, thread="", date="", approver="") == again


def test_where_the_file_is_not_known_any_more_its_words_come_back() -> None:
    removal = MemoryItem(file="pm.md", kind="remove", text="Be brief.", replaces=["Be brief."])
    [back] = put_back("", removal)
    assert "- Be brief.\n" in apply_item("# PM\n", back, thread="", date="", approver="") + "\n"


def lines(text: str) -> list[str]:
    """Without the numbers that markdown counts itself."""
    return [line.lstrip("0123456789. ") for line in text.splitlines() if line.strip()]
