"""With sandbox.gitScratch, commands write git's records in a copy: all of git works, nothing leaves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from codebutler.errors import NoSandbox
from codebutler.repo.checkpoints import import_checkpoint
from codebutler.repo.index import sync_index
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings
from codebutler.toolset import native

SCRATCH = SandboxSettings(git_scratch=True)
REF = "refs/heads/codebutler/t"


@pytest.fixture
async def scratch(linked: Any) -> AsyncIterator[Executor]:
    """An executor with scratch git on the filled worktree of ``linked``."""
    running = await Executor.start(linked.tree, own=True, settings=SCRATCH)
    await running.fill(linked.base)
    await sync_index(linked.repo / ".git", REF, linked.base)
    yield running
    await running.close()


async def _ran(hands: Executor, command: str) -> str:
    result = await hands.call("bash", {"command": command, "timeout": 20})
    assert result.ok, result.text
    return result.text


async def _checkpoint(hands: Executor, linked: Any, old: str) -> str:
    """As the thread makes one: commit, branch, and the worktree's own index."""
    built = await hands.tree(old)
    commit = await import_checkpoint(
        linked.repo / ".git", tree=built.tree, pack=hands.pack(built), message="x", ref=REF, old=old
    )
    await sync_index(linked.repo / ".git", REF, commit)
    return commit


def _records(linked: Any) -> dict[str, bytes]:
    dot = linked.repo / ".git"
    return {str(path): path.read_bytes() for path in dot.rglob("*") if path.is_file()}


USES = {
    "commit": "echo x >> hello.txt; git add -A; git commit -qm mine; git log --format=%s -1 | grep mine",
    "stash": "echo x >> hello.txt; git stash; ! grep x hello.txt; git stash pop; grep x hello.txt",
    "branch": "git checkout -qb try; git branch -m other; git switch -q -c third; git branch -D other",
    "reset": "git commit -q --allow-empty -m x; git reset -q --hard HEAD~1; git tag v1; git describe --tags",
    "rebase": "git checkout -qb a; git commit -q --allow-empty -m a; git commit -q --allow-empty -m b; "
    "GIT_SEQUENCE_EDITOR='sed -i 1d' git rebase -q -i --empty=keep --keep-empty HEAD~2",
    "config": "git config user.name Someone; git config alias.last 'log -1'; git last",
    "worktree": "git worktree add -q /tmp/other HEAD; test -f /tmp/other/hello.txt",
    "bisect": "for i in 1 2 3 4; do git commit -q --allow-empty -m $i; done; git bisect start HEAD HEAD~4; "
    "git bisect run true; git bisect reset",
    "upkeep": "git commit -q --allow-empty -m x; git gc -q; git fsck; git reflog expire --all; git prune",
    "apply": "echo x >> hello.txt; git diff > /tmp/p; git checkout -q -- .; git apply --index /tmp/p",
}


@pytest.mark.parametrize("kind", ["linked", "checkout"])
async def test_git_works_and_the_host_is_as_it_was(linked: Any, scratch: Executor, kind: str) -> None:
    before = _records(linked)
    hands = scratch if kind == "linked" else await Executor.start(linked.repo, settings=SCRATCH)
    try:
        failed = {}
        for name, command in USES.items():
            result = await hands.call("bash", {"command": f"set -e; {command}"})
            if not result.ok:
                failed[name] = result.text
            await _ran(hands, f"git reset -q --hard {linked.base}; git stash clear")
        assert failed == {}
        assert "mine" in await _ran(hands, "git reflog --format=%gs")
    finally:
        await hands.close()
    assert _records(linked) == before


async def test_a_checkpoint_is_made_of_files_and_ends_nothing(scratch: Executor, linked: Any) -> None:
    """A stash, a scratch commit and a background job outlive checkpoints, and none of them is in one."""
    await scratch.call("bash", {"command": "sleep 60", "background": True})
    await _ran(scratch, "echo mine > a; git add a; git commit -qm scratch; echo away > b; git stash -qu")
    first = await _checkpoint(scratch, linked, linked.base)
    assert linked.git("ls-tree", "--name-only", first).split() == [".gitignore", "a", "hello.txt", "sub"]
    await _ran(scratch, "git stash pop")
    second = await _checkpoint(scratch, linked, first)
    assert linked.git("show", f"{second}:b") == "away"
    assert linked.git("log", "--format=%s", second).split("\n") == ["x", "x", "more", "first"]
    linked.git("pack-refs", "--all")  # in the default mode this alone starts the executor anew
    assert "job 1 runs" in (await scratch.call("bash", {"job": 1})).text
    assert "scratch" in await _ran(scratch, "git log --format=%s -1")


async def test_the_copy_goes_where_the_branch_goes_until_it_is_written_to(
    scratch: Executor, linked: Any
) -> None:
    await _ran(scratch, "echo one > one")
    first = await _checkpoint(scratch, linked, linked.base)
    assert await _ran(scratch, "git rev-parse HEAD; git status --short") == first
    await _ran(scratch, "echo two > two; git add two; git commit -qm mine")
    second = await _checkpoint(scratch, linked, first)
    assert await _ran(scratch, "git log --format=%s -2") == "mine\nx"
    assert await _ran(scratch, f"git show --format=%H --name-only {second}") == f"{second}\n\ntwo"
    linked.git("worktree", "lock", str(linked.tree))
    assert (await scratch.call("bash", {"command": "git status"})).ok


async def test_an_executor_begins_with_the_hosts_state(scratch: Executor, linked: Any) -> None:
    """What was scratch is gone with the executor; what a person keeps for themselves is not shown."""
    (linked.repo / "hello.txt").write_text("the person's\n")
    linked.git("stash")
    linked.git("pack-refs", "--all")
    await _ran(scratch, "git commit -q --allow-empty -m gone")
    again = await Executor.start(linked.tree, own=True, settings=SCRATCH)
    try:
        look = "git log --format=%s -1; git stash list; git config --list; git remote; cat .git"
        text = await _ran(again, look)
        assert text.startswith("more")
        assert "stash@" not in text
        assert "TOKEN" not in text
        assert "origin" not in text
    finally:
        await again.close()


PLANTED = {
    "hooks": "for h in pre-commit post-index-change reference-transaction post-checkout fsmonitor; do "
    "printf '#!/bin/sh\\necho x >> @RAN@\\n' > $D/hooks/$h; chmod +x $D/hooks/$h; done",
    "config": "git config core.fsmonitor 'echo x >> @RAN@'; git config filter.e.clean 'tee -a @RAN@'; "
    "git config filter.e.process 'sh -c \"echo x >> @RAN@\"'; git config core.hooksPath $PWD/.h; "
    "git config alias.add '!echo x >> @RAN@'; git config diff.e.textconv 'echo x >> @RAN@;'; "
    "git config core.worktree /tmp; git config core.bare true; git config include.path @RAN@; "
    "echo '* filter=e diff=e' > $D/info/attributes",
    "exclude": "echo '*' > $D/info/exclude; git config core.excludesFile $D/info/exclude",
    "index": "echo x > kept; git add kept hello.txt; git update-index --assume-unchanged hello.txt; "
    "git update-index --skip-worktree kept sub/code.py",
    "replace": "git replace HEAD $(git commit-tree -m evil HEAD~1^{tree}); echo $(git rev-parse HEAD) > "
    "$D/info/grafts",
    "sparse": "git config core.sparseCheckout true; echo /nothing > $D/info/sparse-checkout",
    "head": "git commit -q --allow-empty -m evil; git rev-parse HEAD > $G/HEAD.x; mv $G/HEAD.x $G/HEAD",
    "garbage": "echo garbage > $G/HEAD; echo garbage > $G/index; echo ../../../.. > $G/commondir; "
    "echo /etc > $G/gitdir; ln -sf /etc/passwd $G/config.worktree",
    "alternates": "echo /nowhere > $D/objects/info/alternates; rm -rf $D/objects/pack",
    "nothing": "rm -rf $D/* $D/.??* ; test ! -e $D/HEAD",
    "fake object": "b=$(git rev-parse HEAD:hello.txt); o=$D/objects/${b%${b#??}}; mkdir -p $o; "
    "printf 'blob 4\\0evil' | python3 -c 'import sys, zlib; "
    "sys.stdout.buffer.write(zlib.compress(sys.stdin.buffer.read()))' > $o/${b#??}",
    "pipes": "rm -rf $D/refs $G/index; mkfifo $D/refs $G/index; ln -s /proc/self/fd/0 $G/index.lock",
}


@pytest.mark.parametrize("kind", ["linked", "checkout"])
@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
async def test_what_is_planted_there_reaches_nothing(
    linked: Any, tmp_path: Path, outside: Callable[[], dict[str, bytes]], planted: str, kind: str
) -> None:
    """Neither outside, nor in the work that the daemon has done inside: that never looks at the copy."""
    linked.git("--git-dir", str(linked.repo / ".git/worktrees/t"), "read-tree", linked.base)
    folder = linked.tree if kind == "linked" else linked.repo
    hands = await Executor.start(folder, own=kind == "linked", settings=SCRATCH)
    dot = linked.repo / ".git"
    gitdir = dot / "worktrees/t" if kind == "linked" else dot
    before = {path: data for path, data in outside().items() if str(dot) in path}
    try:
        if kind == "linked":
            await hands.fill(linked.base)
        script = f"D={dot}; G={gitdir}; {{ {planted.replace('@RAN@', '/tmp/ran')}; }}; true"
        await _ran(hands, f"{script}; cd {folder}; echo y > good; echo z > sub/code.py; echo w > hello.txt")
        changes = {change.path: change.kind for change in await hands.status(linked.base)}
        assert changes.pop("kept", "added") == "added"
        assert changes == {"good": "added", "sub/code.py": "modified", "hello.txt": "modified"}
        assert "+z\n" in await hands.diff(linked.base)
        built = await hands.tree(linked.base)
        assert await _ran(hands, "cat /tmp/ran 2>/dev/null; true") == "(no output)"
        assert {path: data for path, data in outside().items() if str(dot) in path} == before
        commit = await import_checkpoint(
            dot, tree=built.tree, pack=hands.pack(built), message="x", ref=REF, old=linked.base
        )
        assert linked.git("show", f"{commit}:good") == "y"
    finally:
        await hands.close()
    assert not list(tmp_path.rglob("ran"))


async def test_huge_objects_fill_the_copy_and_nothing_else(linked: Any) -> None:
    small = SandboxSettings(git_scratch=True, state_size=8 * 1024 * 1024)
    hands = await Executor.start(linked.repo, settings=small)
    before = _records(linked)
    try:
        result = await hands.call("bash", {"command": "head -c 20M /dev/urandom > big; git add big; rm big"})
        assert "No space left" in result.text
        await _ran(hands, "echo x > small; git -C . rev-parse HEAD")
        assert [change.path for change in await hands.status(linked.base)] == ["small"]
    finally:
        await hands.close()
    assert _records(linked) == before


async def test_a_planted_repository_cannot_hold_up_the_start(folder: Path, tmp_path: Path) -> None:
    dot = folder / ".git"
    for name in ("objects/info", "objects/pack", "refs/heads/hooks"):
        (dot / name).mkdir(parents=True)
    (dot / "HEAD").write_text("ref: refs/heads/../../../../escaped\n")
    (dot / "config").write_text("")
    (dot / "info").symlink_to(tmp_path)
    (dot / "packed-refs").write_bytes(b"\xff\n" * 10)
    with (dot / "index").open("wb") as file:
        file.truncate(1 << 40)
    hands = await Executor.start(folder, settings=SCRATCH)
    try:
        result = await hands.call("bash", {"command": "true"})
        assert "scratch copy could not be made: the repository's refs and index are too large" in result.text
        assert (await hands.call("write", {"path": "a", "content": "x"})).ok
    finally:
        await hands.close()
    (dot / "index").unlink()
    hands = await Executor.start(folder, settings=SCRATCH)
    try:
        assert await _ran(hands, "ls .git/refs/heads") == "hooks"
    finally:
        await hands.close()
    assert not (tmp_path / "escaped").exists()


async def test_before_approval_nothing_is_writable(linked: Any) -> None:
    hands = await Executor.start(linked.repo, read_only=True, settings=SCRATCH)
    try:
        assert not (await hands.call("bash", {"command": "git commit --allow-empty -m x"})).ok
        assert (await hands.call("read", {"path": ".git/HEAD"})).text == "1\tref: refs/heads/main"
    finally:
        await hands.close()


async def test_borrowed_objects_are_found_by_a_relative_name_too(linked: Any, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--shared", linked.repo, clone], check=True)
    (clone / ".git/objects/info/alternates").write_text("../../../repo/.git/objects\n")
    hands = await Executor.start(clone, settings=SCRATCH, own=True)
    try:
        assert "error" not in await _ran(hands, "git commit --allow-empty -m x; git fsck; git log -p")
        assert await hands.status(linked.base) == []
    finally:
        await hands.close()


async def test_it_is_refused_without_a_border(folder: Path) -> None:
    with pytest.raises(NoSandbox, match="gitScratch cannot be had"):
        await Executor.start(folder, settings=SandboxSettings(tier="off", git_scratch=True))


def test_models_are_told() -> None:
    told = {
        scratch: {t.spec.name: t.spec for t in native.tools(scratch=scratch)} for scratch in (False, True)
    }
    assert "scratch" in told[True]["bash"].description
    assert "scratch" not in told[False]["bash"].description
    assert told[True]["read"] == told[False]["read"]


@pytest.mark.parametrize("on", [True, False])
def test_the_hosts_file_decides(git_repo: Path, home: Path, codebutler: list[str], on: bool) -> None:
    """Of the tools that a person calls by hand, and of what an MCP client reads."""
    (home / ".codebutler").mkdir()
    (home / ".codebutler/config.json").write_text(json.dumps({"sandbox": {"gitScratch": on}}))
    words = ["tool", "bash", '{"command": "git commit -q --allow-empty -m x"}', "--worktree", str(git_repo)]
    done = subprocess.run([*codebutler, *words], capture_output=True, check=False)
    assert done.returncode == (0 if on else 1), done
    ask = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}\n'
    words = ["executor", "--worktree", str(git_repo)]
    done = subprocess.run([*codebutler, *words], input=ask, capture_output=True, check=True)
    tools = {tool["name"]: tool for tool in json.loads(done.stdout)["result"]["tools"]}
    assert ("as scratch" in tools["bash"]["description"]) is on
