"""The kinds of events that make up a thread. The log of these is the thread; all else is a projection.

Bodies are JSON on disk. To stay readable for years: never rename or retype a field, only add fields with
a default; a kind that is no longer written keeps its class. Unknown kinds are skipped by ``parse``.

Two conventions carry the fold (``thread.fold``):
``message`` is the ``seq`` of the ``message_received`` that caused the event and is thereby dealt with;
``frame`` is the run of a role (``pm``, ``coder-1``, ``lead-1``) whose transcript the event extends.

talk.py people and roles; steps.py a role's run; plugs.py MCP servers; work.py what the thread makes;
memory.py what the team learns; neighbours.py other threads; history.py going back;
mending.py what checks and reviewers find; media.py pictures and speech; research.py Researchers;
vocabulary.py shared words.
"""

from __future__ import annotations

import json
import re
from typing import TypeAlias, cast, get_args

from pydantic_core import PydanticSerializationError

from codebutler.events.history import Forked, Rewound
from codebutler.events.media import ImageMade, ImageOrdered, SpeechSent, Transcribed
from codebutler.events.memory import (
    Mark,
    MemoryCommitted,
    MemoryDecided,
    MemoryMarked,
    MemoryProposed,
    MemoryWeighed,
    StepDone,
    WorkflowChosen,
    WorkflowStep,
)
from codebutler.events.mending import MendBegun, MendRequested
from codebutler.events.neighbours import (
    IssueHeld,
    NeighbourLanded,
    OverlapFound,
    RebaseBegun,
    RebaseRequested,
)
from codebutler.events.plugs import McpListed, McpTool
from codebutler.events.research import ResearchFinished, ResearchStarted
from codebutler.events.steps import (
    CircuitChanged,
    Compacted,
    FrameEnded,
    FrameStarted,
    LimitHit,
    ModelFailed,
    ModelReplied,
    ModelRequested,
    Nudged,
    ResultsCleared,
    StoodIn,
    ToolFinished,
    ToolStarted,
)
from codebutler.events.talk import (
    Cancelled,
    CommandHandled,
    EscalationAnswered,
    EscalationAsked,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    MessageTaken,
    ModelSwapped,
    Paused,
    Posted,
    QuestionAnswered,
    QuestionAsked,
    Resumed,
    ThreadOpened,
    TimerFired,
    TurnEnded,
)
from codebutler.events.vocabulary import Cap, Outcome, Phase
from codebutler.events.work import (
    BaseResolved,
    ChecklistUpdated,
    CheckpointMade,
    JournalCommitted,
    MergeRefused,
    MergeRequested,
    PhaseChanged,
    PlanApproved,
    PlanDropped,
    PlanProposed,
    PrClosed,
    PrFlagged,
    PrMerged,
    PrOpened,
    PrUpdated,
    Pushed,
    QueueLeft,
    SetupFinished,
    SetupPart,
    SetupStarted,
    SummaryWritten,
    WorkspaceIdle,
    WorkspacePutAway,
    WorktreeReady,
    WorktreeRemoved,
)
from codebutler.types import Record
from codebutler.wellformed import well_formed

__all__ = [
    "KINDS",
    "BaseResolved",
    "Cancelled",
    "Cap",
    "ChecklistUpdated",
    "CheckpointMade",
    "CircuitChanged",
    "CommandHandled",
    "Compacted",
    "EscalationAnswered",
    "EscalationAsked",
    "Event",
    "Forked",
    "FrameEnded",
    "FrameStarted",
    "ImageMade",
    "ImageOrdered",
    "IssueHeld",
    "JournalCommitted",
    "LimitHit",
    "Mark",
    "McpListed",
    "McpTool",
    "MemoryCommitted",
    "MemoryDecided",
    "MemoryMarked",
    "MemoryProposed",
    "MemoryWeighed",
    "MendBegun",
    "MendRequested",
    "MergeRefused",
    "MergeRequested",
    "MessageDeleted",
    "MessageEdited",
    "MessageReceived",
    "MessageTaken",
    "ModelFailed",
    "ModelReplied",
    "ModelRequested",
    "ModelSwapped",
    "NeighbourLanded",
    "Nudged",
    "Outcome",
    "OverlapFound",
    "Paused",
    "Phase",
    "PhaseChanged",
    "PlanApproved",
    "PlanDropped",
    "PlanProposed",
    "Posted",
    "PrClosed",
    "PrFlagged",
    "PrMerged",
    "PrOpened",
    "PrUpdated",
    "Pushed",
    "QuestionAnswered",
    "QuestionAsked",
    "QueueLeft",
    "RebaseBegun",
    "RebaseRequested",
    "ResearchFinished",
    "ResearchStarted",
    "ResultsCleared",
    "Resumed",
    "Rewound",
    "SetupFinished",
    "SetupPart",
    "SetupStarted",
    "SpeechSent",
    "StepDone",
    "StoodIn",
    "SummaryWritten",
    "ThreadOpened",
    "TimerFired",
    "ToolFinished",
    "ToolStarted",
    "Transcribed",
    "TurnEnded",
    "WorkflowChosen",
    "WorkflowStep",
    "WorkspaceIdle",
    "WorkspacePutAway",
    "WorktreeReady",
    "WorktreeRemoved",
    "dump",
    "parse",
]

Event: TypeAlias = (
    ThreadOpened | MessageReceived | MessageTaken | CommandHandled | BaseResolved | FrameStarted | FrameEnded
    | Nudged | ModelRequested | ModelReplied | ModelFailed | ToolStarted | ToolFinished | PlanProposed
    | PlanApproved | PlanDropped | QuestionAsked | QuestionAnswered | EscalationAsked | EscalationAnswered
    | PhaseChanged | WorktreeReady | SetupStarted | SetupFinished | CheckpointMade | ChecklistUpdated
    | Pushed | PrOpened | SummaryWritten | PrUpdated | MemoryProposed | MemoryDecided | MemoryCommitted
    | JournalCommitted | MergeRequested | QueueLeft
    | MergeRefused | PrMerged | PrClosed | WorktreeRemoved | Cancelled | LimitHit | Resumed | ModelSwapped
    | TimerFired | Posted | TurnEnded | MessageEdited | MessageDeleted | Paused | Compacted | Rewound
    | Forked | ResearchStarted | ResearchFinished | CircuitChanged | StoodIn | McpListed
    | ImageOrdered | ImageMade | SpeechSent | Transcribed | MemoryMarked | MemoryWeighed | WorkflowChosen
    | StepDone | PrFlagged | OverlapFound | NeighbourLanded | IssueHeld | RebaseRequested | RebaseBegun
    | MendRequested | MendBegun | WorkspaceIdle | WorkspacePutAway | ResultsCleared
)  # fmt: skip

_CLASSES: dict[str, type[Record]] = {c.model_fields["kind"].default: c for c in get_args(Event)}
KINDS: frozenset[str] = frozenset(_CLASSES)
_KIND = re.compile(r'\{"kind": ?"([a-z_]+)"')
"""How a body begins that ``dump`` has written, whatever the version."""


def parse(body: str) -> Event | None:
    """The event in ``body``, or None when its kind is unknown. A damaged body raises ValueError."""
    found = _KIND.match(body)
    kind = found[1] if found is not None else _said(body)
    event = _CLASSES.get(kind)
    return None if event is None else cast("Event", event.model_validate_json(body))


def _said(body: str) -> str:
    """The kind that a body names at any other place than the first."""
    told = json.loads(body)
    kind = told.get("kind") if isinstance(told, dict) else None
    if isinstance(kind, str):
        return kind
    raise ValueError("an event is an object that names its kind")


def dump(event: Record) -> str:
    """The event, or a record of one, as the JSON text that the store keeps."""
    try:
        return event.model_dump_json()
    except PydanticSerializationError:  # a model or a person sent half of a surrogate pair
        return type(event).model_validate(well_formed(event.model_dump())).model_dump_json()
