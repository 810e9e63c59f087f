"""The demo is the contract of design §8: a whole thread, really landed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from codebutler.testing.scenario import SHIPPED

Json = dict[str, Any]


def demo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``codebutler demo`` with nothing in the environment but PATH and an empty HOME."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    code = "from codebutler.cli.main import main; raise SystemExit(main())"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, "demo", "--yes", *words],
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=folder,
    )


def git(where: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(where), *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_demo_lands_a_fix_with_memory_and_leaves_nothing_behind(open_tmp: Path) -> None:
    for _ in range(2):  # a second run works too
        done = demo(open_tmp, "--json")
        assert done.returncode == 0, done.stderr
        lines: list[Json] = [json.loads(line) for line in done.stdout.splitlines()]
        last = lines[-1]
        assert (last["kind"], last["phase"], last["pr"]["state"]) == ("summary", "closed", "merged")
        assert last["usd"] > 0
        assert last["seconds"] < 20
    remote, repo = Path(last["remote"]), Path(last["repo"])
    assert "bisect_left" in git(remote, "show", "main:parcelrate/bands.py")
    assert "learned: thread=" in git(remote, "show", "main:.codebutler/memory/pm.md")
    assert git(remote, "log", "--format=%s", "main").count("(#1)") == 1
    assert git(remote, "branch", "--format=%(refname:short)").split() == ["main"]
    assert git(repo, "branch", "--format=%(refname:short)").split() == ["main"]
    assert len(git(repo, "worktree", "list").splitlines()) == 1
    assert git(repo, "status", "--porcelain") == ""
    kinds = [line["kind"] for line in lines]
    order = ["plan_proposed", "plan_approved", "worktree_ready", "escalation_asked", "pr_opened"]
    order += ["memory_proposed", "memory_committed", "journal_committed", "pr_merged", "worktree_removed"]
    assert [k for k in kinds if k in order] == order


def test_a_coder_that_edits_wrongly_fails_the_demo_and_the_reason_is_said(open_tmp: Path) -> None:
    broken = (
        (SHIPPED / "demo.toml")
        .read_text()
        .replace('new = "from bisect import bisect_left"', 'new = "import bisect"')
    )
    scenario = open_tmp / "broken.toml"
    scenario.write_text(broken)
    done = demo(open_tmp, "--scenario", str(scenario))
    assert done.returncode == 1
    assert "expect" in done.stderr.lower() or "must contain" in done.stderr.lower()
    assert "codebutler/cli" not in done.stderr  # a traceback of ours; the tests' own is part of the reason


def test_a_folder_with_something_in_it_is_not_touched(open_tmp: Path) -> None:
    (open_tmp / "d" / "sample").mkdir(parents=True)
    (open_tmp / "d" / "sample" / "mine.txt").write_text("mine")
    done = demo(open_tmp, "--folder", str(open_tmp / "d"))
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert (open_tmp / "d" / "sample" / "mine.txt").read_text() == "mine"
