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
