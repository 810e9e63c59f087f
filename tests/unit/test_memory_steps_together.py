"""Several learned steps that are kept at once: each stands behind the step that people read in the list."""

from __future__ import annotations

from codebutler.events import MemoryDecided
from codebutler.repo import workflows
from codebutler.thread.memory_changes import changes
from codebutler.types import MemoryItem, Person

FLOW = "## feature\n\n1. PM: one\n2. PM: two\n3. Coder: three\n"


async def test_steps_that_are_kept_together_count_the_steps_as_they_were() -> None:
    def step(after: int, text: str) -> MemoryItem:
        return MemoryItem(file="workflows.md", kind="add_step", section="feature", after=after, text=text)

    async def read(_path: str) -> str:
        return FLOW

    kept = [step(1, "PM: a"), step(2, "PM: b"), step(1, "PM: c"), step(0, "PM: d")]
    decided = MemoryDecided(message=1, kept=kept, by=Person(surface="terminal", id="ana"))
    done = await changes(decided, read, thread="t1", ts=0.0, shipped={})
    [text] = done.files.values()
    steps = [s.text.partition(": ")[2] for s in workflows.parse(text)["feature"].steps]
    assert steps == ["d", "one", "a", "c", "two", "b", "three"]
