"""Two versions of a text joined so that no line which either side wrote is lost."""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.git import try_plumb
from codebutler.repo.process import complaint


async def joined_text(gitdir: Path, base: str, ours: str, theirs: str) -> str:
    """git's three-way merge; where that conflicts, their lines, then those that we added."""
    longest = max((len(run) for run in re.findall(r"[<=>|]+", base + ours + theirs)), default=0)
    size = max(7, longest + 1)  # no line of the texts can be taken for a mark
    with tempfile.TemporaryDirectory(prefix="codebutler-") as folder:
        files = [Path(folder) / name for name in ("ours", "base", "theirs")]
        await asyncio.to_thread(_write, files, (ours, base, theirs))
        args = ("merge-file", "-p", "--diff3", f"--marker-size={size}", *map(str, files))
        result = await try_plumb(*args, gitdir=gitdir)
    if not 0 <= result.code < 128:
        raise RepoError(f"the two texts cannot be joined: {complaint(result.err)}")
    return "".join(_settled(io.StringIO(result.out.decode(), newline=""), size))


def _write(files: Iterable[Path], texts: Iterable[str]) -> None:
    for file, text in zip(files, texts, strict=True):
        file.write_bytes(text.encode())


def _ours(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[str]:
    """Whole runs of lines that we put into ``base``, but for those that they put there, too.

    By place, never by what a line says: two sections may have steps in common.
    """
    known = {tuple(run) for _, run in _added(base, theirs)}
    for _, run in _added(base, ours):
        if tuple(run) not in known:
            yield from run


def _added(base: Sequence[str], text: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The runs of lines of ``text`` that ``base`` lacks, each with its place in ``base``."""
    one, other = ([line.rstrip("\r\n") for line in lines] for lines in (base, text))
    for kind, at, _, first, end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind in {"insert", "replace"}:
            yield at, list(text[first:end])


def _settled(lines: Iterable[str], size: int) -> Iterator[str]:
    sides = dict[str, list[str]]()
    side = ""
    for line in lines:
        mark = line[0] if line and line.startswith(line[0] * size) and line[0] in "<|=>" else ""
        if mark == ">":
            yield from sides["="]
            yield from _ours(sides["|"], sides["<"], sides["="])
            side = ""
        elif mark:
            side = mark
            sides[side] = []
        elif side:
            sides[side].append(line)
        else:
            yield line
