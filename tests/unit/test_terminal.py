"""The terminal door: what it prints, where there is no toolbar and no colour."""

from __future__ import annotations

import io

from rich.console import Console

from codebutler.commands.builtin import REGISTRY
from codebutler.surfaces.terminal import Terminal
from codebutler.types import Outbound


async def test_a_status_line_shows_no_marks_and_only_what_changed() -> None:
    screen = io.StringIO()
    door = Terminal(Console(file=screen, width=100))
    card = Outbound(text="**coding** · `codebutler/x` · $0.01\n☐ one", kind="status", slot="status")
    for mark in ("a", "b"):
        await door.deliver("c", card, mark=mark, replaces="")
    assert screen.getvalue() == "coding · codebutler/x · $0.01  ☐ one\n"


def test_every_role_can_be_given_another_model() -> None:
    names = {definition.name for definition in REGISTRY.definitions}
    assert {"pm", "coder", "lead", "researcher", "artist", "pause"} <= names
