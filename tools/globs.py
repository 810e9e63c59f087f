"""Glob patterns as regular expressions: ``**`` crosses folders, ``*`` and ``?`` do not, ``{a,b}`` chooses."""

from __future__ import annotations

import re
from collections.abc import Callable

from faults import Fault

_LONGEST, _DEEPEST, _STARS, _STARS_OF_A_NAME = 1000, 10, 12, 5
"""Characters of a glob, braces inside each other, and stars: matching takes longer with each of them."""


def matcher(pattern: str) -> Callable[[str], object]:
    """A test for paths with forward slashes. Without a slash it matches at any depth; ``!`` negates.

    Raises Fault for one that is malformed, or too long or too deeply nested to be meant.
    """
    if len(pattern) > _LONGEST:
        raise Fault(
            f"the glob has {len(pattern)} characters, at most {_LONGEST} are taken: name a folder in path"
        )
    if pattern.startswith("!"):
        match = matcher(pattern[1:])
        return lambda path: not match(path)
    pattern = re.sub(r"(\*\*/)+", "**/", pattern.removeprefix("./"))
    names = [re.sub(r"\*+", "*", name).count("*") for name in pattern.split("/")]
    if sum(names) > _STARS or max(names) > _STARS_OF_A_NAME:
        raise Fault(f"the glob has too many *: at most {_STARS_OF_A_NAME} in a name, {_STARS} in all")
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        raise Fault("a glob is relative to its path: no leading / and no ..")
    if pattern.endswith("/"):
        pattern += "**"
    if "/" not in pattern:
        pattern = "**/" + pattern
    try:
        return re.compile(_translate(pattern) + r"\Z", re.DOTALL).match
    except (re.error, OverflowError) as error:
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
        closes = char == "}" and depth > 0
        depth += (char == "{") - closes
        if depth > _DEEPEST:
            raise Fault(f"the glob has more than {_DEEPEST} {{ inside each other")
        out.append(_single(char, depth, closes=closes))
        at += 1
    if depth:
        raise Fault(f"unclosed {{ in the glob {pattern.removeprefix('**/')!r}")
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
