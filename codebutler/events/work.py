"""What the thread makes: plan, branch, pull request."""

from typing import Literal

from codebutler.events.vocabulary import Phase
from codebutler.types import (
    ChecklistItem,
    Person,
    Plan,
    Record,
)


class BaseResolved(Record):
    """Where the thread stands: the commit that roles read, and the branch that a PR will target."""

    kind: Literal["base_resolved"] = "base_resolved"
    commit: str
    branch: str
    notices: list[str] = []


class PlanProposed(Record):
    """The PM proposed a plan. An approval names its ``hash`` and ``base``."""

    kind: Literal["plan_proposed"] = "plan_proposed"
    plan: Plan
    hash: str
    base: str


class PlanApproved(Record):
    """A person approved exactly this plan on exactly this base.

    ``unplanned``: it is their own request, sent straight to the Coder; the PM has nothing to answer.
    """

    kind: Literal["plan_approved"] = "plan_approved"
    message: int
    hash: str
    base: str
    by: Person
    unplanned: bool = False


class PlanDropped(Record):
    """The plan is off the table."""

    kind: Literal["plan_dropped"] = "plan_dropped"
    hash: str
    why: str


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


class SetupStarted(Record):
    """The commit's dependencies are being installed, as these recipes say."""

    kind: Literal["setup_started"] = "setup_started"
    commit: str
    recipes: list[str]


class SetupPart(Record):
    """What became of one recipe. ``cached``: not for this thread. ``why`` is empty for one that succeeded;
    ``fix`` says what would help."""

    recipe: str
    key: str
    cached: bool = False
    why: str = ""
    output: str = ""
    fix: str = ""


class SetupFinished(Record):
    """The commit's dependencies are installed, or it is known why they are not."""

    kind: Literal["setup_finished"] = "setup_finished"
    commit: str
    parts: list[SetupPart]


class CheckpointMade(Record):
    """The worktree's state was saved as a commit on the thread's branch.

    ``after`` is the last event before the folder was looked at: others came while the commit was made. 0: it
    is not known, and none did.
    """

    kind: Literal["checkpoint_made"] = "checkpoint_made"
    commit: str
    message: str
    files: list[str] = []
    after: int = 0


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
    """The Lead's retrospective. ``coder_md`` are lines that people may add to the Coder's prompt."""

    kind: Literal["summary_written"] = "summary_written"
    title: str
    summary: str
    changes: list[str] = []
    decisions: list[str] = []
    improvements: list[str] = []
    tips: list[str] = []
    coder_md: list[str] = []


class PrFlagged(Record):
    """What people are pointed at: notes that the pull request adds, and files that run by themselves."""

    kind: Literal["pr_flagged"] = "pr_flagged"
    todo: list[str] = []
    risky: list[str] = []


class PrUpdated(Record):
    """The pull request's title and body were set."""

    kind: Literal["pr_updated"] = "pr_updated"
    number: int
    title: str


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
    queued: bool = False
    """The forge's merge queue has it: it lands without another word, unless it is taken out."""


class QueueLeft(Record):
    """The pull request is in no merge queue of the forge any more, or was in none."""

    kind: Literal["queue_left"] = "queue_left"
    number: int


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


class WorkspaceIdle(Record):
    """Nothing has happened in the thread for long, or an admin (``by``) says so: its folder can go."""

    kind: Literal["workspace_idle"] = "workspace_idle"
    by: Person | None = None


class WorkspacePutAway(Record):
    """The worktree's folder is gone until it is needed again; the branch stays. ``kept``: why it is not."""

    kind: Literal["workspace_put_away"] = "workspace_put_away"
    kept: str = ""
