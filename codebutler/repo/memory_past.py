"""What a learned item took the place of, as the history of its file has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codebutler.errors import ToolFailed
from codebutler.repo.git import try_plumb
from codebutler.repo.memory_file import memory_text
from codebutler.repo.memory_items import Learned, noted
from codebutler.repo.memory_text import key


async def gone_for(gitdir: Path, tip: str, path: str, one: Learned, words: Sequence[str]) -> list[str]:
    """Those of ``words`` that went when ``one`` came, as they stood there, with where they were learned.

    What somebody else took out before that is not among them. Where ``tip`` does not tell when the item
    came, ``words`` as they are.
    """
    found = await _arrival(gitdir, tip, path, one)
    if found is None:
        return list(words)
    before, after = (noted(text) for text in found)
    return [before[key(name)] for name in words if key(name) in before.keys() - after]


async def _arrival(gitdir: Path, tip: str, path: str, one: Learned) -> tuple[str, str] | None:
    """The file before the commit that brought the item as it stands now, and with it."""
    try:
        text = await memory_text(gitdir, tip, path) if tip else None
        lines = (text or "").splitlines()
        if one.line >= len(lines):
            return None
        args = ("--first-parent", "-m", "--no-ext-diff", "--no-textconv", "--format=%H %P")
        log = await try_plumb("log", *args, f"-S{lines[one.line].strip()}", tip, "--", path, gitdir=gitdir)
        came = log.out.decode().splitlines()
        if log.code or not came or " " not in came[-1].strip():
            return None
        after, before = [await memory_text(gitdir, commit, path) for commit in came[-1].split()[:2]]
    except ToolFailed:  # no text any more, or none then
        return None
    return None if before is None or after is None else (before, after)
