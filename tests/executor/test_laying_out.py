"""Another commit's files come into a worktree whole, or nothing is touched; what is ignored is nobody's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codebutler.errors import RepoError
from codebutler.repo.checkpoints import import_checkpoint
from codebutler.sandbox.executor import Executor
from codebutler.thread.laying import lay_out


async def _saved(hands: Executor, linked: Any, old: str, command: str, *, since: str = "") -> str:
    """The checkpoint after ``command``."""
    assert (await hands.call("bash", {"command": command})).ok
    built = await hands.tree(old, since=since)
    pack, ref = hands.pack(built), "refs/heads/codebutler/t"
    gitdir = linked.repo / ".git"
    return await import_checkpoint(gitdir, tree=built.tree, pack=pack, message="x", ref=ref, old=old)


def _held(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def _moved(linked: Any, old: str, new: str) -> list[str]:
    named: str = linked.git("diff", "--name-only", "--no-renames", old, new)
    return named.split()


async def test_what_was_ignored_is_not_in_the_way(hands: Executor, linked: Any) -> None:
    command = "printf 'gen/\\n' >> .gitignore; mkdir gen; echo g > gen/g; echo two > two"
    tip = await _saved(hands, linked, linked.base, command)
    moved = _moved(linked, tip, linked.base)
    assert moved == [".gitignore", "two"]
    assert await lay_out(hands, tip, linked.base, what="it", moved=moved) == ["gen/g"]
    assert (linked.tree / "gen/g").read_text() == "g\n"
    assert not (linked.tree / "two").exists()


async def test_an_ignored_file_in_the_way_leaves_all_as_it_was(hands: Executor, linked: Any) -> None:
    older = await _saved(hands, linked, linked.base, "echo one > key; echo same > same; echo x > hello.txt")
    command = "rm key same; printf 'key\\nsame\\n' >> .gitignore; echo y > hello.txt"
    tip = await _saved(hands, linked, older, command)
    assert (await hands.call("bash", {"command": "echo mine > key; echo same > same"})).ok
    before = _held(linked.tree)
    with pytest.raises(RepoError, match=r"(?s)laid out in .*: key\b") as raised:
        await lay_out(hands, tip, older, what="it", moved=_moved(linked, tip, older))
    assert "Nothing was changed" in str(raised.value.fix)
    assert "same" not in str(raised.value).partition("laid out in")[2].split(":")[-1]
    assert _held(linked.tree) == before


async def test_what_is_found_wrong_afterwards_is_put_back(hands: Executor, linked: Any) -> None:
    older = await _saved(hands, linked, linked.base, "echo o > old; mkdir two; echo x > two/x")
    command = "rm -r old two; echo two > two; echo z > sub/code.py; rm hello.txt; echo gen >> .gitignore"
    tip = await _saved(hands, linked, older, f"{command}; echo g > gen")
    before = _held(linked.tree)
    moved = [*_moved(linked, tip, older), "gen"]  # as if the tip had a file that could not be taken away
    with pytest.raises(RepoError, match=r"laid out in .*: gen"):
        await lay_out(hands, tip, older, what="it", moved=moved)
    assert _held(linked.tree) == before
    assert await hands.status(tip) == []


async def test_what_a_checkpoint_took_before_it_was_ignored_leaves_it(hands: Executor, linked: Any) -> None:
    command = "mkdir mods; echo m > mods/m; echo s > .env; echo a > a; rm hello.txt"
    first = await _saved(hands, linked, linked.base, command)
    write = "printf 'mods/\\n.env\\n/sub/\\n' >> .gitignore"
    second = await _saved(hands, linked, first, write, since=linked.base)
    names = linked.git("ls-tree", "-r", "--name-only", second).split()
    assert set(names) >= {".gitignore", "a", "sub/code.py"}  # the last is ignored too, but always was there
    assert not {".env", "mods/m", "hello.txt"} & set(names)
    assert (linked.tree / ".env").read_text() == "s\n"
    third = await _saved(hands, linked, second, "echo t > .env; echo b > b")
    assert _moved(linked, second, third) == ["b"]
