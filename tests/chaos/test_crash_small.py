"""Killed around any append of a small whole thread and started again, it ends as if nothing had happened.

The crash hook strikes before the commit of an event, or after it: one thread's rows are counted as they stand
in its log. Where a commit tells of an effect, a kill right before it leaves that effect without its event;
that is named by its kind, for what is done while a model thinks has no fixed row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.chaos.conftest import Calm, Rig

EVENTS = 66
"""At least as many as the rows of the thread's log, and a few more at most: the first test sees to that."""


def _branch(rig: Rig) -> list[str]:
    """Subjects of our branch's own commits."""
    return rig.git("log", "--format=%s", "main..codebutler/say-hello").splitlines()


def _remote(rig: Rig) -> list[str]:
    return rig.git("log", "--format=%s", "main", where=rig.sample.remote).splitlines()


def _pushed(rig: Rig) -> bool:
    tip = rig.git("rev-parse", "codebutler/say-hello")
    return tip == rig.git("rev-parse", "codebutler/say-hello", where=rig.sample.remote)


def _folder(rig: Rig) -> bool:
    return (rig.sample.repo / ".codebutler" / "branches" / "say-hello" / "greeting").is_file()


def _edited(rig: Rig) -> bool:
    folder = rig.sample.repo / ".codebutler" / "branches" / "say-hello"
    return (folder / "greeting").read_text() == "hello\n"


WINDOWS: dict[str, tuple[str, int, Callable[[Rig], bool]]] = {
    "the worktree is made": ("worktree_ready", 1, _folder),
    "a file is edited": ("tool_finished", 2, _edited),
    "the checkpoint's ref has moved": ("checkpoint_made", 1, lambda rig: len(_branch(rig)) == 1),
    "the branch is pushed": ("pushed", 1, _pushed),
    "the pull request is open": ("pr_opened", 1, lambda rig: bool(rig.query("SELECT 1 FROM pull_request"))),
    "memory is committed": ("memory_committed", 1, lambda rig: _branch(rig)[0].startswith("Remember")),
    "memory is pushed": ("pushed", 2, _pushed),
    "the journal is committed": ("journal_committed", 1, lambda rig: _branch(rig)[0].startswith("Journal")),
    "the pull request is merged": ("pr_merged", 1, lambda rig: "Say hello (#1)" in _remote(rig)),
    "the worktree is removed": ("worktree_removed", 1, lambda rig: not _folder(rig)),
}
"""The effect, its event and which of that kind, and whether the effect is there."""


async def test_the_sweep_covers_the_whole_thread(small: Rig, calm: Calm) -> None:
    undisturbed = await calm.of(small)
    assert EVENTS - 8 < len(undisturbed.kinds) <= EVENTS
    for kind, number, _ in WINDOWS.values():
        assert undisturbed.has(f"before:{undisturbed.row(kind, number)}"), "the sweep looks at each effect"


@pytest.mark.parametrize("row", range(1, EVENTS + 1))
@pytest.mark.parametrize("side", ["before", "after"])
async def test_killed_here_the_thread_still_lands_once(
    small: Rig, calm: Calm, side: str, row: int, *, full: bool
) -> None:
    """Before each commit, and after those that something outside of the log follows; in full: after each."""
    undisturbed, point = await calm.of(small), f"{side}:{row}"
    if full or undisturbed.tells_more(point):
        await small.swept(point, calm)


@pytest.mark.parametrize("effect", WINDOWS)
async def test_killed_right_before_its_event_an_effect_is_found(small: Rig, calm: Calm, effect: str) -> None:
    kind, number, is_done = WINDOWS[effect]

    def look() -> None:
        assert [e["kind"] for e in small.events()].count(kind) == number - 1, "the event is in the log"
        assert is_done(small), "the effect is not there"

    await small.survives(f"before:{kind}:{number}", calm, look=look)
