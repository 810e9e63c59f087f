"""A worktree that the kernel says is as it was is not looked through again; no change is missed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.sandbox.job import Program
from codebutler.sandbox.settings import SandboxSettings

CHANGES = {
    "a line more": "echo more >> sub/code.py",
    "as long as before": "sed -i s/o/0/ hello.txt",
    "with the times of before": "touch -r hello.txt /tmp/t; printf HELLO | dd of=hello.txt conv=notrunc; "
    "touch -r /tmp/t hello.txt",
    "mapped into memory": """python3 -c '
import mmap
with open("hello.txt", "r+b") as file: data = mmap.mmap(file.fileno(), 0)
data[0:1] = b"J"; data.flush()'""",
    "a mode": "chmod +x hello.txt",
    "a new file": "echo new > new.txt",
    "a file less": "rm hello.txt",
    "another name": "mv hello.txt other.txt",
    "a new folder": "mkdir -p a/b/c && echo new > a/b/c/new.txt",
    "a folder less": "rm -r sub",
    "a folder's name": "mv sub bus",
    "a link": "ln -s hello.txt link",
    "a link in place of a file": "ln -sf sub/code.py hello.txt",
    "a folder in place of a file": "rm hello.txt && mkdir hello.txt && echo in > hello.txt/in",
    "two files": "echo more >> sub/code.py; rm hello.txt",
    "one that is new beside another": "echo more >> sub/code.py; echo new > sub/new.txt",
    "what is not ignored any more": "echo made > a.log; echo more >> sub/code.py; rm .gitignore",
    "what git reads": "echo '*.txt eol=crlf' > .gitattributes; printf 'a\\r\\n' > hello.txt",
    "a link that leads out": "ln -sf /etc/passwd sub/code.py",
    "a strange name": "mv hello.txt $'sub/\\n\\xff.txt'; echo more >> $'sub/\\n\\xff.txt'",
    "what is ignored": "echo made > made.o && git add -f made.o 2>/dev/null; echo '*.o' > .gitignore",
    "more files than the kernel can tell of": "for i in {1..9000}; do echo > f$i; done; rm f*; echo > sub/x",
}


@pytest.fixture
async def watched(hands: Executor, linked: Any) -> Executor:
    """An executor that has looked twice: from the second look on, the kernel tells it what changes."""
    for _ in range(2):
        await hands.tree(linked.base, still=True)
    return hands


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_no_change_is_missed(watched: Executor, linked: Any, change: str) -> None:
    before = await watched.tree(linked.base, still=True)
    said = await watched.call("bash", {"command": change})
    after = await watched.tree(linked.base, still=True)
    assert after.tree != before.tree, said.text
    assert after.tree == (await watched.tree(linked.base)).tree
    assert (await watched.call("bash", {"command": "echo late >> sub/late; mkdir -p d/e; echo > d/e/f"})).ok
    assert (await watched.tree(linked.base, still=True)).tree == (await watched.tree(linked.base)).tree


async def test_each_change_of_a_folder_that_is_new_is_seen(watched: Executor, linked: Any) -> None:
    trees = set()
    for text in ("one", "two", "three"):
        assert (await watched.call("write", {"path": "new/deep/file.txt", "content": text})).ok
        trees.add((await watched.tree(linked.base, still=True)).tree)
    assert len(trees) == 3


async def test_a_job_may_write_at_any_time(watched: Executor, linked: Any) -> None:
    """It may hold a file mapped, of which the kernel tells only at the end."""
    job = """exec python3 -c '
import mmap, os, time
with open("hello.txt", "r+b") as file: data = mmap.mmap(file.fileno(), 0)
while not os.path.exists("/tmp/go"): time.sleep(0.01)
data[0:1] = b"J"; data.flush(); open("/tmp/gone", "w").close()
time.sleep(600)'"""
    assert (await watched.call("bash", {"command": job, "background": True})).details["exit_code"] is None
    before = await watched.tree(linked.base, still=True)
    wait = "touch /tmp/go; until [ -e /tmp/gone ]; do sleep 0.01; done"
    assert (await watched.call("bash", {"command": wait})).ok
    assert (await watched.tree(linked.base, still=True)).tree != before.tree


async def test_a_server_beside_it_may_write_at_any_time(watched: Executor, linked: Any) -> None:
    """It lives for a whole turn, with a database mapped, say."""
    writes = """
import mmap
with open("hello.txt", "r+b") as file: data = mmap.mmap(file.fileno(), 0)
print("ready", flush=True)
while word := input(): data[0:1] = word.encode(); data.flush(); print("wrote", flush=True)
"""
    guest = await watched.guest(Program(("python3", "-c", writes)))
    lines, trees = guest.lines(), set()
    try:
        assert (await anext(lines)).strip() == b"ready"
        for letter in (b"J", b"K"):
            trees.add((await watched.tree(linked.base, still=True)).tree)
            await guest.send(letter + b"\n")
            assert (await anext(lines)).strip() == b"wrote"
        trees.add((await watched.tree(linked.base, still=True)).tree)
    finally:
        await guest.close()
    assert len(trees) == 3


async def test_a_question_for_people_changes_nothing_that_is_told_later(
    watched: Executor, linked: Any
) -> None:
    assert (await watched.call("bash", {"command": "echo '*.o' > .gitignore; echo made > made.o"})).ok
    assert "made.o" in str(await watched.left_out(linked.base, ["made.o"]))
    assert (await watched.tree(linked.base, still=True)).skipped == ()


async def test_who_does_not_trust_the_kernel_looks_at_all_files(watched: Executor, linked: Any) -> None:
    """Through a second name elsewhere, a file changes and its folder is not told of it."""
    os.link(linked.tree / "hello.txt", linked.tree.parent / "second")
    await watched.tree(linked.base, still=True)
    before = await watched.tree(linked.base, still=True)
    (linked.tree.parent / "second").write_text("more\n")
    assert (await watched.tree(linked.base, still=True)).tree == before.tree
    assert (await watched.tree(linked.base)).tree != before.tree


async def test_only_the_files_that_the_kernel_names_are_looked_at(watched: Executor, linked: Any) -> None:
    """A look at all files finds what changed by a second name; one at those that are named does not."""
    os.link(linked.tree / "hello.txt", linked.tree.parent / "second")
    await watched.tree(linked.base, still=True)
    before = await watched.tree(linked.base, still=True)
    (linked.tree.parent / "second").write_text("more\n")
    trees = {before.tree}
    for change in ("echo more >> sub/code.py", "chmod +x sub/code.py", "rm sub/code.py"):
        assert (await watched.call("bash", {"command": change})).ok
        trees.add((await watched.tree(linked.base, still=True)).tree)
    assert len(trees) == 4
    assert (await watched.tree(linked.base)).tree not in trees


async def test_what_could_not_be_taken_is_told_again(watched: Executor, linked: Any) -> None:
    assert (await watched.call("bash", {"command": "git init -q nested && echo x > nested/x"})).ok
    told = [(await watched.tree(linked.base, still=True)).skipped for _ in range(3)]
    assert "nested" in " ".join(told[0])
    assert told[0] == told[1] == told[2]


async def test_a_border_that_hides_the_kernels_word_changes_nothing(linked: Any, open_tmp: Path) -> None:
    hands = await Executor.start(linked.tree, own=True, settings=SandboxSettings(tier="reduced"))
    try:
        await hands.fill(linked.base)
        trees = [(await hands.tree(linked.base, still=True)).tree for _ in range(3)]
        assert (await hands.call("bash", {"command": "echo more >> hello.txt"})).ok
        assert (await hands.tree(linked.base, still=True)).tree not in trees
    finally:
        await hands.close()
