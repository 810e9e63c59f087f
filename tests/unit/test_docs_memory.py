"""docs/memory.md's worked example over three threads is what the code makes of such threads."""

from __future__ import annotations

from pathlib import Path

from codebutler import assets
from codebutler.cli.memory import _items, _stats
from codebutler.commands.builtin import REGISTRY
from codebutler.repo.memory import FILE_CHARS, MEMORY_FILES, NEAR, apply_item
from codebutler.repo.memory_items import learned
from codebutler.repo.workflows import holds, parse
from codebutler.store.lessons import Past
from codebutler.testing.scenario import SHIPPED
from codebutler.thread import learning, lessons
from codebutler.thread.learning import LOOKED_BACK, UNUSED, Row, Use
from codebutler.types import MemoryItem

DOC = (Path(__file__).parents[2] / "docs/memory.md").read_text(encoding="utf-8")
STEP = MemoryItem(
    file="workflows.md", kind="add_step", section="feature", after=1,
    text="PM: settle which auth method is meant before the plan",
    why="The Coder had to ask in the middle of its work.",
)  # fmt: skip
AUTO = MemoryItem(
    file="workflows.md", kind="automate", section="feature", after=2,
    text="PM: if the request names an external API → Researcher: its rate limits",
    why="The PM looked them up by itself, again.",
)  # fmt: skip
PASTS = [
    Past("t1", workflow="feature", escalations=["Which auth method is meant?"],
         researches=["rate limits: What are the rate limits of the carrier's API?"]),
]  # fmt: skip


def shown(item: MemoryItem) -> str:
    """The item as the Lead's list shows it."""
    return "\n".join(lessons.card([item]).text.split("\n\n")[1:-1])


def test_the_lists_of_the_example_are_the_leads() -> None:
    assert shown(STEP) in DOC
    assert shown(AUTO.model_copy(update={"seen": learning.recurrence(AUTO, PASTS)})) in DOC


def test_the_lines_of_the_example_are_what_is_committed_and_then_drives_the_engine() -> None:
    flows = assets.text("memory_defaults", "workflows.md")
    one = apply_item(flows, STEP, thread="t1f800f67b", date="2026-11-21", approver="ana")
    [line] = set(one.splitlines()) - set(flows.splitlines())
    assert f"\n{line}\n" in DOC
    two = apply_item(one, AUTO, thread="t2", date="2026-11-09", approver="ana")
    step = parse(two)["feature"].steps[2]
    assert (step.who, step.automatic, step.task) == ("researcher", True, "its rate limits")
    assert holds(step.when, "Quote prices over the carrier's API")


def test_the_figures_of_the_example_are_shown_so() -> None:
    day = "2026-11-21"
    rows = [
        Row("t1", day, "Sign in at the parcel service over the API of the carrier", 1, 1, 12, 0.0246),
        Row("t2", day, "Track parcels over the API of the carrier", 0, 0, 9, 0.0181),
        Row("t3", day, "Quote prices of a second carrier over its API", 0, 0, 8, 0.0155),
    ]
    assert "\n".join(_stats({"feature": rows})).rstrip() in DOC
    flows = apply_item("## feature\n", STEP, thread="t1", date=day, approver="ana")
    [item] = learned(flows, "workflows.md")
    assert "\n".join(_items([Use(item, 2, 2, day, "")], PASTS)) in DOC


def test_the_example_is_the_scenario_that_is_shipped() -> None:
    told = (SHIPPED / "parcels.toml").read_text(encoding="utf-8")
    assert all(f'{name} = "{text}"' in told for item in (STEP, AUTO) for name, text in [("text", item.text)])
    assert all(f'match = "{title}"' in told for title in ("Track parcels", "second carrier"))


def test_what_the_page_says_of_sizes_files_and_commands_is_true() -> None:
    assert f"{FILE_CHARS:,}".replace(",", " ") in DOC
    assert f"From {NEAR:.0%}".replace("%", " %") in DOC
    assert (UNUSED, LOOKED_BACK, learning.AT_ONCE, lessons.BUTTONS) == (5, 8, 2, 6)
    assert all(f"| `{name}` |" in DOC for name in MEMORY_FILES)
    names = {definition.name for definition in REGISTRY.definitions}
    assert {"memory", "correct", "reopen", "merge"} <= names
    steps = (
        "PM: if the request names an external API → Researcher: its rate limits",
        "Researcher: look up the licence",
        "Coder: run `make check`",
    )
    assert all(f"`{step} (automatic)`" in DOC for step in steps)
