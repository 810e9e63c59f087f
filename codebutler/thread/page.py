"""A thread as one page for people, in markdown or HTML. What anybody wrote is shown as text, never obeyed."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from codebutler import events as ev
from codebutler.store.rows import StoredEvent
from codebutler.thread import render
from codebutler.thread.render import title
from codebutler.thread.state import ThreadState

CUT = 20_000
"""Characters of one text that a page shows; the JSONL export has all of it."""


class Entry(Struct, frozen=True):
    """Who did what, and the text that goes with it."""

    who: str
    what: str
    text: str = ""
    ts: float = 0.0


def entries(state: ThreadState, rows: Sequence[StoredEvent]) -> Iterator[Entry]:
    """The thread's story, oldest first."""
    roles = {name: title(frame.role) for name, frame in state.frames.items()}
    for row in rows:
        event = ev.parse(row.body)
        teller = _TELLERS.get(event.kind) if event is not None else None
        for entry in teller(event, roles) if teller is not None else ():
            yield Entry(entry.who, entry.what, entry.text, row.ts)


def _message(e: ev.MessageReceived, _: dict[str, str]) -> Iterator[Entry]:
    files = "".join(f"\n[file {a.name}]" for a in e.attachments)
    pressed = f"[{e.action}]" if e.action and not e.text else ""
    yield Entry(e.author.label, "says", f"{e.text or pressed}{files}")


def _edited(e: ev.MessageEdited, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry(e.by.label, "changes a message", e.text)


def _reply(e: ev.ModelReplied, roles: dict[str, str]) -> Iterator[Entry]:
    who = roles.get(e.frame, e.frame)
    if e.content.strip():
        yield Entry(who, f"says, by {e.model}", e.content)
    for call in e.tool_calls:
        yield Entry(who, f"calls {call.name}", call.arguments)


def _result(e: ev.ToolFinished, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry(e.name, "gives" if e.ok else "fails with", e.text)


def _drawn(e: ev.ImageMade, roles: dict[str, str]) -> Iterator[Entry]:
    yield Entry(
        roles.get(e.frame, e.frame), f"makes a picture, by {e.model}", f"{e.path}, {e.width}x{e.height}"
    )


def _heard(e: ev.Transcribed, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry(
        e.by.label,
        "says in a voice message" if e.text else "sent what was not transcribed",
        e.text or e.error,
    )


def _plan(e: ev.PlanProposed, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry("PM", f"proposes plan {e.hash[:8]}", render.plan_text(e.plan))


def _approved(e: ev.PlanApproved, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry(e.by.label, f"approves plan {e.hash[:8]}")


def _asked(e: ev.EscalationAsked, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry(title(e.role), "asks the PM", e.question)


def _sent_out(e: ev.ResearchStarted, roles: dict[str, str]) -> Iterator[Entry]:
    yield Entry(roles.get(e.frame, e.frame), "sends a Researcher out", f"{e.topic}: {e.question}")


def _brought(e: ev.ResearchFinished, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry("Researcher", f"comes back, {e.outcome}", e.content)


def _question(e: ev.QuestionAsked, roles: dict[str, str]) -> Iterator[Entry]:
    yield Entry(roles.get(e.frame, e.frame), "asks", "\n".join([e.question, *(f"- {o}" for o in e.options)]))


def _checkpoint(e: ev.CheckpointMade, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry("commit", e.commit[:12], "\n".join([e.message, *e.files]))


def _pr(e: ev.PrOpened, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry("pull request", f"#{e.number} is open", f"{e.title}\n{e.url}")


def _merged(e: ev.PrMerged, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry(e.by.label, f"merges pull request #{e.number}", e.commit)


def _memory(e: ev.MemoryDecided, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry(e.by.label, "keeps in memory", "\n".join(i.text for i in e.kept) or "nothing")


def _cancelled(e: ev.Cancelled, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry(e.by.label, "stops the work")


def _limit(e: ev.LimitHit, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry("limit", "reached", e.what)


def _failed(e: ev.ModelFailed, _: dict[str, str]) -> Iterator[Entry]:
    yield Entry(e.model, "fails", e.error)


def _ended(e: ev.TurnEnded, _: dict[str, str]) -> Iterator[Entry]:
    if e.outcome in {"failed", "paused", "cancelled"}:
        yield Entry("turn", e.outcome, e.text)


_TELLERS: dict[str, Callable[[Any, dict[str, str]], Iterator[Entry]]] = {
    "message_received": _message,
    "message_edited": _edited,
    "model_replied": _reply,
    "tool_finished": _result,
    "image_made": _drawn,
    "transcribed": _heard,
    "plan_proposed": _plan,
    "plan_approved": _approved,
    "escalation_asked": _asked,
    "question_asked": _question,
    "research_started": _sent_out,
    "research_finished": _brought,
    "checkpoint_made": _checkpoint,
    "pr_opened": _pr,
    "pr_merged": _merged,
    "memory_decided": _memory,
    "cancelled": _cancelled,
    "limit_hit": _limit,
    "model_failed": _failed,
    "turn_ended": _ended,
}

# --------------------------------------------------------------------------------- markdown


def markdown(state: ThreadState, rows: Sequence[StoredEvent]) -> str:
    """The page in markdown. Foreign text stands in fenced blocks, names are escaped."""
    name = state.opened.title if state.opened else state.id
    parts = [f"# {_escaped(name)}", f"Thread `{state.id}`, {state.phase}, opened {_when(state.opened_at)}."]
    for entry in entries(state, rows):
        parts.append(f"**{_escaped(entry.who)}** {_escaped(entry.what)} · {_when(entry.ts)}")
        if entry.text.strip():
            parts.append(_fenced(_shown(entry.text)))
    return "\n\n".join([*parts, "## Cost", *(_escaped(line) for line in _cost(state)), ""])


def _fenced(text: str) -> str:
    """A block that no line of ``text`` can end: its fence is longer than any in there."""
    longest = max((len(run) for run in re.findall("~+", text)), default=0)
    fence = "~" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _escaped(text: str) -> str:
    """One line in which markdown finds nothing to do."""
    line = " ".join(_clean(text).split())
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>&:@/])", r"\\\1", line)


# ------------------------------------------------------------------------------------- HTML

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f5f5f2;padding:.6em .8em;border-radius:6px}"
    "p{margin:1.2em 0 .3em}time{color:#767676;font-size:.85em}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}pre{background:#232323}}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Nothing is loaded and nothing runs, even if an escape were forgotten."""


def page(state: ThreadState, rows: Sequence[StoredEvent]) -> str:
    """The page as one HTML file without scripts, links or anything from elsewhere."""
    name = _html(state.opened.title if state.opened else state.id)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{name}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{name}</h1>",
        f"<p>Thread {_html(state.id)}, {_html(state.phase)}, opened {_when(state.opened_at)}.</p>",
    ]
    for entry in entries(state, rows):
        head = f"<b>{_html(entry.who)}</b> {_html(entry.what)}"
        parts.append(f"<p>{head} <time>{_when(entry.ts)}</time></p>")
        if entry.text.strip():
            parts.append(f"<pre>{html.escape(_shown(entry.text))}</pre>")
    cost = "".join(f"<p>{_html(line)}</p>" for line in _cost(state))
    return "\n".join([*parts, f"<h2>Cost</h2>{cost}", "</body></html>", ""])


def _html(text: str) -> str:
    return html.escape(" ".join(_clean(text).split()))


def _cost(state: ThreadState) -> Iterator[str]:
    for (role, model), spend in state.spend.items():
        calls = f"{spend.calls} calls, {spend.input} tokens in, {spend.output} out"
        cost = f"{render.money(spend.usd)}{render.broken_off(spend.broken_usd)}"
        yield f"{title(role)} with {model}: {calls}, {cost}"
    yield f"Together {render.money(state.usd)}"


def _shown(text: str) -> str:
    clean = _clean(text).strip("\n")
    if len(clean) <= CUT:
        return clean
    half = CUT // 2
    return f"{clean[:half]}\n… {len(clean) - CUT} characters left out …\n{clean[-half:]}"


def _clean(text: str) -> str:
    """Without what steers a terminal or turns the order of letters around."""
    return "".join(c for c in text if c in "\n\t" or c.isprintable())


def _when(ts: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(ts))
