"""The daemon's git work, done inside: fill, compare, checkpoint; and what of git is seen there."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from codebutler.errors import RepoError, ToolFailed
from codebutler.repo.checkpoints import import_checkpoint
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import FileChange

REF = "refs/heads/codebutler/t"


async def _checkpoint(hands: Executor, linked: Any, old: str) -> str:
    built = await hands.tree(old)
    return await import_checkpoint(
        linked.repo / ".git", tree=built.tree, pack=hands.pack(built), message="x", ref=REF, old=old
    )


async def test_fill_and_status(hands: Executor, linked: Any) -> None:
    assert (linked.tree / "sub/code.py").read_text() == "x = 1\n"
    assert await hands.status(linked.base) == []
    await hands.call("bash", {"command": "echo y > new; rm hello.txt; echo z > sub/code.py; echo l > a.log"})
    assert await hands.status(linked.base) == [
        FileChange("hello.txt", "deleted"),
        FileChange("new", "added"),
        FileChange("sub/code.py", "modified"),
    ]
    diff = await hands.diff(linked.base, ["sub/code.py"])
    assert "-x = 1\n+z\n" in diff
    assert "hello" not in diff


async def test_fill_wants_an_empty_folder(hands: Executor, linked: Any) -> None:
    with pytest.raises(ToolFailed, match="not empty"):
        await hands.fill(linked.base)


async def test_checkpoints_follow_each_other(hands: Executor, linked: Any) -> None:
    await hands.call("write", {"path": "new.txt", "content": "one\n"})
    first = await _checkpoint(hands, linked, linked.base)
    await hands.call("edit", {"path": "new.txt", "old": "one", "new": "two"})
    second = await _checkpoint(hands, linked, first)
    assert linked.git("show", f"{REF}:new.txt") == "two"
    assert linked.git("rev-parse", f"{second}~2") == linked.base
    assert linked.git("rev-parse", "main") == linked.base
    assert linked.git("fsck", "--strict") == ""
    assert await hands.status(second) == []


async def test_a_pack_holds_only_what_the_base_lacks(hands: Executor, linked: Any) -> None:
    """Else each checkpoint of a large repository would carry all of it."""
    await hands.call(
        "bash", {"command": "mkdir -p big; head -c 300000 /dev/urandom > big/noise; echo a > big/a"}
    )
    first = await _checkpoint(hands, linked, linked.base)
    await hands.call("bash", {"command": "echo b > big/a"})
    built = await hands.tree(first)
    assert 0 < built.pack_size < 2_000


async def test_a_tree_that_is_known_needs_no_pack(hands: Executor, linked: Any) -> None:
    known = linked.git("rev-parse", f"{linked.base}^{{tree}}")
    for _ in range(2):  # the second time, the index stands as it did
        built = await hands.tree(linked.base, known)
        assert (built.tree, built.pack_size) == (known, 0)
    await hands.call("bash", {"command": "echo y > new; git init -q nested"})
    built = await hands.tree(linked.base, known)
    assert built.tree != known
    assert built.pack_size > 0
    (linked.tree / "new").unlink()
    assert (await hands.tree(linked.base, known)).tree == known
    await hands.call(
        "bash", {"command": "cd nested && git -c user.name=n -c user.email=e commit --allow-empty -qm n"}
    )
    built = await hands.tree(linked.base, known)
    assert (built.tree, built.pack_size) == (known, 0)
    assert "nested" in " ".join(built.skipped)


async def test_a_large_pack_comes_in_pieces(hands: Executor, linked: Any) -> None:
    await hands.call("bash", {"command": "head -c 5000000 /dev/urandom > big"})
    built = await hands.tree(linked.base)
    pieces = [piece async for piece in hands.pack(built)]
    assert len(pieces) > 3
    assert sum(map(len, pieces)) == built.pack_size > 5_000_000


async def test_a_restarted_executor_goes_on(hands: Executor, linked: Any) -> None:
    await hands.call("write", {"path": "new.txt", "content": "one\n"})
    again = await Executor.start(linked.tree, own=True)
    try:
        commit = await _checkpoint(again, linked, linked.base)
        assert linked.git("show", f"{commit}:new.txt") == "one"
    finally:
        await again.close()


async def test_nested_repositories_are_left_out(hands: Executor, linked: Any) -> None:
    command = (
        "git init -q empty; git init -q full; cd full; echo a > a; git add a; git commit -qm a; echo b > ../b"
    )
    assert (await hands.call("bash", {"command": command})).ok
    changes = [FileChange(path, "added") for path in ("b", "empty", "full")]
    assert await hands.status(linked.base) == changes
    built = await hands.tree(linked.base)
    assert built.skipped == tuple(
        f"a git repository of its own, left out: '{name}'; remove {name}/.git to take its files in"
        for name in ("empty", "full")
    )


@pytest.mark.parametrize(
    "command",
    [
        "ln -s /etc/passwd .gitmodules",
        "echo '[garbage' > .gitmodules; git init -q n; cd n; git commit -q --allow-empty -m x",
        "touch git~1; mkdir d; touch d/.GIT",
        "mkdir d; echo garbage > d/.git; touch d/f",
        "mkdir d; cp .git d/.git; touch d/f",
        "touch f; chmod 0 f; mkdir d; touch d/f; chmod 0 d",
        "mkfifo f; ln -s loop loop; ln -s /nowhere l",
    ],
)
async def test_nothing_that_lies_about_stops_a_checkpoint(hands: Executor, linked: Any, command: str) -> None:
    assert (await hands.call("bash", {"command": f"{{ {command}; }}; cd {linked.tree}; echo y > good"})).ok
    commit = await _checkpoint(hands, linked, linked.base)
    assert linked.git("show", f"{commit}:good") == "y"


async def test_hostile_attributes_and_config_stay_inside(
    hands: Executor,
    linked: Any,
    tmp_path: Path,
) -> None:
    """A person's own config may name programs of the tree; nothing outside may ever run them."""
    evil = tmp_path / "ran"
    for key, value in {
        "filter.evil.clean": f"touch {evil}; cat",
        "filter.evil.smudge": f"touch {evil}; cat",
        "diff.evil.textconv": f"touch {evil}; cat",
        "core.fsmonitor": f"touch {evil}",
        "core.hooksPath": ".husky",
    }.items():
        linked.git("config", key, value)
    script = f"""echo '* filter=evil diff=evil' > .gitattributes; mkdir .husky
    for hook in pre-commit reference-transaction post-index-change post-checkout; do
      printf '#!/bin/sh\\ntouch {evil}\\n' > .husky/$hook; chmod +x .husky/$hook; done; echo c > hello.txt"""
    assert (await hands.call("bash", {"command": script})).ok
    await hands.status(linked.base)
    await hands.diff(linked.base)
    await _checkpoint(hands, linked, linked.base)
    assert not evil.exists()


async def test_git_inside_reads_and_cannot_write(hands: Executor, linked: Any) -> None:
    linked.git("--git-dir", str(linked.repo / ".git/worktrees/t"), "read-tree", linked.base)
    for words in ("status --short", "log --oneline", "diff HEAD", "show HEAD", "blame sub/code.py"):
        result = await hands.call("bash", {"command": f"git {words}"})
        assert result.ok, result.text
    for command in ("git commit --allow-empty -m x", "git branch y", "git config user.name x", "git stash"):
        assert not (await hands.call("bash", {"command": command})).ok


async def test_secrets_of_the_repository_are_not_there(hands: Executor, linked: Any) -> None:
    await hands.call("bash", {"command": "true"})
    dot = f"{linked.repo}/.git"
    look = f"grep -rs TOKEN-IN {dot} . ; git config --list; git remote -v; cat {dot}/config"
    assert "TOKEN-IN" not in (await hands.call("bash", {"command": look})).text
    linked.git(
        "config", "remote.other.url", "https://TOKEN-IN-NEW@example.org"
    )  # replaces the file on the host
    assert "TOKEN-IN" not in (await hands.call("bash", {"command": look})).text


async def test_packed_refs_do_not_blind_it(hands: Executor, linked: Any) -> None:
    linked.git("pack-refs", "--all", "--prune")
    assert linked.base[:7] in (await hands.call("bash", {"command": "git log --oneline"})).text


async def test_a_snapshot_is_read_only(linked: Any, tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    filler = await Executor.start(snapshot, own=True, gitdir=linked.repo / ".git")
    await filler.fill(linked.base)
    await filler.close()
    reader = await Executor.start(snapshot, own=True, read_only=True, gitdir=linked.repo / ".git")
    try:
        assert (await reader.call("read", {"path": "hello.txt"})).text == "1\thello"
        assert (await reader.call("grep", {"pattern": "x = 1"})).text == "sub/code.py:1:x = 1"
        for name, arguments in {
            "write": {"path": "x", "content": ""},
            "edit": {"path": "hello.txt", "old": "hello", "new": "bye"},
            "bash": {"command": "touch x"},
        }.items():
            result = await reader.call(name, arguments)
            assert not result.ok
            assert "before the plan is approved" in result.text
    finally:
        await reader.close()
    assert sorted(path.name for path in snapshot.iterdir()) == [".gitignore", "hello.txt", "sub"]


async def test_a_bare_repository_works(linked: Any, tmp_path: Path) -> None:
    bare, tree = tmp_path / "r.git", tmp_path / "r.git" / "trees" / "t"
    subprocess.run(["git", "clone", "-q", "--bare", linked.repo, bare], check=True)
    subprocess.run(
        ["git", "worktree", "add", "-q", "--no-checkout", "-b", "t", tree, "main"], cwd=bare, check=True
    )
    running = await Executor.start(tree, own=True)
    try:
        await running.fill(linked.base)
        assert (await running.call("bash", {"command": "git log --oneline | wc -l"})).text == "2"
        assert await running.status(linked.base) == []
    finally:
        await running.close()


async def test_borrowed_objects_are_found(linked: Any, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--shared", linked.repo, clone], check=True)
    running = await Executor.start(clone, own=True)
    try:
        assert (await running.call("bash", {"command": "git show --stat HEAD"})).ok
        assert await running.status(linked.base) == []
    finally:
        await running.close()


async def test_submodules_are_compared_and_their_tokens_hidden(linked: Any, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", linked.repo, clone], check=True)
    for words in (
        ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(linked.repo), "lib/sub"],
        ["-c", "user.name=x", "-c", "user.email=x", "commit", "--quiet", "--message=submodule"],
        ["-C", "lib/sub", "config", "remote.origin.url", "https://TOKEN-IN-MODULE@example.org"],
    ):
        subprocess.run(["git", *words], cwd=clone, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True)
    running = await Executor.start(clone)
    try:
        assert await running.status(head.stdout.strip()) == []
        inside = await running.call(
            "bash", {"command": "git -C lib/sub log --oneline; grep -r TOKEN-IN .git lib"}
        )
        assert linked.base[:7] in inside.text
        assert "TOKEN-IN" not in inside.text
    finally:
        await running.close()


async def test_a_sparse_checkout_is_not_a_deletion(linked: Any, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--sparse", linked.repo, clone], check=True)
    running = await Executor.start(clone)
    try:
        assert not (clone / "sub").exists()
        assert await running.status(linked.base) == []
    finally:
        await running.close()


async def test_a_folder_is_filled_wholly_beside_a_sparse_checkout(linked: Any, tmp_path: Path) -> None:
    """What the PM reads before there is a worktree: the patterns are for the person's checkout alone."""
    linked.git("sparse-checkout", "set", "--no-cone", "/hello.txt")
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    running = await Executor.start(snapshot, own=True, gitdir=linked.repo / ".git")
    try:
        await running.fill(linked.base)
        assert (snapshot / "sub/code.py").read_text() == "x = 1\n"
    finally:
        await running.close()


@pytest.mark.parametrize("name", ["HEAD", "--output=x", "", "0" * 39, "0" * 40 + "\n"])
async def test_only_full_object_names_go_in(hands: Executor, name: str) -> None:
    with pytest.raises(ToolFailed, match="object name"):
        await hands.status(name)


async def test_a_plain_folder_has_no_git(executor: Executor) -> None:
    with pytest.raises(ToolFailed, match="no git repository"):
        await executor.status("0" * 40)


async def test_what_is_no_repository_is_refused(folder: Path) -> None:
    with pytest.raises(RepoError, match="not a repository"):
        await Executor.start(folder, gitdir=folder)
