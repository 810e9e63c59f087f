"""Glob patterns as regular expressions: ``**`` crosses folders, ``*`` and ``?`` do not, ``{a,b}`` chooses."""

from __future__ import annotations

import re
from collections.abc import Callable

from faults import Fault


def matcher(pattern: str) -> Callable[[str], object]:
    """A test for paths with forward slashes. Without a slash it matches at any depth; ``!`` negates."""
    if pattern.startswith("!"):
        match = matcher(pattern[1:])
        return lambda path: not match(path)
    pattern = pattern.removeprefix("./")
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        raise Fault("a glob is relative to its path: no leading / and no ..")
    if pattern.endswith("/"):
        pattern += "**"
    if "/" not in pattern:
        pattern = "**/" + pattern
    try:
        return re.compile(_translate(pattern) + r"\Z", re.DOTALL).match
    except re.error as error:
        raise Fault(f"bad glob {pattern!r}: {error}") from error


def _translate(pattern: str) -> str:
    out, at, depth = [], 0, 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**/", at):
            out.append(r"(?:[^/]+/)*")
            at += 3
            continue
        if pattern.startswith("**", at):
            out.append(".*")
            at += 2
            continue
        if char == "[" and (end := pattern.find("]", at + 2)) > 0:
            body = pattern[at + 1 : end].replace("\\", r"\\")
            out.append(f"[{'^' + body[1:] if body[0] in '!^' else body}]")
            at = end + 1
            continue
        depth += (char == "{") - (char == "}" and depth > 0)
        out.append(_single(char, depth, closes=char == "}"))
        at += 1
    return "".join(out)


def _single(char: str, depth: int, *, closes: bool) -> str:
    """One character outside of brackets. ``depth`` counts the open braces after it."""
    if char in "*?":
        return "[^/]*" if char == "*" else "[^/]"
    if char == "{":
        return "(?:"
    if closes:
        return ")"
    if char == "," and depth:
        return "|"
    return re.escape(char)
