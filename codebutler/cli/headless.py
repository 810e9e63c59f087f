"""A thread without a person at the keys: events out as JSON lines, consent given beforehand by flags."""

from __future__ import annotations

import json
import sys
from typing import Any

from msgspec import Struct

from codebutler.cli.session import Session
from codebutler.store.rows import StoredEvent
from codebutler.thread.state import ThreadState

EXIT = {
    "answered": 0, "pr": 0, "done": 0, "closed": 0,
    "failed": 1, "cancelled": 1,
    "plan": 3, "question": 3, "paused": 3, "rewound": 3,
}  # fmt: skip
REFUSED = 3
"""The thread is where it was: somebody else must say the word."""
MISUSED = 2
"""The thread is where it was: the task was a command that does not exist, or that its words do not fit."""


class Consent(Struct, frozen=True):
    """What the person agreed to beforehand."""

    plan: bool = False
    merge: bool = False


async def attend(session: Session, consent: Consent, *, as_json: bool) -> int:
    """Follow the thread until it needs somebody, giving the consent that was given; returns the exit code."""
    given: set[str] = set()
    async for batch in session.batches():
        if as_json and batch:
            print("\n".join(line_of(row) for row, _ in batch), flush=True)
        if not batch and await session.at_rest() and not await _consent(session, consent, given):
            if session.misused:
                return MISUSED
            return EXIT[session.state.outcome or "answered"] or (REFUSED if session.refused else 0)
    raise AssertionError("batches never ends by itself")


async def _consent(session: Session, consent: Consent, given: set[str]) -> bool:
    """Act for the person; False when there is nothing that was agreed to, or when it was of no use before."""
    tried = any(key.startswith("yes:merge:") for key in given)
    wish = _wish(session.state, consent, tried=tried)
    if wish is None or wish[2] in given:
        return False
    action, value, key = wish
    given.add(key)
    await session.say(action=action, value=value, key=key)
    return True


def _wish(state: ThreadState, consent: Consent, *, tried: bool = False) -> tuple[str, str, str] | None:
    """The button to press now: (action, value, key). ``tried``: the merge was asked for in this very run."""
    again = bool(state.refused) and state.halted == "failed" and not tried
    if (state.halted and not again) or state.question is not None or state.phase == "closed":
        return None
    anew = f":{state.rewinds}" if state.rewinds else ""  # what a rewind took back is agreed to again
    if state.plan_waits and state.plan is not None and consent.plan:
        return "approve", state.plan.hash, f"yes:{state.plan.hash}{anew}"
    if state.memory and consent.merge:
        return "memory", "yes", f"yes:memory:{len(state.kept)}{anew}"
    if state.pr is not None and state.pr_state == "open" and consent.merge and (again or not state.refused):
        once = f":{state.seq}" if again else ""
        return "merge", str(state.pr.number), f"yes:merge:{state.head}{anew}{once}"
    return None


def line_of(row: StoredEvent) -> str:
    """One event as a JSON line."""
    body: dict[str, Any] = json.loads(row.body)
    return json.dumps({"kind": row.kind, "thread": row.thread, "seq": row.seq, "ts": row.ts, **body})


def summary(state: ThreadState, code: int, **more: object) -> dict[str, Any]:
    """The last line of a headless run."""
    pr = {"number": state.pr.number, "state": state.pr_state, "url": state.pr.url} if state.pr else None
    spends = state.spend.values()
    return {
        "kind": "summary",
        "thread": state.id,
        "phase": state.phase,
        "outcome": state.outcome,
        "exit": code,
        "branch": state.worktree.branch if state.worktree else None,
        "pr": pr,
        "usd": round(state.usd, 6),
        "tokens": {
            "input": sum(s.input for s in spends),
            "output": sum(s.output for s in spends),
            "cached": sum(s.cached for s in spends),
        },
        **more,
    }


def show_summary(session: Session, code: int, *, as_json: bool, **more: object) -> None:
    """Print the summary: as the last JSON line, or in words on standard error."""
    state = session.state
    if as_json:
        print(json.dumps(summary(state, code, **more)), flush=True)
        return
    parts = [f"thread {state.id}", state.phase]
    if state.worktree:
        parts.append(f"{len(state.files)} files changed on {state.worktree.branch}")
    if state.pr:
        parts.append(f"PR #{state.pr.number} {state.pr_state}")
    print(" · ".join([*parts, f"${state.usd:.4f}"]), file=sys.stderr)
    if EXIT.get(state.outcome or "") == REFUSED:
        print(f'Answer it with: codebutler run --thread {state.id} "…"', file=sys.stderr)
