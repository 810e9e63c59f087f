"""What earlier threads were asked, looked up and remembered, read off the logs of all threads in one pass."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from msgspec import Struct

_TEXT = "coalesce(body, CAST(bytes AS TEXT))"
_FROM = "FROM event LEFT JOIN blob ON sha256 = body_blob"
_TOLD = f"""
    SELECT thread, seq, ts, kind, {_TEXT} {_FROM} WHERE kind IN ('thread_opened', 'forked', 'plan_proposed',
        'workflow_chosen', 'escalation_asked', 'question_asked', 'research_started', 'memory_proposed',
        'memory_weighed')
    ORDER BY thread, seq
"""
_TURNS = "SELECT thread, seq FROM event WHERE kind = 'model_replied'"


class Past(Struct):
    """A thread as far as others can learn from it. ``ts`` is unix time, when it was opened.

    ``turns`` counts replies of models. ``shown`` and ``used`` are ids of memory items, ``unwanted`` those
    whose removal was proposed.
    """

    thread: str
    ts: float = 0.0
    title: str = ""
    workflow: str = ""
    escalations: list[str] = []
    questions: list[str] = []
    researches: list[str] = []
    turns: int = 0
    shown: set[str] = set()
    used: set[str] = set()
    unwanted: set[str] = set()

    @property
    def asked(self) -> str:
        """All that somebody had to ask or look up."""
        return "\n".join([*self.escalations, *self.questions, *self.researches])


def pasts(connection: sqlite3.Connection) -> list[Past]:
    """All threads, the oldest first. What a fork copied was asked in the other thread."""
    found, begins = dict[str, Past](), dict[str, int]()
    rows = connection.execute(_TOLD).fetchall()
    for thread, seq, _ts, kind, _text in rows:
        if kind == "forked":
            begins[thread] = seq
    for thread, seq, ts, kind, text in rows:
        past = found.setdefault(thread, Past(thread))
        _take(past, kind, ts, json.loads(text), own=seq >= begins.get(thread, 0))
    _count(found, begins, connection.execute(_TURNS))
    return sorted(found.values(), key=lambda p: p.ts)


def _count(found: dict[str, Past], begins: dict[str, int], rows: Iterable[tuple[str, int]]) -> None:
    for thread, seq in rows:
        if thread in found and seq >= begins.get(thread, 0):
            found[thread].turns += 1


def _take(past: Past, kind: str, ts: float, told: dict[str, object], *, own: bool) -> None:
    if kind == "thread_opened":
        past.ts, past.title = ts, str(told.get("title", ""))
    elif kind == "workflow_chosen":
        past.workflow = " ".join(str(told["name"]).split())  # older logs have the room beside a comment
    elif kind == "plan_proposed":
        plan = told.get("plan")
        past.workflow = past.workflow or str(plan.get("workflow", "") if isinstance(plan, dict) else "")
    elif own:
        _take_own(past, kind, told)


def _take_own(past: Past, kind: str, told: dict[str, object]) -> None:
    match kind:
        case "escalation_asked":
            past.escalations.append(str(told["question"]))
        case "question_asked":
            past.questions.append(str(told["question"]))
        case "research_started":
            past.researches.append(f"{told['topic']}: {told['question']}")
        case "memory_weighed":
            past.shown |= _words(told.get("shown"))
            past.used |= _words(told.get("used"))
        case "memory_proposed":
            items = told.get("items")
            for item in items if isinstance(items, list) else []:
                if item.get("kind") == "remove":
                    past.unwanted |= _words(item.get("replaces"))
        case _:
            pass


def _words(given: object) -> set[str]:
    return {str(each) for each in given} if isinstance(given, list) else set()
