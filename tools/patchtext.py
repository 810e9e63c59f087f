"""The patch format that GPT-family models write: text to operations, and hunks onto a file's lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import limits
from faults import Fault
from matching import as_typed, nearest

_BEGIN, _END, _EOF = "*** Begin Patch", "*** End Patch", "*** End of File"
_FILE = {"*** Add File: ": "add", "*** Update File: ": "update", "*** Delete File: ": "delete"}
_MOVE = "*** Move to: "
_RANGES = re.compile(r"^ -\d+(,\d+)? \+\d+(,\d+)? @@")
"""Line numbers as other diffs have them after @@: models guess them."""
_FORMS: tuple[Callable[[str], str], ...] = (str, str.rstrip, str.strip, as_typed)
"""How strictly lines are compared, one after the other: models drop white space and write plain quotes."""


class Hunk:
    """``lines`` begin with a space, ``-`` or ``+``; ``anchors`` are the texts after ``@@``."""

    def __init__(self, number: int) -> None:
        """Empty; ``number`` counts from 1."""
        self.number = number
        self.anchors: list[str] = []
        self.lines: list[str] = []
        self.at_end = False

    def wanted(self) -> list[str]:
        """The lines that the file must have."""
        return [line[1:] for line in self.lines if line[0] != "+"]


class Operation:
    """What one section does to one file. ``content`` is for added files."""

    def __init__(self, kind: Literal["add", "update", "delete"], path: str) -> None:
        """Empty."""
        self.kind, self.path, self.move = kind, path, ""
        self.content: list[str] = []
        self.hunks: list[Hunk] = []


def parse(text: str) -> list[Operation]:
    """The operations in order. Raises Fault naming the line that is wrong."""
    lines = text.replace("\r\n", "\n").strip().split("\n")
    marks = [number for number, line in enumerate(lines) if line.rstrip() in (_BEGIN, _END)]
    if [lines[number].rstrip() for number in marks] != [_BEGIN, _END]:
        raise Fault(f"a patch begins with a line {_BEGIN!r} and ends with a line {_END!r}, once each")
    operations: list[Operation] = []
    for number, line in enumerate(lines[marks[0] + 1 : marks[1]], marks[0] + 2):
        _take(operations, number, line)
    if not operations:
        raise Fault("the patch changes no file")
    for each in operations:
        if each.kind == "update" and not each.move and not any(hunk.lines for hunk in each.hunks):
            raise Fault(f"{each.path}: the update has no lines with - or +")
    return operations


def _take(operations: list[Operation], number: int, line: str) -> None:
    """One line of the patch: a new section, or more of the last one."""
    for mark, kind in _FILE.items():
        if line.startswith(mark):
            operations.append(Operation(kind, line[len(mark) :].strip()))  # type: ignore[arg-type] # from _FILE
            return
    last = operations[-1] if operations else None
    if last is None or last.kind == "delete":
        if line.strip():
            raise Fault(
                f"line {number} of the patch belongs to no file: {limits.cut_line(line, 120)}. "
                "Sections begin with *** Add File:, *** Update File: or *** Delete File:"
            )
    elif last.kind == "add":
        if not line.startswith("+"):
            raise Fault(f"line {number} of the patch: every line of an added file begins with +")
        last.content.append(line[1:])
    elif line.startswith(_MOVE) and not last.hunks:
        last.move = line[len(_MOVE) :].strip()
    else:
        _take_hunk(last, number, line)


def _take_hunk(last: Operation, number: int, line: str) -> None:
    current = last.hunks[-1] if last.hunks else None
    if line.startswith("@@"):
        if current is None or current.lines:
            last.hunks.append(current := Hunk(number))
        if anchor := _RANGES.sub("", line[2:]).strip().removesuffix("@@").strip():
            current.anchors.append(anchor)
    elif line.strip() == _EOF and current is not None:
        current.at_end = True
    elif line == "" or line[0] in " +-":
        if current is None or current.at_end:
            last.hunks.append(current := Hunk(number))
        current.lines.append(line or " ")
    else:
        raise Fault(
            f"line {number} of the patch begins with none of space, -, +, @@: {limits.cut_line(line, 120)}"
        )


def apply_hunks(path: str, text: str, hunks: list[Hunk]) -> str:
    """The text after all hunks, each found after the one before it. Raises Fault if one fits nowhere."""
    lines, ended = text.split("\n"), text.endswith("\n")
    if ended or text == "":
        lines.pop()
    cursor = 0
    for number, hunk in enumerate(hunks, 1):
        where = f"{path}, hunk {number} (line {hunk.number} of the patch)"
        cursor = _anchored(where, lines, cursor, hunk)
        cursor = _apply(where, lines, cursor, hunk)
    return "\n".join(lines) + ("\n" if lines and (ended or text == "") else "")


def _anchored(where: str, lines: list[str], cursor: int, hunk: Hunk) -> int:
    for anchor in hunk.anchors:
        at = _find(lines, [anchor], cursor)
        if at < 0:
            raise Fault(f"{where}: no line {anchor!r} as @@ names it. {_near(lines, [anchor])}")
        # The named line may be the hunk's own first line too.
        cursor = at if hunk.wanted()[:1] and hunk.wanted()[0].strip() == lines[at].strip() else at + 1
    return cursor


def _apply(where: str, lines: list[str], cursor: int, hunk: Hunk) -> int:
    """Change ``lines``; returns where the next hunk may begin. Context keeps the file's own white space."""
    wanted = hunk.wanted()
    if not wanted:
        at = cursor if hunk.anchors else len(lines)
    else:
        at = _find(lines, wanted, cursor, at_end=hunk.at_end)
    while at < 0 and wanted and wanted[-1].strip() == "":  # a blank line that only ended the hunk
        wanted.pop()
        at = _find(lines, wanted, cursor, at_end=hunk.at_end) if wanted else -1
    if at < 0:
        raise Fault(f"{where}: its lines are not in the file{_passed(lines, hunk, cursor)}. "
                    f"{_near(lines, hunk.wanted())}")  # fmt: skip
    fresh, old = [], at
    for line in hunk.lines:
        if line[0] == "+":
            fresh.append(line[1:])
        elif old < at + len(wanted):
            fresh += lines[old : old + 1] if line[0] == " " else []
            old += 1
    lines[at : at + len(wanted)] = fresh
    return at + len(fresh)


def _passed(lines: list[str], hunk: Hunk, cursor: int) -> str:
    at = _find(lines, hunk.wanted(), 0) if hunk.wanted() else -1
    return f" after line {cursor} (but at line {at + 1}: hunks go from top to bottom)" if at >= 0 else ""


def _find(lines: list[str], wanted: list[str], start: int, *, at_end: bool = False) -> int:
    """Index of the first place from ``start`` on where the wanted lines stand together, or -1."""
    last = len(lines) - len(wanted)
    for form in _FORMS:
        shaped, key = [form(line) for line in lines], [form(line) for line in wanted]
        first = max(start, last) if at_end else start
        for at in range(first, last + 1):
            if shaped[at] == key[0] and shaped[at : at + len(key)] == key:
                return at
    return -1


def _near(lines: list[str], wanted: list[str]) -> str:
    return nearest("\n".join(lines), "\n".join(wanted)) + " Nothing was changed"
