"""What is new on a branch, and whose: our joins with the base branch bring nothing that was made there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codebutler.thread.incoming import LESSONS, since

NAMES = {"GIT_CONFIG_GLOBAL": "/dev/null", "PATH": "/usr/local/bin:/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("subject", "strange"),
    [
        (f"{LESSONS} main", False),
        ("Meet main at 0123456789ab", False),
        ("Stand on main as it was rewritten", False),
        ("Merge what others pushed to codebutler/notes", True),
        ("Merge branch 'main' into codebutler/notes", True),
    ],
)
async def test_what_a_join_brought_is_new_unless_it_is_the_base_branchs(
    tmp_path: Path, subject: str, strange: bool
) -> None:
    def git(*words: str, by: str = "eve") -> str:
        who = ("-c", f"user.name={by}", "-c", f"user.email={by}@example.invalid")
        command = ["git", *who, "-C", str(tmp_path), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=NAMES).stdout.strip()

    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "start")
    git("checkout", "-q", "-b", "work")
    git("commit", "-q", "--allow-empty", "-m", "ours", by="bot")
    old = git("rev-parse", "HEAD")
    git("checkout", "-q", "main")
    git("commit", "-q", "--allow-empty", "-m", "Eve's")
    git("checkout", "-q", "work")
    git("merge", "-q", "--no-ff", "-m", subject, "main", by="bot")
    new = await since(tmp_path / ".git", old, git("rev-parse", "HEAD"))
    made = git("log", "--format=%ce", *new).split()
    assert ("eve@example.invalid" in made) is strange
    assert "bot@example.invalid" in made
