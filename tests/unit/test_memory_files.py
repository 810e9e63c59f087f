"""Memory files whole or not at all, and joined without a lost line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.errors import ToolFailed
from codebutler.repo.held import with_folder
from codebutler.repo.memory_file import MEMORY_LIMIT, memory_text
from codebutler.repo.objects import changed_paths, list_files
from codebutler.repo.threeway import joined_text

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox

PATH = ".codebutler/memory/pm.md"


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "joined"),
    [
        ("a\nb\nc\nd\n", "a\nb\nc\nD\n", "A\nb\nc\nd\n", "A\nb\nc\nD\n"),
        ("a\n", "a\nours\n", "a\ntheirs\n", "a\ntheirs\nours\n"),
        ("a\nb\n", "a\nhand\n", "a\nB\n", "a\nB\nhand\n"),
        ("", "one\n", "two\n", "two\none\n"),
        ("a\r\nb\r\n", "a\r\nx\r\n", "a\r\ny\r\n", "a\r\ny\r\nx\r\n"),
        ("", "a\r\nb\r\n", "a\r\nb", "a\r\nb\r\n"),  # a last line that git ends, and not as the others
        (
            "a\n",
            "a\n\n## b\n1. x\n3. o\n",
            "a\n\n## c\n1. x\n3. t\n",
            "a\n\n## c\n1. x\n3. t\n\n## b\n1. x\n3. o\n",
        ),
        ("a\n", "a\n```\nx\n```\n", "a\n```\ny\n```\n", "a\n```\ny\n```\n```\nx\n```\n"),
        ("a\n", "a\nb\n", "a\nb\nc\n", "a\nb\nc\n"),
        ("a\n", "a\n\n## Learned\n\n- o\n", "a\n\n## Learned\n\n- t\n", "a\n\n## Learned\n\n- t\n- o\n"),
        ("a\n=======\n", "a\n=======\n>>>>>>> x\n", "a\n=======\ny\n", "a\n=======\ny\n>>>>>>> x\n"),
    ],
)
async def test_no_line_that_was_written_is_lost(
    git_box: GitBox, base: str, ours: str, theirs: str, joined: str
) -> None:
    assert await joined_text(git_box.gitdir, base, ours, theirs) == joined


async def test_a_change_of_very_many_lines_is_joined_as_one_run(git_box: GitBox) -> None:
    base, ours, theirs = ([f"- {who} {n}\n" for n in range(600)] for who in ("base", "ours", "theirs"))
    texts = ("".join(["a\n", *lines, "z\n"]) for lines in (base, ours, theirs))
    assert await joined_text(git_box.gitdir, *texts) == "".join(["a\n", *theirs, *ours, "z\n"])


async def test_a_memory_file_is_read_whole_or_refused(git_box: GitBox) -> None:
    gitdir = git_box.gitdir
    whole = "é" * (MEMORY_LIMIT // 2)
    assert await memory_text(gitdir, git_box.commit({PATH: whole}), PATH) == whole
    assert await memory_text(gitdir, git_box.commit({"A": "x"}), ".codebutler/memory/x.md") is None
    with pytest.raises(ToolFailed, match="longer than 64 KiB"):
        await memory_text(gitdir, git_box.commit({PATH: whole + "x"}), PATH)
    (git_box.root / PATH).write_bytes(b"- caf\xe9\n")
    with pytest.raises(ToolFailed, match="not UTF-8"):
        await memory_text(gitdir, git_box.commit({}), PATH)


async def test_a_link_in_its_place_is_refused(git_box: GitBox) -> None:
    folder = git_box.root / ".codebutler/memory"
    folder.mkdir(parents=True)
    (folder / "lead.md").symlink_to("../../a.txt")
    tip = git_box.commit({})
    with pytest.raises(ToolFailed, match="is a link"):
        await memory_text(git_box.gitdir, tip, ".codebutler/memory/lead.md")


async def test_a_folder_is_put_back_whatever_took_its_place(git_box: GitBox) -> None:
    old = git_box.commit({PATH: "x", "A": "a"})
    git_box.git("rm", "-rq", ".codebutler")
    new = git_box.commit({".codebutler": "a file now", "B": "b"})
    tree = git_box.git("rev-parse", f"{new}^{{tree}}").strip()
    held, back = await with_folder(
        git_box.gitdir, tree, old, ".codebutler/memory", await changed_paths(git_box.gitdir, old, tree)
    )
    assert back == [PATH]
    assert (await list_files(git_box.gitdir, held))[:3] == [PATH, "A", "B"]
    kept = await changed_paths(git_box.gitdir, old, held)
    assert await with_folder(git_box.gitdir, held, old, ".codebutler/memory", kept) == (held, [])
