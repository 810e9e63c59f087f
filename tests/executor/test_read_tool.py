"""read: windows, folders, what is not text, and names that are nearly right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codebutler.sandbox.executor import Executor


async def _read(executor: Executor, **arguments: object) -> str:
    result = await executor.call("read", arguments)
    assert result.ok, result.text
    return result.text


async def _refusal(executor: Executor, **arguments: object) -> str:
    result = await executor.call("read", arguments)
    assert not result.ok, result.text
    return result.text


async def test_lines_are_numbered(executor: Executor, folder: Path) -> None:
    (folder / "a.txt").write_text("one\ntwo\n")
    assert await _read(executor, path="a.txt") == "1\tone\n2\ttwo"
    assert await _read(executor, path=str(folder / "a.txt")) == "1\tone\n2\ttwo"


async def test_lines_may_come_as_they_are(executor: Executor, folder: Path) -> None:
    (folder / "a.txt").write_text("one\n\ttwo\nthree\n")
    assert await _read(executor, path="a.txt", numbers=False) == "one\n\ttwo\nthree"
    text = await _read(executor, path="a.txt", offset=2, limit=1, numbers="false")
    assert text == "\ttwo\n[lines 2-2 of 3; go on with offset 3]"


async def test_a_window_says_where_to_go_on(executor: Executor, folder: Path) -> None:
    (folder / "a.txt").write_text("".join(f"line {n}\n" for n in range(1, 101)))
    text = await _read(executor, path="a.txt", offset=10, limit=2)
    assert text == "10\tline 10\n11\tline 11\n[lines 10-11 of 100; go on with offset 12]"
    assert "ends before line 200" in await _read(executor, path="a.txt", offset=200)


async def test_long_files_and_lines_are_capped(executor: Executor, folder: Path) -> None:
    (folder / "long.txt").write_text("x" * 70 + "\n" + ("y" * 99 + "\n") * 5000)
    (folder / "wide.txt").write_text("z" * 100_000)
    long, wide = await _read(executor, path="long.txt"), await _read(executor, path="wide.txt")
    assert len(long) < 49_000
    assert "of 5001; go on with offset" in long
    assert len(wide) < 2100
    assert "[+98000 characters]" in wide


async def test_a_file_too_large_to_hold_comes_in_windows(executor: Executor, folder: Path) -> None:
    with (folder / "big.txt").open("w") as file:
        file.writelines(f"row {n}\n" for n in range(600_000))
    assert (await _read(executor, path="big.txt", offset=500_000, limit=1)).startswith("500000\trow 499999\n")


async def test_huge_and_binary_files_are_recognised(executor: Executor, folder: Path) -> None:
    os.truncate(os.open(folder / "huge", os.O_CREAT | os.O_WRONLY), 600 * 1024 * 1024)
    (folder / "huge.txt").write_bytes(b"text\n" * 2000)
    os.truncate(folder / "huge.txt", 600 * 1024 * 1024)
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert "binary data" in await _refusal(executor, path="huge")
    assert "huge" in await _refusal(executor, path="huge.txt")
    assert "PNG image, 108 bytes" in await _refusal(executor, path="a.png")


async def test_utf16_and_latin1_are_read(executor: Executor, folder: Path) -> None:
    (folder / "wide.txt").write_bytes("größe\r\n".encode("utf-16"))
    (folder / "old.txt").write_bytes("größe\n".encode("latin-1"))
    assert await _read(executor, path="wide.txt") == "1\tgröße"
    assert await _read(executor, path="old.txt") == "1\tgröße"


async def test_a_folder_is_listed(executor: Executor, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "b.txt").touch()
    assert await _read(executor, path=".") == "b.txt\nsub/"
    assert await _read(executor, path="sub") == "(empty folder)"


async def test_a_name_nearly_right_is_suggested(executor: Executor, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "README.md").write_text("x")
    (folder / "sub" / "deep.py").write_text("x")
    assert "Did you mean README.md?" in await _refusal(executor, path="Readme.md")
    assert "Did you mean sub/deep.py?" in await _refusal(executor, path="deep.py")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "sub/../../x", "/", "", "a\0b"])
async def test_paths_outside_are_refused(executor: Executor, folder: Path, path: str) -> None:
    (folder / "sub").mkdir()
    text = await _refusal(executor, path=path)
    assert "outside" in text or "NUL" in text


async def test_symlinks_inside_work_and_others_are_refused(executor: Executor, folder: Path) -> None:
    (folder / "a.txt").write_text("inside\n")
    for name, target in {
        "good": "a.txt",
        "absolute": str(folder / "a.txt"),
        "out": "/etc/passwd",
        "up": "../../etc/passwd",
        "loop": "loop",
    }.items():
        (folder / name).symlink_to(target)
    assert await _read(executor, path="good") == "1\tinside"
    assert await _read(executor, path="absolute") == "1\tinside"
    assert "outside" in await _refusal(executor, path="out")
    assert "outside" in await _refusal(executor, path="up")
    assert "too many symlinks" in await _refusal(executor, path="loop")


async def test_what_is_no_file_is_never_waited_for(executor: Executor, folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    assert "not a regular file" in await _refusal(executor, path="fifo")


async def test_arguments_are_checked(executor: Executor) -> None:
    assert "has no argument 'colour'" in await _refusal(executor, path="x", colour="x")
    assert "needs the argument 'path'" in await _refusal(executor)
    assert "must be of type string" in await _refusal(executor, path=1)
    assert "must be" in await _refusal(executor, path="x", limit="many")


async def test_raw_bytes_for_the_daemon(executor: Executor, folder: Path) -> None:
    (folder / "AGENTS.md").write_bytes(b"rules\xff\n")
    assert await executor.read_file("AGENTS.md") == b"rules\xff\n"
    assert await executor.read_file("AGENTS.md", 3) == b"rul"
    assert await executor.read_file("none") is None


async def test_a_name_is_looked_for_in_a_tree_of_any_depth(executor: Executor, folder: Path) -> None:
    code = "import os\nfor _ in range(1100): os.mkdir('a'); os.chdir('a')\nopen('there', 'w').close()"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    result = await executor.call("read", {"path": "elsewhere/there"})
    assert "does not exist. Did you mean a/a/" in result.text
    assert len(result.text) < 3000
