"""What no commit takes in although a tool wrote it."""

from __future__ import annotations

from typing import Any

from codebutler.sandbox.executor import Executor


async def test_ignored_files_are_named_if_tools_wrote_them(hands: Executor, linked: Any) -> None:
    """Those of commands (caches, dependencies) are nobody's work."""
    for path in ("a.log", "tmp/*.log", "it's \nodd.log", "kept.txt"):
        assert (await hands.call("write", {"path": path, "content": "x\n"})).ok
    await hands.call("bash", {"command": "echo y > b.log; echo y > tmp/c.log"})
    ignored = ["a.log", "it's \nodd.log", "tmp/*.log"]
    wrote = [*ignored, "gone.log", "kept.txt"]
    assert {each.path for each in await hands.status(linked.base, wrote)} == {*ignored, "kept.txt"}
    said = await hands.left_out(linked.base, wrote)
    assert said[0] == "ignored by .gitignore, so in no commit: 'a.log'"
    assert len(said) == 3
    assert await hands.left_out(linked.base, []) == []


async def test_what_a_commit_of_ours_holds_although_it_is_ignored_is_not_taken_for_gone(
    hands: Executor, linked: Any
) -> None:
    """A team's .gitignore may name .codebutler/: its journal is committed by the daemon, as plain objects."""
    await hands.status(linked.base)
    assert (await hands.call("write", {"path": ".codebutler/a.md", "content": "x\n"})).ok
    blob = linked.git("hash-object", "-w", "--stdin", data=b"x\n")
    folder = linked.git("mktree", data=f"100644 blob {blob}\ta.md\n".encode())
    whole = linked.git("ls-tree", linked.base) + f"\n040000 tree {folder}\t.codebutler\n"
    tree = linked.git("mktree", data=whole.encode())
    head = linked.git("commit-tree", tree, "-p", linked.base, "-m", "journal")
    assert await hands.status(head, [".codebutler/a.md"]) == []
    await hands.call("bash", {"command": "echo y >> .codebutler/a.md"})
    assert [(each.path, each.kind) for each in await hands.status(head)] == [(".codebutler/a.md", "modified")]
    await hands.call("bash", {"command": "rm .codebutler/a.md"})
    assert [(each.path, each.kind) for each in await hands.status(head)] == [(".codebutler/a.md", "deleted")]
