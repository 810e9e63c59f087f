"""Whether a message is nothing but a word to a thread: where it is said to none, it is no request either."""

from __future__ import annotations

import re

from codebutler.commands import words
from codebutler.commands.builtin import REGISTRY
from codebutler.commands.halts import halt
from codebutler.commands.typed import is_command
from codebutler.thread.state import ThreadState

_TO_THREADS = frozenset({
    "approve", "cancel", "pause", "retry", "raise", "merge", "reopen", "rebase", "respond",
    "rewind", "fork",
})  # fmt: skip
"""Commands that mean nothing without a thread that has begun, but those that only show something."""
_NAMES = {
    alias: d.name for d in REGISTRY.definitions if d.name in _TO_THREADS for alias in (d.name, *d.aliases)
}
_ANSWERS = words.APPROVE | words.KEEP | words.DROP
_WORDS = _ANSWERS | words.AT_REST | words.CANCEL | words.PAUSE | words.REBASE
_ITEMS = re.compile(r"(?:keep|remove|drop)\s+#?\d+(?:[\s,]+(?:and\s+)?#?\d+)*")
_SHAPES = (words.RAISE, words.BACK, _ITEMS)


def is_order(text: str) -> bool:
    """Whether all of ``text`` is a word, or a command, to a thread: it says nothing of what is to be done."""
    given = text.strip()
    if _name(given) in _NAMES and is_command(given):
        return True
    word = words.normal(given)
    again, stop = words.AGAIN.match(word), halt(word)
    return (
        word in _WORDS
        or (stop is not None and stop.alone)
        or words.merges(word)
        or any(shape.fullmatch(word) for shape in _SHAPES)
        or (again is not None and not again["wish"])
    )


def heeds(state: ThreadState, text: str) -> bool:
    """Whether the thread waits for such a word, or has something to say to it."""
    given = text.strip()
    if given.startswith("/"):
        _, space, rest = given.partition(" ")
        given = f"{_NAMES.get(_name(given), '')}{space}{rest}"
    meant = words.read(state, given)
    if state.question is not None and words.normal(given) in _ANSWERS:
        return True
    match meant:
        case None:
            return False
        case ("raise", _):
            return state.halted.startswith("paused: ")
        case ("cancel" | "pause", _):
            at_work = state.unread or state.unended or state.plan_waits or state.question is not None
            return bool(at_work) or state.halted not in {"", "cancelled"}
        case _:
            return True


def _name(text: str) -> str:
    return text.removeprefix("/").partition(" ")[0].lower()
