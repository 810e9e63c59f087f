"""CODEOWNERS: whom a pull request's files belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where it may stand; the first one counts."""
LARGEST = 3 * 1024 * 1024
"""Bytes; GitHub ignores a larger one."""


def owners_of(text: str, paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """(logins, teams) of all ``paths``; for each of them the last line that fits counts, as on GitHub."""
    rules = [_rule(line) for line in text.splitlines()]
    people: dict[str, None] = {}
    teams: dict[str, None] = {}
    for path in paths:
        fitting = next((who for pattern, who in reversed(rules) if pattern and _fits(pattern, path)), ())
        for name in fitting:
            if name.startswith("@") and "/" in name:
                teams[name.rpartition("/")[2]] = None
            elif name.startswith("@"):
                people[name[1:]] = None  # an owner by mail has no login that could be asked
    return list(people), list(teams)


def _rule(line: str) -> tuple[str, tuple[str, ...]]:
    words = re.sub(r"(^|\s)#.*", "", line).split()
    return (words[0], tuple(words[1:])) if words else ("", ())


def _fits(pattern: str, path: str) -> bool:
    return _compiled(pattern).fullmatch(path) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """As .gitignore, but that ``*`` at the end of a path means the files of that very folder."""
    anchored = "/" in pattern.rstrip("/")
    body = pattern.strip("/")
    text = re.escape(body).replace(r"\*\*/", "(?:.*/)?").replace(r"/\*\*", "/.*").replace(r"\*\*", ".*")
    text = text.replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    below = "/.*" if pattern.endswith("/") else "" if body.endswith("*") else "(?:/.*)?"
    return re.compile(("" if anchored else "(?:.*/)?") + text + below)
