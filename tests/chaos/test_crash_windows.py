"""Killed within a push, after the remote has it and before git tells: found again, never done twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.chaos.conftest import Calm, Rig


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
