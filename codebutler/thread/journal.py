"""The thread told as a story: for the Lead's eyes, and as the journal file that lands with the PR."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from codebutler import events as ev
from codebutler.store.rows import StoredEvent
from codebutler.text import fit
from codebutler.thread import render
from codebutler.thread.render import title
from codebutler.thread.state import ThreadState

SNIPPET = 600
"""Characters of one tool result that the story shows."""
ARGUMENTS = 300


def journal_of(thread: str) -> str:
    """Where the journal of a thread lies, on its branch and, once it is merged, on the base branch."""
    return f".codebutler/journals/thread-{thread}.md"


def narrative(rows: Sequence[StoredEvent], *, cap: int) -> str:
    """The story in at most ``cap`` characters; its middle goes first when it is too long."""
    return fit("\n".join(_lines(rows)), cap)


def journal(state: ThreadState, rows: Sequence[StoredEvent]) -> str:
    """The journal file: who did what, what the roles said to each other, and what it cost."""
    name = state.opened.title if state.opened else state.id
    opened = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(state.opened_at))
    head = [f"# {name}", "", f"Thread `{state.id}`, opened {opened}.", ""]
    return "\n".join([*head, *_lines(rows), "", "## Cost", "", render.usage_table(state), ""])


def _lines(rows: Iterable[StoredEvent]) -> Iterator[str]:
    roles: dict[str, str] = {}  # from the log: a run that was rewound is no longer in the state
    for row in rows:
        event = ev.parse(row.body)
        if isinstance(event, ev.FrameStarted):
            roles[event.frame] = title(event.role)
        teller = _TELLERS.get(event.kind) if event is not None else None
        if teller is not None:
            yield from teller(event, roles)


def _message(e: ev.MessageReceived, _roles: dict[str, str]) -> Iterator[str]:
    files = " ".join(f"[file {file.name}]" for file in e.attachments)
    said = e.text or files or f"[{e.action} {e.value[:8]}]"
    yield f"- **{e.author.label}**: {_flat(said, 2_000)}"


def _reply(e: ev.ModelReplied, roles: dict[str, str]) -> Iterator[str]:
    if e.content.strip():
        yield f"- **{roles[e.frame]}**: {_flat(e.content, 2_000)}"
    for call in e.tool_calls:
        yield f"  - {roles[e.frame]} calls `{call.name}` {_flat(call.arguments, ARGUMENTS)}"


def _result(e: ev.ToolFinished, _roles: dict[str, str]) -> Iterator[str]:
    word = "gives" if e.ok else "FAILS with"
    yield f"    - `{e.name}` {word}: {_flat(e.text, SNIPPET)}"


def _drawn(e: ev.ImageMade, roles: dict[str, str]) -> Iterator[str]:
    yield f"  - {roles[e.frame]} makes `{_flat(e.path, 200)}`, {e.width}x{e.height}, by {e.model}"


def _heard(e: ev.Transcribed, _roles: dict[str, str]) -> Iterator[str]:
    said = f"is not transcribed: {_flat(e.error, SNIPPET)}" if e.error else f"says: {_flat(e.text, 2_000)}"
    yield f"- **{e.by.label}**'s voice message {said}"


def _escalation(e: ev.EscalationAsked, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- **{title(e.role)} → PM**: {_flat(e.question, 2_000)}"


def _answer(e: ev.EscalationAnswered, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- **PM → role**: {_flat(e.text, 2_000)}"


def _sent_out(e: ev.ResearchStarted, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- **PM → Researcher**: {_flat(f'{e.topic}: {e.question}', 2_000)}"


def _brought(e: ev.ResearchFinished, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- **Researcher → PM** ({e.outcome}): {_flat(e.content, 2_000)}"


def _planned(e: ev.PlanProposed, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- **PM** proposes plan `{e.hash[:8]}`: {_flat(e.plan.title, 200)}"
    yield from (f"  {number}. {_flat(step.text, 300)}" for number, step in enumerate(e.plan.steps, 1))


def _chosen(e: ev.WorkflowChosen, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- **PM** goes by the workflow {_flat(e.name, 80)}"


def _step_done(e: ev.StepDone, _roles: dict[str, str]) -> Iterator[str]:
    if ":" not in e.id and e.what.startswith(("passed", "failed")):
        return  # told already: this one is the tick of what ended in a run of the Coder
    yield f"- automatic step: {_flat(e.what, 300)}"


def _question(e: ev.QuestionAsked, roles: dict[str, str]) -> Iterator[str]:
    yield f"- **{roles.get(e.frame, title(e.frame))} → person**: {_flat(e.question, 2_000)}"


def _person_answered(e: ev.QuestionAnswered, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- **{e.by.label}** answers: {_flat(e.text, 2_000)}"


def _proposed(e: ev.MemoryProposed, _roles: dict[str, str]) -> Iterator[str]:
    for item in e.items:
        words = item.text or "; ".join(item.replaces)
        yield f"- proposed for memory ({item.kind.replace('_', ' ')}, {item.file}): {_flat(words, 300)}"


def _not_merged(e: ev.MergeRefused, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- the merge did not go through: {_flat(e.error, 300)}"


def _stood_in(e: ev.StoodIn, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- {e.model} stands in for the {e.role}'s model"


def _flagged(e: ev.PrFlagged, _roles: dict[str, str]) -> Iterator[str]:
    yield from (f"- look at {_flat(x, 300)}" for x in [*e.todo, *e.risky])


def _merging(e: ev.MergeRequested, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- **{e.by.label}** says to merge"


def _approved(e: ev.PlanApproved, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- **{e.by.label}** approved plan `{e.hash[:8]}` on `{e.base[:8]}`"


def _failed(e: ev.ModelFailed, roles: dict[str, str]) -> Iterator[str]:
    yield f"  - {roles[e.frame]}'s model {e.model} failed: {_flat(e.error, SNIPPET)}"


def _setup(e: ev.SetupFinished, _roles: dict[str, str]) -> Iterator[str]:
    for part in e.parts:
        how = f"FAILED: {_flat(part.why, 200)}" if part.why else "found" if part.cached else "installed"
        yield f"- dependencies, {part.recipe}: {how}"


def _checkpoint(e: ev.CheckpointMade, _roles: dict[str, str]) -> Iterator[str]:
    files = f" ({', '.join(e.files[:12])})" if e.files else ""  # none: a name for what was saved before it
    yield f"- commit `{e.commit[:12]}` {_flat(e.message, 200)}{files}"


def _pr(e: ev.PrOpened, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- pull request #{e.number} opened: {e.title}"


def _swap(e: ev.ModelSwapped, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- the {e.role}'s model is now {e.model}"


def _memory(e: ev.MemoryDecided, _roles: dict[str, str]) -> Iterator[str]:
    does = {"remove": "takes out of memory", "revert": "takes back"}
    for verb in ("keeps in memory", *does.values()):
        items = [i for i in e.kept if does.get(i.kind, "keeps in memory") == verb]
        if what := "; ".join(_flat(i.text, 200) for i in items):
            yield f"- **{e.by.label}** {verb}: {what}"
    if not e.kept:
        yield f"- **{e.by.label}** keeps in memory: nothing"


def _unkept(e: ev.MemoryCommitted, _roles: dict[str, str]) -> Iterator[str]:
    yield from (f"- not kept in memory: {_flat(why, 300)}" for why in e.refused)


def _cancelled(e: ev.Cancelled, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- **{e.by.label}** cancelled"


def _rewound(e: ev.Rewound, _roles: dict[str, str]) -> Iterator[str]:
    undone = f"; what came after it is undone (it stays at `{e.undone[:12]}`)" if e.undone else ""
    yield f"- **{e.by.label}** went back to point {e.number}{undone}"


def _forked(e: ev.Forked, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- **{e.by.label}** forked this thread from point {e.number} of `{e.thread}`: all above is its"


def _overlap(e: ev.OverlapFound, _roles: dict[str, str]) -> Iterator[str]:
    yield f"- overlaps with thread `{e.other}`: {_flat(', '.join(e.causes), 300)}"


def _neighbour(e: ev.NeighbourLanded, _roles: dict[str, str]) -> Iterator[str]:
    files = _flat(", ".join(e.files) or "none", 300)
    yield f"- thread `{e.other}` landed as #{e.number}; of this one's files: {files}"


def _rebased(e: ev.RebaseBegun, _roles: dict[str, str]) -> Iterator[str]:
    if e.frame:
        yield f"- onto `{e.onto[:12]}`; in conflict: {_flat(', '.join(e.conflicts) or 'nothing', 300)}"


def _mended(e: ev.MendRequested, _roles: dict[str, str]) -> Iterator[str]:
    who = f" (asked by **{e.by.label}**)" if e.by else ""
    yield f"- {e.about} at `{e.head[:12]}` to be seen to{who}"


def _summarised(e: ev.Compacted, roles: dict[str, str]) -> Iterator[str]:
    yield f"  - {roles[e.frame]}'s window was full: a summary stands for {e.replaced} messages"


_TELLERS: dict[str, Callable[[Any, dict[str, str]], Iterator[str]]] = {
    "message_received": _message,
    "model_replied": _reply,
    "model_failed": _failed,
    "tool_finished": _result,
    "image_made": _drawn,
    "transcribed": _heard,
    "escalation_asked": _escalation,
    "escalation_answered": _answer,
    "research_started": _sent_out,
    "research_finished": _brought,
    "plan_proposed": _planned,
    "workflow_chosen": _chosen,
    "step_done": _step_done,
    "question_asked": _question,
    "question_answered": _person_answered,
    "memory_proposed": _proposed,
    "pr_flagged": _flagged,
    "merge_requested": _merging,
    "merge_refused": _not_merged,
    "stood_in": _stood_in,
    "plan_approved": _approved,
    "setup_finished": _setup,
    "checkpoint_made": _checkpoint,
    "pr_opened": _pr,
    "model_swapped": _swap,
    "memory_decided": _memory,
    "memory_committed": _unkept,
    "cancelled": _cancelled,
    "rewound": _rewound,
    "forked": _forked,
    "overlap_found": _overlap,
    "neighbour_landed": _neighbour,
    "rebase_begun": _rebased,
    "mend_requested": _mended,
    "compacted": _summarised,
}


def _flat(text: str, cap: int) -> str:
    """One line of at most ``cap`` characters, head and tail kept."""
    line = " ⏎ ".join(part.strip() for part in text.strip().splitlines() if part.strip())
    if len(line) <= cap:
        return line
    return f"{line[: cap * 2 // 3]} … {line[-cap // 3 :]}"
