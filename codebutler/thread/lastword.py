"""A turn that was stopped says so, where the work is, and what to do next."""

from __future__ import annotations

import time
from collections.abc import Mapping

from codebutler.events import LimitHit, ModelFailed, ModelReplied, Outcome, TurnEnded
from codebutler.text import sentence
from codebutler.thread.state import ThreadState
from codebutler.types import Choice, Outbound

_STOP = Choice(action="cancel", label="Stop", style="danger")
_AGAIN = Choice(action="retry", label="Try again", style="primary")
_RESUME = Choice(action="resume", label="Resume", style="primary")
_CODE = Choice(action="code", label="Let the Coder do it")
TERMINAL = "terminal"
"""The door of whoever runs the host: only they can open its store, and its configuration is theirs."""
SETTING: Mapping[str, str] = {
    "role": "limits.usd of the role",
    "thread": "limits.usdPerThread",
    "tokens": "limits.tokensPerThread",
    "day": "limits.usdPerDay",
    "person": "limits.usdPerPersonPerDay",
    "hour": "limits.maxCallsPerHour",
    "person_hour": "limits.maxCallsPerPersonPerHour",
}
_UNDONE = "The plan was not carried out"
UNFINISHED = "The rebase is not finished: nothing is merged before that."
STAYS = "The branch stays as it is. Say what to change: an approved plan's work goes into a new pull request."
EMPTY = "Say what is to be done on it, or cancel the thread if nothing is left to do"
CLOSED = f"Pull request #{{number}} was closed outside, without a merge. {STAYS}"
_OTHER_MODEL = '**"model NAME"** to go on with another model, '
_NAMED = 5
"""Changed files that are named."""
RAISABLE = frozenset({"", "role", "thread", "tokens"})
"""The thread's own caps: its owner's raise lifts them."""
SHARED = frozenset({"day", "person"})
"""Caps over all threads: a raise lifts them for the day, if whoever runs the host says it."""


def last_word(state: ThreadState, outcome: Outcome, text: str) -> Outbound | None:
    """The message that ends a turn which came to no end of its own, or None."""
    where = _where(state)
    if outcome == "failed" and (text or not state.refused):
        hit = state.limit if state.limit is not None and state.limit.what == text else None
        way = (
            f'This host ends runs at a cap. {_host_can(hit)} Then say **"go"**.'
            if hit is not None
            else _next(state)
        )
        opening = "" if text.startswith(_UNDONE) else "I could not go on: "
        said = f"{opening}{sentence(text)}{where}\n\n{way}"
        return Outbound(text=said, kind="error", choices=[_AGAIN, *([_CODE] if state.planless else [])])
    if outcome == "paused" and state.paused_at:
        later = " What you wrote is read then." if state.begun & state.unread.keys() else ""
        words = f'Paused {sentence(text)}{where}\n\nSay **"resume"** to go on, or **"cancel"**.{later}'
        return Outbound(text=words, kind="notice", choices=[_RESUME, _STOP])
    if outcome == "paused":
        words, choices = _ways(state)
        return Outbound(text=f"Paused: {sentence(text)}{where}\n\n{words}", kind="error", choices=choices)
    if outcome == "cancelled":
        later = " What you wrote before that is read then." if state.unread else ""
        words = f"Stopped {sentence(text)}{where}\n\n{_goes_on(state)}.{_stays(state)}{later}"
        return Outbound(text=words, kind="notice")
    return None


def standing(state: ThreadState) -> str:
    """What a thread stands still or waits for, and what to say; "" while it does neither."""
    why = next((e.text for _, _, e in reversed(state.live) if isinstance(e, TurnEnded) and e.text), "")
    if not state.halted:
        return "" if state.unended else _awaited(state)
    if state.paused_at:
        return 'Paused. Say **"resume"** to go on, or **"cancel"**.'
    if state.halted == "cancelled":
        return f"Stopped. {_goes_on(state)}."
    if state.halted.startswith("paused: ") and state.outcome != "failed":
        return f"Paused: {sentence(state.halted.removeprefix('paused: '))} {_ways(state)[0]}"
    if state.only_unmerged:
        return f"The merge did not go through: {state.refused}"
    return f"It stands still{f': {sentence(why)}' if why else '.'} {_next(state)}"


def _awaited(state: ThreadState) -> str:
    """What a thread at rest has put before people."""
    if state.question is not None:
        return f"It waits for an answer: {state.question.question}"
    if state.plan_waits and state.plan is not None:
        return f'The plan "{state.plan.plan.title}" waits: say **"go"** to approve it, or say what to change.'
    if state.memory:
        return 'What to remember waits for a decision: **"memory list"** shows it.'
    if state.pr is not None and state.pr_state == "open" and state.phase == "lead":
        return (
            f'Pull request #{state.pr.number} waits: say **"merge"** when you are content, or what to change.'
        )
    return ""


def _next(state: ThreadState) -> str:
    """What a person can say after a failure."""
    last = next(reversed(state.frames.values()), None)
    if state.pr_state == "open" and last is not None and (last.id[-6:], last.ended) == ("-close", "failed"):
        return 'Nothing is merged yet: **"merge"** now goes without that second look of the Lead.'
    if state.pr is not None and state.pr_state == "open" and state.undone:
        return (
            f'Pull request #{state.pr.number} stays open. Say **"go"** to have the Coder try again, say what '
            'to do instead, or **"cancel"** if nothing is left to do.'
        )
    ways = f'Say **"go"** to try again, {_OTHER_MODEL if _by_model(state) else ""}or'
    if state.planless:
        return f'{ways} **"code"** to send the request straight to the Coder, unplanned.'
    return f"{ways} say what to do instead."


def _by_model(state: ThreadState) -> bool:
    """Whether the last call to the model of the role at work got no answer: another one may give it."""
    frames = {name for name, frame in state.frames.items() if frame.role == state.at_work}
    calls = (e for _, _, e in reversed(state.live) if isinstance(e, ModelFailed | ModelReplied))
    last = next((call for call in calls if call.frame in frames), None)
    return isinstance(last, ModelFailed)


def stopped(state: ThreadState) -> str:
    """The answer to who stops what was stopped already, or closes it."""
    instead = ", or say what to do instead" if _halves(state) else ""
    return f"Already stopped. {_goes_on(state)}{instead}.{_stays(state)}"


def _halves(state: ThreadState) -> bool:
    """Whether work was broken off: before a pull request that nobody mends, none is."""
    whole = state.phase == "lead" and state.pr_state == "open"
    return not whole or state.mend is not None or state.rebase is not None


def _goes_on(state: ThreadState) -> str:
    return 'Say **"go"** to go on' if _halves(state) else "Say what to do next"


def _stays(state: ThreadState) -> str:
    """What becomes of an open pull request: nothing, until somebody says so."""
    if state.pr is None or state.pr_state != "open":
        return ""
    if state.queued:
        return f" Pull request #{state.pr.number} may land by the merge queue: take it out on its page."
    return f' Pull request #{state.pr.number} stays open: only **"merge"** lands it.'


def undone(state: ThreadState, text: str) -> str:
    """The words for a Coder's run after which the branch changes nothing; ``text`` is its last one."""
    said = f" It said: {text.strip()}" if text.strip() else ""
    what = "the Coder changed no file"
    if state.pr is not None and state.pr_state == "open":
        what = f"as the Coder left it, pull request #{state.pr.number} changes no file"
    return f"{_UNDONE}: {what}.{said}"


def _where(state: ThreadState) -> str:
    if state.worktree is None or state.removed:
        return ""
    parts = [f"The work so far is on `{state.worktree.branch}` at `{state.head[:12]}`."]
    if state.files and not state.undone:
        names = sorted(state.files)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        parts.append(f"Changed: {', '.join(f'`{n}`' for n in names[:_NAMED])}{more}.")
    if state.checklist:
        done = sum(item.status == "done" for item in state.checklist)
        parts.append(f"Checklist: {done} of {len(state.checklist)} done.")
    return "\n\n" + " ".join(parts)


def _ways(state: ThreadState) -> tuple[str, list[Choice]]:
    """What can be done about a cap: only what helps with the one that was hit."""
    hit = state.limit
    if hit is None or hit.cap in RAISABLE:
        return _raise(hit)
    words = f'{_frees(hit)} Say **"go"** then. '
    if hit.cap not in SHARED:
        return f'{words}{_host_can(hit)} Or say **"cancel"**.', [_AGAIN, _STOP]
    cheaper = f"A cheaper model may fit into what is left: {_model(hit)}."
    if state.opened is None or state.opened.owner.surface != TERMINAL:
        more = f"or, for today, say `codebutler run 'raise {_usd(hit)}' --thread {state.id}` there"
        words += f'{_host_can(hit)[:-1]}, {more}. Or say **"cancel"**. {cheaper}'
        return words, [*_cheaper(hit), _AGAIN, _STOP]
    more = f'Or say **"raise {_usd(hit)}"** for {_more(hit)} today, for all threads, or **"cancel"**.'
    return f"{words}{more} {cheaper}", [_raising(hit), *_cheaper(hit), _AGAIN, _STOP]


def _raise(hit: LimitHit | None) -> tuple[str, list[Choice]]:
    usd, more = _usd(hit), _more(hit)
    if hit is not None and hit.cap == "tokens":
        words = f'Say **"raise {usd}"** to allow {more} and the tokens that go with it, or **"cancel"**.'
    else:
        words = f'Say **"raise {usd}"** to allow {more}, {_model(hit)} for another model, or **"cancel"**.'
    return words, [_raising(hit), *_cheaper(hit), _STOP]


def _usd(hit: LimitHit | None) -> str:
    """The dollars of a raise that is enough."""
    return f"{(hit.raise_usd if hit else 0.0) or 1.0:g}"


def _more(hit: LimitHit | None) -> str:
    return "one more dollar" if _usd(hit) == "1" else f"{_usd(hit)} more dollars"


def _raising(hit: LimitHit | None) -> Choice:
    return Choice(action="raise", label=f"Raise by ${_usd(hit)}", value=_usd(hit), style="primary")


def _model(hit: LimitHit | None) -> str:
    return f'**"cheaper"** for {hit.cheaper}, **"model NAME"**' if hit and hit.cheaper else '**"model NAME"**'


def _cheaper(hit: LimitHit | None) -> list[Choice]:
    if hit is None or not hit.cheaper:
        return []
    return [Choice(action="model", label=f"Use {hit.cheaper.rpartition('/')[2]}", value=hit.cheaper)]


def _frees(hit: LimitHit) -> str:
    return "It is free again at " + time.strftime("%Y-%m-%d %H:%M UTC.", time.gmtime(hit.until))


def _host_can(hit: LimitHit) -> str:
    if hit.cap in {"", "role"}:
        return "A higher cap is for the role's file, or for whoever runs the host, to give."
    return f"Whoever runs the host can raise `{SETTING[hit.cap]}` in its config.json."
