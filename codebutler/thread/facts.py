"""What a summarised transcript must not lose: plan, questions, answers, files. From the log, not a model."""

from __future__ import annotations

from collections.abc import Iterator

from codebutler.text import fit
from codebutler.thread import render
from codebutler.thread.state import ThreadState

_FILES, _ANSWER_CHARS = 80, 1_000


def facts(state: ThreadState) -> str:
    """Markdown, bounded; "" when nothing is known yet."""
    return "\n\n".join(_sections(state))


def _sections(state: ThreadState) -> Iterator[str]:
    if state.plan is not None:
        word = "not approved yet" if state.plan_waits else "approved"
        yield f"# The plan ({word})\n\n{fit(render.plan_text(state.plan.plan), 8_000)}"
    if state.checklist:
        yield f"# Checklist\n\n{fit(render.checklist(state.checklist), 4_000)}"
    if state.files:
        names = sorted(state.files)
        more = f"\n- and {len(names) - _FILES} more" if len(names) > _FILES else ""
        yield "# Files changed on the branch\n\n" + "\n".join(f"- {n}" for n in names[:_FILES]) + more
    if state.exchanges:
        yield "# Questions to the PM\n\n" + "\n".join(_exchanges(state))
    if state.question is not None:
        yield f"# Open question to the person\n\n{fit(state.question.question, _ANSWER_CHARS)}"


def _exchanges(state: ThreadState) -> Iterator[str]:
    for each in state.exchanges[-20:]:
        answer = fit(each.answer, _ANSWER_CHARS) if each.answer is not None else "(no answer yet)"
        yield f"- {each.role} asked: {fit(each.question, _ANSWER_CHARS)}\n  PM: {answer}"
