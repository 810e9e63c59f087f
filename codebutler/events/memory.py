"""What the team learns: lessons proposed, marked, decided, committed; workflows and what became of them."""

from typing import Literal, TypeAlias

from codebutler.types import MemoryItem, Person, Record

Mark: TypeAlias = Literal["", "keep", "drop"]
"""What a person has said of an item so far; "" = nothing."""


class MemoryProposed(Record):
    """Numbered lessons await a person's word. ``known`` were turned away: memory holds them already.

    ``aside`` have no place in their files as those are now, and may be taken up again; ``unfit`` says why.
    """

    kind: Literal["memory_proposed"] = "memory_proposed"
    items: list[MemoryItem]
    known: list[str] = []
    aside: list[MemoryItem] = []
    unfit: list[str] = []


class MemoryMarked(Record):
    """A person decided on some of the items; nothing is committed yet, and the next word may change it.

    ``items`` is the whole list as it is now, edits and additions among it, ``marks`` one for each.
    """

    kind: Literal["memory_marked"] = "memory_marked"
    message: int
    items: list[MemoryItem]
    marks: list[Mark]
    by: Person


class MemoryDecided(Record):
    """What a person kept, after edits and additions. ``dropped`` may be taken up again until the merge.

    ``apart``: it has nothing to do with the items that wait, such as an item that is taken back.
    ``numbers`` are those of the kept items in the list as it was shown. ``left_out`` is a line of what a
    merge drops, by number.
    """

    kind: Literal["memory_decided"] = "memory_decided"
    message: int
    kept: list[MemoryItem]
    by: Person
    dropped: list[MemoryItem] = []
    apart: bool = False
    numbers: list[int] = []
    left_out: str = ""


class MemoryCommitted(Record):
    """The kept items are on the thread's branch, or on ``branch`` ("" = the thread's own).

    ``commit`` "" = they were there already. ``refused`` are those that could not be put in, and why; those
    in ``aside`` may be taken up again once the cause is mended.
    """

    kind: Literal["memory_committed"] = "memory_committed"
    commit: str
    files: list[str] = []
    branch: str = ""
    refused: list[str] = []
    aside: list[MemoryItem] = []


class MemoryWeighed(Record):
    """Ids of the learned items that the roles of this thread were shown, and of those they made use of."""

    kind: Literal["memory_weighed"] = "memory_weighed"
    shown: list[str]
    used: list[str] = []


class WorkflowStep(Record):
    """A step as the thread shows it. ``id`` is that of its item in workflows.md."""

    id: str
    text: str
    who: str = ""
    automatic: bool = False


class WorkflowChosen(Record):
    """The PM goes about the task in this way."""

    kind: Literal["workflow_chosen"] = "workflow_chosen"
    name: str
    steps: list[WorkflowStep]


class StepDone(Record):
    """The engine carried an automatic step out by itself; ``what`` says how."""

    kind: Literal["step_done"] = "step_done"
    id: str
    what: str
