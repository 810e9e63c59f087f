"""Messages as comments: marked, within GitHub's limits, and without calling people who were not meant."""

from __future__ import annotations

import hashlib
import re

from codebutler.thread.lessons import pressed
from codebutler.types import Choice, Outbound

LIMIT = 65_536
ROOM = 60_000
"""Characters of one comment's text: the rest is for its mark and our own words."""
SHORT = 400
"""Characters of a message whose full text stands in a chat thread."""
_MARK = re.compile(r"<!-- codebutler:([0-9a-f]{32}) -->")
_CALL = re.compile(r"(?<![\w`/.])@(?=[A-Za-z0-9])")
_PULL = "Pull request [#"
"""What a message ends with that hands work over: its link is for the issue as well."""
_TITLES = {"pm": "PM"}


def mark_line(mark: str) -> str:
    """What a comment carries, unseen, to be found again."""
    return f"<!-- codebutler:{hashlib.sha256(mark.encode()).hexdigest()[:32]} -->"


def marks_in(body: str) -> list[str]:
    """The marks of a comment, as ``mark_line`` writes them; none for one that is not ours."""
    return [found[0] for found in _MARK.finditer(body)]


def quiet(text: str) -> str:
    """A text in which nobody is called, and nothing is hidden."""
    return _CALL.sub("@<!-- -->", text.replace("<!--", "&lt;!--"))


def pieces(message: Outbound, mark: str, *, name: str, short: bool = False) -> list[tuple[str, str]]:
    """(mark line, whole body) of each comment that the message becomes. ``short``: a chat has it in full."""
    role = f"**{_TITLES.get(message.role, message.role.title())}:** " if message.role else ""
    text = _shortened(message) if short else message.text
    text = quiet(text) + _hint(message, name)
    files = "".join(f"\n- `{file.name}` (in the thread)" for file in message.files)
    parts = _split(role + text + files)
    lines = [mark_line(f"{mark}#{number}") for number in range(len(parts))]
    return [(line, f"{part}\n\n{line}") for line, part in zip(lines, parts, strict=True)]


def _shortened(message: Outbound) -> str:
    if message.kind in {"status", "plan", "report"}:
        return message.text
    first, *others = message.text.strip().split("\n\n")
    first = first if len(first) <= SHORT else first[: SHORT - 1] + "…"
    return "\n\n".join([first, *(each for each in others[-1:] if each.startswith(_PULL))])


def _hint(message: Outbound, name: str) -> str:
    """How to answer: a comment is heard only where it calls us."""
    if not message.choices:
        return ""
    said = dict.fromkeys(_instead(choice) for choice in message.choices if choice.action != "answer")
    words = ", ".join(f"`@{name} {words}`" for words in said)
    return f"\n\n_Here: {words or f'`@{name}` and your answer'}._"


def _instead(choice: Choice) -> str:
    """What a person writes in place of pressing a button; for memory, what does it to the first item."""
    if choice.action == "memory":
        wish, _, _ = pressed(choice.value, ())[0].partition(" ")
        return {"keep": "keep 1", "edit": "edit 1: …", "drop": "remove 1"}.get(wish, wish)
    return f"{choice.action} {choice.value}" if choice.action in {"raise", "model"} else choice.action


def _split(text: str) -> list[str]:
    parts = []
    while len(text) > ROOM:
        at = max(text.rfind("\n\n", ROOM // 2, ROOM), text.rfind("\n", ROOM // 2, ROOM))
        at = at if at > 0 else ROOM
        parts.append(text[:at])
        text = text[at:].lstrip("\n")
    return [*parts, text]
