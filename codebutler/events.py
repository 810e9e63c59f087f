"""The kinds of events that make up a thread. The log of these is the thread; all else is a projection.

Bodies are JSON on disk. To stay readable for years: never rename or retype a field, only add fields with
a default; a kind that is no longer written keeps its class. Unknown kinds are skipped by ``parse``.

Two conventions carry the fold (``thread.fold``):
``message`` is the ``seq`` of the ``message_received`` that caused the event and is thereby dealt with;
``frame`` is the run of a role (``pm``, ``coder-1``, ``lead-1``) whose transcript the event extends.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field, TypeAdapter, ValidationError

from codebutler.types import (
    Attachment,
    ChecklistItem,
    Json,
    MemoryItem,
    Outbound,
    Person,
    Plan,
    Record,
    ToolCall,
    Usage,
)

Phase: TypeAlias = Literal["pm", "coder", "lead", "closed"]
Outcome: TypeAlias = Literal[
    "answered", "plan", "question", "pr", "done", "failed", "cancelled", "paused", "closed"
]


class ThreadOpened(Record):
    """The thread's birth. ``mode``: the whole team, or the Coder alone on the task as given."""

    kind: Literal["thread_opened"] = "thread_opened"
    title: str
    owner: Person
    mode: Literal["team", "coder"] = "team"


class MessageReceived(Record):
    """A person spoke or pressed a button; not yet read by anyone."""

    kind: Literal["message_received"] = "message_received"
    surface: str
    external_id: str
    author: Person
    text: str = ""
    action: str = ""
    value: str = ""
    attachments: list[Attachment] = []


class MessageTaken(Record):
    """Messages were handed to a role; ``content`` is what its transcript shows."""

    kind: Literal["message_taken"] = "message_taken"
    frame: str
    messages: list[int]
    content: str


class CommandHandled(Record):
    """A message was a command, and this is what came of it."""

    kind: Literal["command_handled"] = "command_handled"
    message: int
    name: str
    by: Person
    result: str = ""


class BaseResolved(Record):
    """Where the thread stands: the commit that roles read, and the branch that a PR will target."""

    kind: Literal["base_resolved"] = "base_resolved"
    commit: str
    branch: str
    notices: list[str] = []


class FrameStarted(Record):
    """A role began a run. ``content`` opens its transcript as the first user message ("" = none yet)."""

    kind: Literal["frame_started"] = "frame_started"
    frame: str
    role: str
    content: str = ""


class FrameEnded(Record):
    """A role's run is over; ``text`` is its last word."""

    kind: Literal["frame_ended"] = "frame_ended"
    frame: str
    outcome: Outcome
    text: str = ""


class Nudged(Record):
    """The engine told a model what was wrong with its reply, as a user message."""

    kind: Literal["nudged"] = "nudged"
    frame: str
    content: str
    reason: str


class ModelRequested(Record):
    """A model call is about to be made. ``usd`` is the worst case, reserved against the caps."""

    kind: Literal["model_requested"] = "model_requested"
    frame: str
    step: int
    model: str
    usd: float = 0.0


class ModelReplied(Record):
    """A model answered. ``usd`` is the cost; ``priced`` says whether a price was known."""

    kind: Literal["model_replied"] = "model_replied"
    frame: str
    step: int
    model: str
    content: str = ""
    tool_calls: list[ToolCall] = []
    usage: Usage = Usage()
    usd: float = 0.0
    priced: bool = True
    finish: str = "stop"
    reasoning: Json | None = None
    seconds: float = 0.0


class ModelFailed(Record):
    """A model call failed; ``retry`` says whether another try may help."""

    kind: Literal["model_failed"] = "model_failed"
    frame: str
    step: int
    model: str
    error: str
    retry: bool = False


class ToolStarted(Record):
    """A tool call is about to act."""

    kind: Literal["tool_started"] = "tool_started"
    frame: str
    call_id: str
    name: str


class ToolFinished(Record):
    """A tool call's result: ``text`` for the model, ``details`` for people."""

    kind: Literal["tool_finished"] = "tool_finished"
    frame: str
    call_id: str
    name: str
    text: str
    ok: bool = True
    details: Json = {}
    seconds: float = 0.0


class PlanProposed(Record):
    """The PM proposed a plan. An approval names its ``hash`` and ``base``."""

    kind: Literal["plan_proposed"] = "plan_proposed"
    plan: Plan
    hash: str
    base: str


class PlanApproved(Record):
    """A person approved exactly this plan on exactly this base."""

    kind: Literal["plan_approved"] = "plan_approved"
    message: int
    hash: str
    base: str
    by: Person


class PlanDropped(Record):
    """The plan is off the table."""

    kind: Literal["plan_dropped"] = "plan_dropped"
    hash: str
    why: str


class QuestionAsked(Record):
    """A role waits for a person's answer to this."""

    kind: Literal["question_asked"] = "question_asked"
    frame: str
    call_id: str
    question: str
    options: list[str] = []


class QuestionAnswered(Record):
    """A person answered."""

    kind: Literal["question_answered"] = "question_answered"
    message: int
    call_id: str
    text: str
    by: Person


class EscalationAsked(Record):
    """A role asked the PM; the question joins the PM's transcript."""

    kind: Literal["escalation_asked"] = "escalation_asked"
    frame: str
    call_id: str
    role: str
    question: str


class EscalationAnswered(Record):
    """The PM answered a role."""

    kind: Literal["escalation_answered"] = "escalation_answered"
    call_id: str
    text: str


class PhaseChanged(Record):
    """The thread moved on."""

    kind: Literal["phase_changed"] = "phase_changed"
    phase: Phase
    why: str = ""


class WorktreeReady(Record):
    """The thread has its branch and its worktree, filled with the base commit."""

    kind: Literal["worktree_ready"] = "worktree_ready"
    branch: str
    path: str
    base: str


class CheckpointMade(Record):
    """The worktree's state was saved as a commit on the thread's branch."""

    kind: Literal["checkpoint_made"] = "checkpoint_made"
    commit: str
    message: str
    files: list[str] = []


class ChecklistUpdated(Record):
    """The checklist that people see."""

    kind: Literal["checklist_updated"] = "checklist_updated"
    items: list[ChecklistItem]


class Pushed(Record):
    """The remote's branch stands at this commit."""

    kind: Literal["pushed"] = "pushed"
    branch: str
    commit: str


class PrOpened(Record):
    """A pull request exists for the thread's branch."""

    kind: Literal["pr_opened"] = "pr_opened"
    number: int
    url: str
    title: str


class SummaryWritten(Record):
    """The Lead's retrospective."""

    kind: Literal["summary_written"] = "summary_written"
    title: str
    summary: str
    changes: list[str] = []
    decisions: list[str] = []
    improvements: list[str] = []
    tips: list[str] = []


class PrUpdated(Record):
    """The pull request's title and body were set."""

    kind: Literal["pr_updated"] = "pr_updated"
    number: int
    title: str


class MemoryProposed(Record):
    """Numbered lessons await a person's word."""

    kind: Literal["memory_proposed"] = "memory_proposed"
    items: list[MemoryItem]


class MemoryDecided(Record):
    """What a person kept, after edits and additions."""

    kind: Literal["memory_decided"] = "memory_decided"
    message: int
    kept: list[MemoryItem]
    by: Person


class MemoryCommitted(Record):
    """The kept items are on the thread's branch ("" = they were there already)."""

    kind: Literal["memory_committed"] = "memory_committed"
    commit: str
    files: list[str] = []


class JournalCommitted(Record):
    """The thread's journal is on its branch."""

    kind: Literal["journal_committed"] = "journal_committed"
    commit: str
    path: str


class MergeRequested(Record):
    """A person said to merge."""

    kind: Literal["merge_requested"] = "merge_requested"
    message: int
    by: Person


class MergeRefused(Record):
    """The merge could not be done; the thread stays open."""

    kind: Literal["merge_refused"] = "merge_refused"
    error: str


class PrMerged(Record):
    """The pull request landed as this commit of the base branch."""

    kind: Literal["pr_merged"] = "pr_merged"
    number: int
    commit: str
    by: Person


class PrClosed(Record):
    """The pull request was closed without a merge."""

    kind: Literal["pr_closed"] = "pr_closed"
    number: int


class WorktreeRemoved(Record):
    """The worktree is gone; ``kept`` says where work was left, if any was."""

    kind: Literal["worktree_removed"] = "worktree_removed"
    kept: str = ""


class Cancelled(Record):
    """A person stopped the work that was under way; what was done stays on the branch."""

    kind: Literal["cancelled"] = "cancelled"
    message: int
    by: Person


class LimitHit(Record):
    """A cap stopped the work until a person decides."""

    kind: Literal["limit_hit"] = "limit_hit"
    frame: str
    what: str


class Resumed(Record):
    """A person let a paused or failed run go on; ``raise_usd`` lifts the thread's cap by so much."""

    kind: Literal["resumed"] = "resumed"
    message: int
    by: Person
    raise_usd: float = 0.0


class ModelSwapped(Record):
    """A role uses another model from here on."""

    kind: Literal["model_swapped"] = "model_swapped"
    message: int
    role: str
    model: str


class TimerFired(Record):
    """A timer row came due."""

    kind: Literal["timer_fired"] = "timer_fired"
    key: str


class Posted(Record):
    """A visible message was handed to the outbox. ``source`` names what it shows, once (``pm:7``)."""

    kind: Literal["posted"] = "posted"
    post: Outbound
    source: str = ""


class TurnEnded(Record):
    """The turn reached its visible end."""

    kind: Literal["turn_ended"] = "turn_ended"
    outcome: Outcome
    text: str = ""


Event: TypeAlias = Annotated[
    ThreadOpened | MessageReceived | MessageTaken | CommandHandled | BaseResolved | FrameStarted | FrameEnded
    | Nudged | ModelRequested | ModelReplied | ModelFailed | ToolStarted | ToolFinished | PlanProposed
    | PlanApproved | PlanDropped | QuestionAsked | QuestionAnswered | EscalationAsked | EscalationAnswered
    | PhaseChanged | WorktreeReady | CheckpointMade | ChecklistUpdated | Pushed | PrOpened | SummaryWritten
    | PrUpdated | MemoryProposed | MemoryDecided | MemoryCommitted | JournalCommitted | MergeRequested
    | MergeRefused | PrMerged | PrClosed | WorktreeRemoved | Cancelled | LimitHit | Resumed | ModelSwapped
    | TimerFired | Posted | TurnEnded,
    Field(discriminator="kind"),
]  # fmt: skip

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Event)
KINDS: frozenset[str] = frozenset(k.model_fields["kind"].default for k in get_args(get_args(Event)[0]))


def parse(body: str) -> Event | None:
    """The event in ``body``, or None when its kind is unknown. A damaged body raises ValueError."""
    try:
        event: Event = _ADAPTER.validate_json(body)
    except ValidationError as error:
        if any(e["type"] == "union_tag_invalid" for e in error.errors(include_url=False)):
            return None
        raise
    return event


def dump(event: Event) -> str:
    """The event as the JSON text that the store keeps."""
    return event.model_dump_json()
