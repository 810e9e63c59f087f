"""Repositories to measure on: many small text files, the same ones in every run."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

RARE, EVERYWHERE = "needle", "file [0-9]+ of"
"""Patterns: a line in every 500th file, and one line in each file."""
_WORDS = ("alpha", "beta", "gamma", "delta", "return", "value", "import", "self", "class", "while")
_BODIES = 200
_PER_FOLDER = 50


def repository(folder: Path, files: int) -> None:
    """A repository in ``folder`` (which must not exist) whose one commit has so many files; no checkout."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(folder)], check=True)
    with subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE) as importer:
        if importer.stdin is not None:
            importer.stdin.writelines(_stream(files))
            importer.stdin.close()
    if importer.returncode != 0:
        raise subprocess.CalledProcessError(importer.returncode, "git fast-import")


def _stream(files: int) -> Iterator[bytes]:
    """The commit as ``git fast-import`` reads it."""
    chance = random.Random(1)  # noqa: S311 - the same files every time, no secret
    bodies = ["\n".join(" ".join(chance.choices(_WORDS, k=8)) for _ in range(30)) for _ in range(_BODIES)]
    yield b"commit refs/heads/main\ncommitter bench <bench@localhost> 1700000000 +0000\ndata 4\nmany\n"
    for number in range(files):
        rare = f"{RARE} {number}\n" if number % 500 == 0 else ""
        text = f"# file {number} of {files}\n{bodies[number % _BODIES]}\n{rare}".encode()
        name = f"part{number // 1000}/group{number // _PER_FOLDER % 20}/file{number}.py"
        yield f"M 100644 inline {name}\ndata {len(text)}\n".encode() + text + b"\n"
