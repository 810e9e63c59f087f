"""Findings of a review: read from what a role wrote, put to lines that a pull request shows. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from codebutler.surfaces.github.saying import quiet

MOST = 40
LONGEST = 2_000
NEAR = 3
"""Lines within which two findings of one file are taken for the same, if the later one is no worse."""
_WORSE = ("note", "low", "medium", "high", "critical")
_SEVERITY = "|".join(_WORSE)
_FINDING = re.compile(
    rf"^[ \t]*[-*][ \t]+\**\[({_SEVERITY})\]\**[ \t]+`?([^\s`:]+):(\d{{1,6}})`?"
    r"[ \t]*[:\u2013\u2014-]+[ \t]*(\S.*(?:\n[ \t]{2,}\S.*)*)$",
    re.IGNORECASE | re.MULTILINE,
)
_SEVERE = rf"\*\*({_SEVERITY}):\*\*"
_LISTED = re.compile(rf"^- `([^`\n]+):(\d{{1,6}})` {_SEVERE}", re.MULTILINE)
_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class Finding(Struct, frozen=True):
    """One of them. ``line`` is of the file as the pull request has it."""

    severity: str
    path: str
    line: int
    words: str

    @property
    def body(self) -> str:
        """As a comment."""
        return f"**{self.severity}:** {quiet(self.words)}"


def findings(text: str) -> list[Finding]:
    """Those of a text, each place once, in its order."""
    found: dict[tuple[str, int], Finding] = {}
    for severity, path, line, words in _FINDING.findall(text):
        bare = "\n".join(part.strip() for part in words.splitlines())[:LONGEST]
        found.setdefault((path, int(line)), Finding(severity.lower(), path, int(line), bare))
    return list(found.values())[:MOST]


def without(text: str) -> str:
    """The text without its findings: they stand on their lines."""
    count = len(findings(text))
    if not count:
        return text
    what, place, them = f"{count} findings stand", "their lines", "them"
    if count == 1:
        what, place, them = "1 finding stands", "its line", "it"
    rest = re.sub(r"\n{3,}", "\n\n", _FINDING.sub("", text)).strip()
    where = f"{what} in the review, on {place} where the pull request shows {them}"
    return f"{rest}\n\n{where}, or in an earlier one within {NEAR} lines of there.".strip()


def line_of(finding: Finding) -> str:
    """A finding as a line of a review's own text."""
    return f"- `{finding.path}:{finding.line}` {finding.body}"


def severity_of(body: str) -> str:
    """Of a finding's comment; the worst where it does not say."""
    found = re.match(_SEVERE, body)
    return found[1] if found else _WORSE[-1]


def listed(text: str) -> set[tuple[str, int, str]]:
    """Places and severities of the findings in a review's own text."""
    return {(path, int(line), severity) for path, line, severity in _LISTED.findall(text)}


def new(found: Iterable[Finding], said: Collection[tuple[str, int, str]]) -> list[Finding]:
    """Those that were not said before: ``said`` are (path, line, severity) of earlier comments."""
    return [each for each in found if not any(_covers(each, *earlier) for earlier in said)]


def _covers(each: Finding, path: str, line: int, severity: str) -> bool:
    is_there = path == each.path and abs(line - each.line) <= NEAR
    return is_there and _WORSE.index(severity) >= _WORSE.index(each.severity)


def shown_lines(diff: str) -> Mapping[str, set[int]]:
    """By file: the lines of its new text that a unified diff shows, on which comments can stand."""
    shown: dict[str, set[int]] = {}
    lines: set[int] = set()
    number = 0
    for row in diff.splitlines():
        if row.startswith("diff --git "):
            number, lines = 0, set()
        elif row.startswith("+++ ") and not number:
            lines = shown.setdefault(row[4:].removeprefix("b/").strip('"'), set())
        elif (hunk := _HUNK.match(row)) is not None:
            number = int(hunk[1])
        elif number and row[:1] in {"+", " "}:
            lines.add(number)
            number += 1
    return shown
