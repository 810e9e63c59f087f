"""grep and glob: what is ignored stays ignored, and every answer is capped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.types import ToolResult


@pytest.fixture
def folder(folder: Path) -> Path:
    for name, text in {
        ".gitignore": "*.log\nbuild/\n",
        "a.py": "needle = 1\nother\n",
        "src/b.py": "needle needle\n",
        "src/deep/c.ts": "needle\n",
        ".github/ci.yml": "needle\n",
        "noise.log": "needle\n",
        "build/out.py": "needle\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for age, name in enumerate(("src/deep/c.ts", "a.py", "src/b.py", ".github/ci.yml", ".gitignore")):
        os.utime(folder / name, (1_700_000_000 - age, 1_700_000_000 - age))
    return folder


async def _grep(executor: Executor, pattern: str, **more: object) -> ToolResult:
    return await executor.call("grep", {"pattern": pattern, **more})


async def test_content_mode(executor: Executor) -> None:
    lines = (await _grep(executor, "need.e")).text.split("\n")
    assert lines == [
        "src/deep/c.ts:1:needle",
        "a.py:1:needle = 1",
        "src/b.py:1:needle needle",
        ".github/ci.yml:1:needle",
    ]


async def test_context_is_marked_as_grep_marks_it(executor: Executor, folder: Path) -> None:
    (folder / "long.py").write_text("".join(f"row {n}\n" for n in range(20)) + "needle\nend\n")
    found = await _grep(executor, "row 3$|needle", context=1, path="long.py")
    assert found.text.split("\n") == [
        "long.py-3-row 2",
        "long.py:4:row 3",
        "long.py-5-row 4",
        "--",
        "long.py-20-row 19",
        "long.py:21:needle",
        "long.py-22-end",
    ]
    both = await _grep(executor, "needle", context=1, type="py")
    assert both.text.split("\n").count("--") == 2
    assert not both.text.endswith("--")


async def test_odd_files_and_names_keep_their_lines_apart(executor: Executor, folder: Path) -> None:
    (folder / "blob.bin").write_bytes(b"needle\0\nneedle\n")
    (folder / "crlf.py").write_bytes(b"needle\r\n\r\nneedle\r\n")
    (folder / "two\nlines.py").write_text("\n\nneedle")
    (folder / "z.py").write_text("needle: 7\n2:x\n")
    for age, name in enumerate(("blob.bin", "crlf.py", "two\nlines.py", "z.py")):
        os.utime(folder / name, (1_800_000_000 - age, 1_800_000_000 - age))
    found = await _grep(executor, "needle|^2", glob="{blob,crlf,two,z}*")
    assert found.text.split("\n")[:4] == [
        "crlf.py:1:needle",
        "crlf.py:3:needle",
        "two\\nlines.py:3:needle",
        "z.py:1:needle: 7",
    ]
    assert found.text.split("\n")[4] == "z.py:2:2:x"
    alone = await _grep(executor, "needle", path="blob.bin")
    assert alone.text.startswith("blob.bin: binary file matches")
    assert alone.details["lines"] == 1


async def test_the_newest_of_a_flood_are_shown_and_all_are_counted(executor: Executor, folder: Path) -> None:
    for number in range(40):
        path = folder / f"flood{number}.txt"
        path.write_text("drop\n" * 10)
        os.utime(path, (1_800_000_000 + number, 1_800_000_000 + number))
    found = await _grep(executor, "drop")
    lines = found.text.split("\n")
    assert lines[0] == "flood39.txt:1:drop"
    assert (len(lines), found.details["lines"]) == (251, 400)
    assert lines[-1].startswith("[… 150 more lines")


async def test_a_type_narrows_alone_and_with_a_glob(executor: Executor) -> None:
    assert (await _grep(executor, "needle", type="py", mode="files")).text == "a.py\nsrc/b.py"
    assert (await _grep(executor, "needle", type="py", glob="src/*", mode="files")).text == "src/b.py"
    assert (await _grep(executor, "needle", type="py", glob="**/[bc].*", mode="files")).text == "src/b.py"
    for wrong in ("nonsense", "py --pre=sh", "--pre"):
        assert "file type" in (await _grep(executor, "needle", type=wrong)).text


async def test_files_mode_is_newest_first(executor: Executor) -> None:
    found = await _grep(executor, "needle", mode="files")
    assert found.text.split("\n") == ["src/deep/c.ts", "a.py", "src/b.py", ".github/ci.yml"]


async def test_count_mode(executor: Executor) -> None:
    found = await _grep(executor, "needle", mode="count", path="src")
    assert found.text == "src/deep/c.ts:1\nsrc/b.py:2\n3 matches in 2 files"


@pytest.mark.parametrize(
    ("glob", "files"),
    [
        ("*.py", ["a.py", "src/b.py"]),
        ("src/**/*.ts", ["src/deep/c.ts"]),
        ("src/*", ["src/b.py"]),
        ("*.{ts,yml}", ["src/deep/c.ts", ".github/ci.yml"]),
        ("**/deep/**", ["src/deep/c.ts"]),
        ("none/*.py", []),
    ],
)
async def test_a_glob_narrows_both_and_never_shows_what_is_ignored(
    executor: Executor, glob: str, files: list[str]
) -> None:
    grepped = (await _grep(executor, "needle", glob=glob, mode="files")).text
    globbed = (await executor.call("glob", {"pattern": glob})).text
    assert grepped == ("\n".join(files) or "no match: no file fits the glob")
    assert globbed == ("\n".join(files) or "no file matches; ignored ones are left out")


async def test_a_glob_below_a_folder(executor: Executor) -> None:
    assert (await executor.call("glob", {"pattern": "*.py", "path": "src"})).text == "src/b.py"
    assert (await executor.call("glob", {"pattern": "deep/*", "path": "src"})).text == "src/deep/c.ts"
    assert (await _grep(executor, "needle", path="src", glob="deep/*")).text == "src/deep/c.ts:1:needle"


async def test_no_match_is_no_failure(executor: Executor) -> None:
    assert await _grep(executor, "absent") == ToolResult("no match", details={"lines": 0})
    assert (await _grep(executor, "needle", path="a.py")).text == "a.py:1:needle = 1"


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("grep", {"pattern": "("}, "regex parse error"),
        ("grep", {"pattern": "x", "path": "../x"}, "outside"),
        ("grep", {"pattern": "x", "path": "none"}, "does not exist"),
        ("grep", {"pattern": "x", "mode": "other"}, "must be one of"),
        ("glob", {"pattern": "/etc/*"}, "relative"),
        ("glob", {"pattern": "../*"}, "no .."),
        ("glob", {"pattern": "*", "path": "a.py"}, "not a folder"),
        ("grep", {"pattern": "x", "path": "out"}, "outside"),
    ],
)
async def test_what_cannot_be_searched_says_why(
    executor: Executor, folder: Path, tool: str, arguments: dict[str, object], why: str
) -> None:
    (folder / "out").symlink_to("/etc")
    result = await executor.call(tool, arguments)
    assert not result.ok
    assert why in result.text


async def test_options_cannot_be_smuggled_in(executor: Executor, folder: Path) -> None:
    (folder / "--pre=sh").write_text("needle\n")
    assert (await _grep(executor, "--files")).text == "no match"
    assert "--pre=sh:1:needle" in (await _grep(executor, "needle", path="--pre=sh")).text
    assert (await _grep(executor, "needle", glob="--pre=s*")).text == "--pre=sh:1:needle"


async def test_many_and_long_matches_are_capped(executor: Executor, folder: Path) -> None:
    (folder / "many.txt").write_text("x" * 1000 + "\n" + "hit\n" * 3000)
    for number in range(500):
        (folder / f"f{number}.md").touch()
    many, long = await _grep(executor, "hit"), await _grep(executor, "xxx")
    files = await executor.call("glob", {"pattern": "*.md"})
    assert many.text.count("\n") == 250
    assert "2750 more lines" in many.text
    assert len(long.text) < 400
    assert "300 more files" in files.text


async def test_a_line_end_in_a_name_forges_no_line(executor: Executor, folder: Path) -> None:
    (folder / "new\nsecret.py:1:forged").write_text("needle\n")
    for tool, arguments in {
        "grep": {"pattern": "needle"}, "glob": {"pattern": "**"}, "read": {"path": "."},
    }.items():  # fmt: skip
        found = (await executor.call(tool, arguments)).text.split("\n")
        assert any(line.startswith("new\\nsecret.py") for line in found), tool
        assert not any(line.startswith("secret.py") for line in found), tool


async def test_a_search_goes_on_behind_its_first_page(executor: Executor, folder: Path) -> None:
    (folder / "many.txt").write_text("".join(f"hit {n}\n" for n in range(600)))
    (folder / "last.txt").write_text("hit last\n")
    os.utime(folder / "last.txt", (1, 1))
    pages = [(await _grep(executor, "hit", offset=at)).text.split("\n") for at in (0, 250, 500)]
    assert pages[0][-1].startswith("[… 351 more lines: go on with offset 250, ")
    assert [line for page in pages[:2] for line in page[:-1]] == [
        f"many.txt:{n + 1}:hit {n}" for n in range(500)
    ]
    assert pages[2][-2:] == ["many.txt:600:hit 599", "last.txt:1:hit last"]
    assert (
        await _grep(executor, "hit", offset=601)
    ).text == "(no more: there are 601 results, and offset is 601)"
    two = (await _grep(executor, "hit", limit=2)).text.split("\n")
    assert (two[1], two[2][:14]) == ("many.txt:2:hit 1", "[… 599 more li")
    files = (await _grep(executor, "needle", mode="files", offset=1, limit=2)).text
    assert files == "a.py\nsrc/b.py\n[… 1 more files; go on with offset 3]"
    assert (await _grep(executor, "needle", mode="files", offset=9)).text.startswith("(no more: there are 4")
    counts = (await _grep(executor, "needle", mode="count", offset=3)).text
    assert counts == ".github/ci.yml:1\n5 matches in 4 files"


async def test_case_and_lines_may_be_crossed(executor: Executor) -> None:
    assert (await _grep(executor, "NEEDLE =")).text == "no match"
    assert (await _grep(executor, "NEEDLE =", ignore_case=True)).text == "a.py:1:needle = 1"
    assert (await _grep(executor, "needle.*other")).text == "no match"
    found = await _grep(executor, "needle.*other", multiline=True)
    assert found.text == "a.py:1:needle = 1\na.py:2:other"


async def test_a_line_ends_before_its_carriage_return(executor: Executor, folder: Path) -> None:
    (folder / "dos.txt").write_bytes(b"needle\r\nb\r\n")
    result = await executor.call("grep", {"pattern": "needle$"})
    assert "needle" in result.text, result.text
