"""The part of a CI log that says what went wrong. Pure."""

from __future__ import annotations

import re

LIMIT = 6_000
"""Characters that are left of one log."""
WIDEST = 400
BEFORE, AFTER = 12, 4
"""Lines around one that tells of a failure."""
TAIL = 15
_STAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT[\d:.]+Z ?")
_PAINT = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_FOLD = re.compile(r"^##\[(?:group|endgroup|debug|command)\]")
_TELLS = re.compile(
    r"##\[error\]|\bTraceback \(most recent|^E  |^(?:FAILED|ERROR|FAIL)\b|--- FAIL:|\bpanicked at\b"
    r"|\b(?:error|fatal|exception)(?:\[\w+\])?:|\w(?:Error|Exception)\b:|\bnot ok \d|\bassertion .*failed\b",
    re.IGNORECASE,
)


def relevant(log: str, limit: int = LIMIT) -> str:
    """The lines around failures and the end, of at most ``limit`` characters; what is left out is said."""
    lines = [_plain(line) for line in log.splitlines()]
    lines = [line for line in lines if line and not _FOLD.match(line)]
    if sum(len(line) + 1 for line in lines) <= limit:
        return "\n".join(lines)
    kept = set(range(max(0, len(lines) - TAIL), len(lines)))
    room = limit - sum(len(lines[n]) + 1 for n in kept)
    for hit in reversed([n for n, line in enumerate(lines) if _TELLS.search(line)]):  # the last say most
        around = range(max(0, hit - BEFORE), min(len(lines), hit + AFTER + 1))
        for n in sorted(around, key=lambda n: abs(n - hit)):
            if n not in kept and len(lines[n]) + 40 <= room:
                kept.add(n)
                room -= len(lines[n]) + 1
    return _joined(lines, sorted(kept))[-limit:]


def _joined(lines: list[str], kept: list[int]) -> str:
    shown, last = [], -1
    for n in kept:
        if n != last + 1:
            shown.append(f"… {n - last - 1} lines left out …")
        shown.append(lines[n])
        last = n
    return "\n".join(shown)


def _plain(line: str) -> str:
    """Without the time, colours and what cannot be seen."""
    bare = _PAINT.sub("", _STAMP.sub("", line)).rstrip()
    bare = "".join(c for c in bare if c.isprintable() or c == "\t")
    return bare if len(bare) <= WIDEST else bare[: WIDEST - 1] + "…"
