"""What the daemon is told of a worktree holds, whatever a command or a person did to git's own records."""

from __future__ import annotations

from typing import Any

import pytest

from codebutler.sandbox.executor import Executor


@pytest.mark.parametrize(
    "trick",
    [
        "GIT_INDEX_FILE=@INDEX@ git update-index --skip-worktree sub/code.py",
        "GIT_INDEX_FILE=@INDEX@ git update-index --assume-unchanged sub/code.py",
        "rm @INDEX@; mkfifo @INDEX@",
        "rm @INDEX@; ln -s /etc/passwd @INDEX@",
        "rm -r @HOME@; mkfifo @HOME@",
        "rm -r @HOME@; ln -s / @HOME@",
        "mkdir -p @HOME@/objects/ab; mkfifo @HOME@/objects/info",
        "mkdir -p ~/.config/git; mkfifo ~/.config/git/attributes ~/.config/git/ignore",
        "mkdir -p ~/.config/git; echo '*' > ~/.config/git/ignore",
    ],
)
async def test_records_of_the_daemon_are_believed_only_as_it_left_them(
    hands: Executor, linked: Any, trick: str
) -> None:
    assert await hands.status(linked.base) == []
    home = "/codebutler/state/git"
    command = trick.replace("@INDEX@", f"{home}/index").replace("@HOME@", home)
    said = await hands.call("bash", {"command": command})
    assert said.ok, said.text
    assert (await hands.call("bash", {"command": "echo evil > sub/code.py; echo evil > more"})).ok
    changes = {each.path: each.kind for each in await hands.status(linked.base)}
    assert changes == {"sub/code.py": "modified", "more": "added"}
    assert "+evil" in await hands.diff(linked.base)
    assert (await hands.tree(linked.base)).pack_size > 0


@pytest.mark.parametrize("what", ["HEAD", "HEAD:hello.txt"])
async def test_a_replaced_object_changes_nothing_of_what_is_told(linked: Any, what: str) -> None:
    (linked.repo / "hello.txt").write_text("evil\n")
    if what == "HEAD":
        linked.git("commit", "-qam", "evil")
        old, new = linked.base, linked.git("rev-parse", "HEAD")
        linked.git("reset", "-q", "--soft", old)
    else:
        old, new = linked.git("rev-parse", what), linked.git("hash-object", "-w", "hello.txt")
    linked.git("replace", old, new)
    hands = await Executor.start(linked.repo)
    try:
        assert [each.path for each in await hands.status(linked.base)] == ["hello.txt"]
        assert "+evil" in await hands.diff(linked.base)
    finally:
        await hands.close()


@pytest.mark.parametrize("bit", ["--assume-unchanged", "--skip-worktree"])
async def test_a_file_that_git_was_told_not_to_look_at_is_saved(linked: Any, bit: str) -> None:
    linked.git("update-index", bit, "hello.txt", "sub/code.py")
    hands = await Executor.start(linked.repo)
    try:
        assert (await hands.call("bash", {"command": "echo work > hello.txt"})).ok
        assert [each.path for each in await hands.status(linked.base)] == ["hello.txt"]
        assert (await hands.tree(linked.base)).pack_size > 0
    finally:
        await hands.close()
