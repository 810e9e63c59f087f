"""Killed while a side effect is done but not in the log: found again, never done twice.

The crash hook strikes before the commit of the effect's event: one thread's rows are counted as they stand in
its log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.chaos.conftest import Calm, Rig


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


@pytest.mark.parametrize("effect", WINDOWS)
async def test_an_effect_whose_event_was_lost_is_found_again(small: Rig, calm: Calm, effect: str) -> None:
    kind, number, is_done = WINDOWS[effect]
    row = (await calm.of(small)).row(kind, number)

    def look() -> None:
        assert len(small.events()) < row, "the event is in the log"
        assert is_done(small), "the effect is not there"

    await small.survives(f"before:{row}", calm, look=look)


@pytest.mark.parametrize("branch", ["codebutler/say-hello", "main"])
async def test_killed_within_a_push_it_is_pushed_once(small: Rig, calm: Calm, branch: str) -> None:
    """The remote has moved its ref, and git has not come back to tell: the remote's hook kills us."""
    hook = small.sample.remote / "hooks" / "post-receive"
    used = small.folder / "hook-ran"

    def arm() -> None:
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(
            f"#!/bin/sh\ngrep -q refs/heads/{branch} && [ ! -e {used} ] && : > {used} "
            f"&& kill -9 $(cat {small.pid})\nexit 0\n"
        )
        hook.chmod(0o755)

    await small.survives("", calm, arm=arm)
    assert used.exists()
