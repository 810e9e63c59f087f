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

from codebutler import temporary
from codebutler.errors import RepoError
from codebutler.repo.git import try_plumb
from codebutler.repo.memory import DEFAULT_SECTION
from codebutler.repo.memory_page import end_of
from codebutler.repo.process import complaint

_PAIRS = 250_000
"""So many pairs of lines are compared one by one."""
LEARNED = f"## {DEFAULT_SECTION}"


async def joined_text(gitdir: Path, base: str, ours: str, theirs: str) -> str:
    """git's three-way merge; where that conflicts, their lines, then those that we added."""
    longest = max((len(run) for run in re.findall(r"[<=>|]+", base + ours + theirs)), default=0)
    size = max(7, longest + 1)  # no line of the texts can be taken for a mark
    with tempfile.TemporaryDirectory(prefix="codebutler-", dir=temporary.folder()) as folder:
        files = [Path(folder) / name for name in ("ours", "base", "theirs")]
        await asyncio.to_thread(_write, files, (ours, base, theirs))
        args = ("merge-file", "-p", "--diff3", f"--marker-size={size}", *map(str, files))
        result = await try_plumb(*args, gitdir=gitdir)
    if not 0 <= result.code < 128:
        raise RepoError(f"the two texts cannot be joined: {complaint(result.err)}")
    lines = _ended(list(_lines(result.out.decode())), (ours, theirs, base))
    return await asyncio.to_thread(lambda: "".join(_settled(lines, size)))


def _ended(lines: Sequence[str], texts: Sequence[str]) -> list[str]:
    """The lines; where git gave a last line the end that it lacked, with that of its text's other lines."""
    whole = [list(_lines(text)) for text in texts]
    known = {line for each in whole for line in each}
    ends = {each[-1]: end_of(each[0]) for each in whole if len(each) > 1 and not end_of(each[-1])}
    given = {f"{last}\n": f"{last}{end}" for last, end in ends.items()}
    return [line if line in known else given.get(line, line) for line in lines]


def _lines(text: str) -> Iterable[str]:
    return io.StringIO(text, newline="")


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
    whole, wanted = ("".join(f"\n{line}" for line in _bare(x)) + "\n" for x in (run, part))
    return wanted in whole


def _under(theirs: Sequence[str], run: Sequence[str]) -> int:
    """How many lines ``run`` begins with to open the section of lessons that ``theirs`` opens and ends in."""
    pairs = zip(_bare(theirs), _bare(run), strict=False)
    same = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]
    heads = [line for line in _bare(theirs) if line.startswith("#")]
    return len(same) if [line for line in same if line.startswith("#")] == heads == [LEARNED] else 0


def _added(base: Sequence[str], text: Sequence[str]) -> Iterator[Sequence[str]]:
    """The runs of lines of ``text`` that ``base`` lacks."""
    if len(base) * len(text) > _PAIRS:  # as one run: looking for more would take the square of the lines
        start = _alike(base, text)
        yield text[start : len(text) - _alike(base[start:][::-1], text[start:][::-1])]
        return
    matcher = SequenceMatcher(None, _bare(base), _bare(text), autojunk=False)
    for kind, _, _, first, end in matcher.get_opcodes():
        if kind in {"insert", "replace"}:
            yield text[first:end]


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines both begin with."""
    pairs = zip(_bare(one), _bare(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


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
