"""The terminal door: what it prints, where there is no toolbar and no colour."""

from __future__ import annotations

import asyncio
import io

from rich.console import Console

from codebutler.commands.builtin import REGISTRY
from codebutler.events import WorkflowChosen, WorkflowStep
from codebutler.surfaces.terminal import Terminal
from codebutler.thread import render
from codebutler.thread.state import ThreadState
from codebutler.types import ChecklistItem, Outbound


async def test_a_status_line_shows_no_marks_and_only_what_changed() -> None:
    screen = io.StringIO()
    door = Terminal(Console(file=screen, width=100))
    card = Outbound(text="**coding** · `codebutler/x` · $0.01\n☐ one", kind="status", slot="status")
    for mark in ("a", "b"):
        await door.deliver("c", card, mark=mark, replaces="")
    assert screen.getvalue() == "coding · codebutler/x · $0.01 ☐ one\n"


async def test_a_status_is_one_line_with_the_step_that_is_next() -> None:
    state = ThreadState(id="t1")
    texts = (
        "PM: find the cause",
        "Coder: see the test fail, for the reason that the plan gives",
        "Lead: look",
    )
    steps = [WorkflowStep(id=str(n), text=t, who=t.partition(":")[0].lower()) for n, t in enumerate(texts)]
    state.workflow, state.phase = WorkflowChosen(name="bugfix", steps=steps), "coder"
    state.checklist = [ChecklistItem(text="Read", status="done"), ChecklistItem(text="Write\nit")]
    screen = io.StringIO()
    door = Terminal(Console(file=screen, width=60))
    await door.deliver("c", render.status(state), mark="a", replaces="")
    assert screen.getvalue() == "coding · $0.0000 · bugfix 2/3 Coder: see the test fail, for…\n"
    assert door.status.endswith("that the plan gives · 1/2 Write it")


async def test_what_an_outbox_brings_waits_for_the_older_messages() -> None:
    screen = io.StringIO()
    door = Terminal(Console(file=screen, width=100))
    door.caught_up.clear()
    brought = asyncio.create_task(door.deliver("c", Outbound(text="newest"), mark="b", replaces=""))
    await asyncio.sleep(0)
    for mark, text in (("a", "oldest"), ("b", "newest")):
        door.show(Outbound(text=text), mark)
    door.caught_up.set()
    assert await brought == "b"
    words = [line for line in screen.getvalue().split() if line in ("oldest", "newest")]
    assert words == ["oldest", "newest"]


async def test_angle_brackets_are_printed_as_they_are() -> None:
    screen = io.StringIO()
    door = Terminal(Console(file=screen, width=100))
    text = "Write litellm/<provider>/<model>.\n\n<b>List<String></b> ~~gone~~\n\n| a |\n|---|\n| 1 |"
    await door.deliver("c", Outbound(text=text, kind="error"), mark="a", replaces="")
    printed = screen.getvalue()
    assert "Write litellm/<provider>/<model>." in printed
    assert "<b>List<String></b> gone" in printed
    assert "---" not in printed.replace("─", "").replace("━", "")


def test_every_role_can_be_given_another_model() -> None:
    names = {definition.name for definition in REGISTRY.definitions}
    assert {"pm", "coder", "lead", "researcher", "artist", "pause"} <= names
