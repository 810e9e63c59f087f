"""Two versions of a text joined so that no line which either side wrote is lost."""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.git import try_plumb
from codebutler.repo.memory import DEFAULT_SECTION
from codebutler.repo.process import complaint

LEARNED = f"## {DEFAULT_SECTION}"


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
    added = list(_added(base, theirs))
    for run in _added(base, ours):
        if not any(_holds(other, run) for other in added):
            yield from run[max((_under(other, run) for other in added), default=0) :]


def _holds(run: Sequence[str], part: Sequence[str]) -> bool:
    bare = _bare(part)
    return any(_bare(run[at : at + len(part)]) == bare for at in range(len(run) - len(part) + 1))


def _under(theirs: Sequence[str], run: Sequence[str]) -> int:
    """How many lines ``run`` begins with to open the section of lessons that ``theirs`` opens and ends in."""
    pairs = zip(_bare(theirs), _bare(run), strict=False)
    same = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]
    heads = [line for line in _bare(theirs) if line.startswith("#")]
    return len(same) if [line for line in same if line.startswith("#")] == heads == [LEARNED] else 0


def _added(base: Sequence[str], text: Sequence[str]) -> Iterator[Sequence[str]]:
    """The runs of lines of ``text`` that ``base`` lacks."""
    matcher = SequenceMatcher(None, _bare(base), _bare(text), autojunk=False)
    for kind, _, _, first, end in matcher.get_opcodes():
        if kind in {"insert", "replace"}:
            yield text[first:end]


def _bare(lines: Sequence[str]) -> list[str]:
    return [line.rstrip("\r\n") for line in lines]


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
