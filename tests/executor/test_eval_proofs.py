"""The oracle that runs a program on a branch: what counts as passed, as failed, and as neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebutler.evaluation.facts import Facts
from codebutler.evaluation.proofs import Command
from codebutler.repo.git import resolve
from codebutler.sandbox.settings import SandboxSettings
from codebutler.testing.gitting import begin, plain_git, publish
from codebutler.thread.state import ThreadState


@pytest.fixture
async def facts(open_tmp: Path) -> Facts:
    """A branch that changed a file, and put a link where a hidden test belongs."""
    repo, remote = open_tmp / "repo", open_tmp / "remote.git"
    begin(repo, remote)
    (repo / "a.txt").write_text("old\n")
    plain_git(repo, "add", "-A")
    plain_git(repo, "commit", "-q", "-m", "first")
    publish(repo, remote)
    (repo / "a.txt").write_text("new\n")
    (repo / "hidden.py").symlink_to("/etc/passwd")
    plain_git(repo, "add", "-A")
    plain_git(repo, "commit", "-q", "-m", "second")
    gitdir = repo / ".git"
    base, head = await resolve(gitdir, "main~1") or "", await resolve(gitdir, "main") or ""
    return Facts(ThreadState("t"), [], gitdir, base, head, [], open_tmp, SandboxSettings.from_host())


@pytest.mark.parametrize(
    ("table", "evidence"),
    [
        ({"run": "grep -q new a.txt && ! getent hosts example.org"}, ""),
        ({"run": "cat a.txt; exit 3"}, "cat a.txt; exit 3: exit 3\nnew"),
        ({"run": "grep -q old a.txt", "restore": ["a*"]}, ""),
        ({"run": "grep -q over a.txt", "restore": ["a*"], "files": {"a.txt": "over"}}, ""),
        ({"run": "exit 1", "fails": True}, ""),
        ({"run": "true", "fails": True}, "true: exit 0, but it had to be 1"),
        ({"run": "no-such-program", "fails": True}, "exit 127, but it had to be 1"),
        ({"run": "sleep 60", "seconds": 1}, "sleep 60: exit 137\n[stopped: timed out after 1 s]"),
        ({"run": "true", "files": {"hidden.py": "x"}}, "the branch stands in the way: "),
    ],
)
async def test_a_command_passes_fails_or_says_why_it_did_neither(
    facts: Facts, table: dict[str, object], evidence: str
) -> None:
    fault = await Command.model_validate({"kind": "command", **table}).fault(facts)
    assert bool(fault) == bool(evidence), fault
    assert evidence in fault
