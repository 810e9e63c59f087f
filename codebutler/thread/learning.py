"""Whether threads get better: what each workflow cost and asked over time, and which items were of use."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from msgspec import Struct

from codebutler.repo.memory_items import Learned, learned
from codebutler.repo.memory_likeness import covers
from codebutler.repo.workflows import FILE as FLOWS
from codebutler.repo.workflows import task_of
from codebutler.store.lessons import Past
from codebutler.types import Json, MemoryItem

NO_WORKFLOW = "(none)"
UNUSED = 5
"""Threads that were shown an item and made no use of it: after so many its removal is proposed."""
UNCHOSEN = 20
"""The same for a step: threads that went by other workflows say little about it. And for what the Lead alone
reads: how it looks back, its words seldom show."""
AT_ONCE = 2
"""Removals that the engine proposes in one thread."""
LOOKED_BACK = 8
"""Earlier threads that the Lead is told of."""
_QUOTED = 160


class Row(Struct, frozen=True):
    """One thread. ``usd`` is dollars, ``turns`` replies of models."""

    thread: str
    day: str
    title: str
    escalations: int
    questions: int
    turns: int
    usd: float


class Use(Struct, frozen=True):
    """A learned item: how many threads saw and used it; ``why`` it might go ("" = it should stay)."""

    item: Learned
    shown: int
    used: int
    last: str
    why: str


def by_workflow(pasts: Sequence[Past], usd: Mapping[str, float]) -> dict[str, list[Row]]:
    """The threads of each workflow, the oldest first."""
    found = dict[str, list[Row]]()
    for past in pasts:
        row = Row(
            past.thread, day(past.ts), past.title, len(past.escalations), len(past.questions), past.turns,
            usd.get(past.thread, 0.0),
        )  # fmt: skip
        found.setdefault(past.workflow or NO_WORKFLOW, []).append(row)
    return dict(sorted(found.items(), key=lambda x: (x[0] == NO_WORKFLOW, x[0])))


def trend(values: Sequence[float]) -> tuple[float, float]:
    """The mean of a figure over the earlier half of the threads, and over the later one; there are some."""
    half = max(1, len(values) // 2)
    return sum(values[:half]) / half, sum(values[-half:]) / half


def uses(memory: Mapping[str, str], pasts: Sequence[Past], today: str) -> list[Use]:
    """What became of each learned item, as memory holds them now."""
    found = []
    for file, text in memory.items():
        for item in learned(text, file):
            seen = [p for p in pasts if item.id in p.shown]
            used = [p for p in seen if item.id in p.used]
            last = day(used[-1].ts) if used else ""
            found.append(Use(item, len(seen), len(used), last, _why_gone(item, len(seen), len(used), today)))
    return found


def removals(memory: Mapping[str, str], pasts: Sequence[Past], today: str) -> list[MemoryItem]:
    """Items whose removal the engine proposes: expired or never used, each once in a while."""
    lately = {name for past in pasts[-2 * UNUSED :] for name in past.unwanted}
    gone = [use for use in uses(memory, pasts, today) if use.why and use.item.id not in lately]
    return [
        MemoryItem(
            file=use.item.file, kind="remove", text=use.item.text, section=use.item.section,
            replaces=[use.item.id], why=use.why,
        )
        for use in gone if not use.item.workflow and not use.item.automated
    ][:AT_ONCE]  # fmt: skip


def recurrence(item: MemoryItem, pasts: Sequence[Past]) -> str:
    """What the logs show of a step that is to be automatic: how often its workflow's threads needed it."""
    lately = [p for p in pasts if p.workflow.casefold() == item.section.casefold()][-LOOKED_BACK:]
    times = sum(covers(past.asked, task_of(item.text)) for past in lately)
    if not lately:
        return "no earlier thread went by this workflow"
    threads = "thread" if len(lately) == 1 else "threads"
    return f"it came up in {times} of {len(lately)} earlier {threads} of {item.section}"


def looked_back(pasts: Sequence[Past], workflow: str) -> str:
    """What the last threads had to ask or look up, for the Lead; those of the same workflow come first."""
    same = [p for p in pasts if p.workflow == workflow and p.asked]
    others = [p for p in pasts if p.workflow != workflow and p.asked]
    chosen = [*same[-LOOKED_BACK:], *others[-max(0, LOOKED_BACK - len(same)) :]][:LOOKED_BACK]
    lines = []
    for past in chosen:
        kinds = (("asked the PM", past.escalations), ("asked a person", past.questions))
        told = [f"{what}: {_short(text)}" for what, texts in kinds for text in texts[:4]]
        told += [f"looked up: {_short(text)}" for text in past.researches[:4]]
        lines.append(f"- {past.workflow or 'no workflow'}, {day(past.ts)}: {'; '.join(told)}")
    return "\n".join(lines)


def as_json(flows: Mapping[str, Sequence[Row]], items: Sequence[Use]) -> Json:
    """The figures for programs."""
    return {
        "workflows": [
            {
                "workflow": name,
                "threads": [
                    {
                        "thread": r.thread, "day": r.day, "escalations": r.escalations,
                        "questions": r.questions, "turns": r.turns, "usd": round(r.usd, 6),
                    }
                    for r in rows
                ],
            }
            for name, rows in flows.items()
        ],
        "items": [
            {
                "id": u.item.id, "file": u.item.file, "text": u.item.text, "date": u.item.date,
                "thread": u.item.thread, "by": u.item.by, "shown": u.shown, "used": u.used,
                "last_used": u.last, "remove": u.why,
            }
            for u in items
        ],
    }  # fmt: skip


def _why_gone(item: Learned, shown: int, used: int, today: str) -> str:
    if item.is_over(today):
        return f"it held until {item.expires}"
    if used or shown < (UNCHOSEN if item.file in {FLOWS, "lead.md"} else UNUSED):
        return ""
    if item.file == FLOWS:
        return f"none of the {shown} threads since went by {item.section}"
    return f"shown in {shown} threads and used in none"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1] + "…"


def day(ts: float) -> str:
    """The day of a unix time, as YYYY-MM-DD."""
    return time.strftime("%Y-%m-%d", time.gmtime(ts))
