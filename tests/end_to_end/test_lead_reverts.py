"""Learned items that are taken back on the command line, several at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from codebutler.cli.main import main
from codebutler.repo.memory_items import item_id
from codebutler.testing.cast import Cast

if TYPE_CHECKING:
    import pytest

    from tests.end_to_end.conftest import Room, Scene

NOTE = "<!-- learned: thread=t0 date=2026-01-01 by=ana -->"
FACTS = ("The limit is 25 kg.", "Prices are in euro.")
PM = f"# PM\n\n## Facts\n\n- {FACTS[0]} {NOTE}\n- {FACTS[1]} {NOTE}\n- By hand.\n"


async def test_two_neighbours_are_taken_back_one_after_the_other(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second pull request conflicts once the first has landed: it is made anew, and nobody is sent to a
    thread that there is not."""
    room.commit({".codebutler/memory/pm.md": PM})
    async with room.engine(Cast()) as scene:
        for fact in FACTS:
            assert await _cli(room, "memory", "revert", fact) == 0
        assert await _cli(room, "pr", "merge", "1") == 0
        assert await _cli(room, "pr", "merge", "2") == 0, capsys.readouterr().err
        assert _on_main(scene, room) == "# PM\n\n## Facts\n\n- By hand."


async def test_one_that_is_gone_by_then_or_has_more_in_it_is_left_alone(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    room.commit({".codebutler/memory/pm.md": PM})
    name = item_id("pm.md", "Facts", FACTS[0])
    async with room.engine(Cast()) as scene:
        assert await _cli(room, "memory", "revert", name) == 0
        room.commit({".codebutler/memory/pm.md": "# PM\n\n## Facts\n\n- The limit is 20 kg.\n"})
        assert await _cli(room, "pr", "merge", "1") != 0
        assert f"has no learned item {name} any more. Close the pull request" in capsys.readouterr().err
        assert _on_main(scene, room).endswith("- The limit is 20 kg.")


async def _cli(room: Room, *words: str) -> int:
    place = ["--repo", str(room.sample.repo), "--home", str(room.home)]
    return await asyncio.to_thread(main, [*words, *place])


def _on_main(scene: Scene, room: Room) -> str:
    return scene.git("show", "main:.codebutler/memory/pm.md", where=room.sample.remote)
