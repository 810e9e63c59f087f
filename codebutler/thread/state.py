"""What a turn needs to know of its thread. Rebuilt from the log by ``thread.fold``; never saved."""

from __future__ import annotations

from dataclasses import dataclass, field

from codebutler import events as ev
from codebutler.agent.frame import Frame
from codebutler.agent.standing import Standing
from codebutler.thread.researches import Research
from codebutler.types import Attachment, ChecklistItem, MemoryItem, Person

AGAIN = "~"
"""Parts a post's source from the number of rewinds before it: what is said anew after one is another post."""


@dataclass(slots=True)
class Spend:
    """What a role used with one model. Tokens are the provider's count, ``usd`` dollars."""

    calls: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    usd: float = 0.0
    priced: bool = True
    tools: int = 0
    seconds: float = 0.0
    broken: int = 0
    """Answers that were paid for and broke off, or were of no use: no calls, but in tokens and ``usd``."""
    broken_usd: float = 0.0

    def add(self, other: Spend) -> None:
        """Count what ``other`` counts, too."""
        self.calls += other.calls
        self.input += other.input
        self.output += other.output
        self.cached += other.cached
        self.usd += other.usd
        self.priced = self.priced and other.priced
        self.tools += other.tools
        self.seconds += other.seconds
        self.broken += other.broken
        self.broken_usd += other.broken_usd


@dataclass(slots=True)
class Exchange:
    """One escalation from a role to the PM."""

    frame: str
    call_id: str
    role: str
    question: str
    answer: str | None = None


@dataclass(slots=True)
class ThreadState:
    """Everything a turn needs to know. Rebuilt from the log; never saved."""

    id: str
    seq: int = 0
    ts: float = 0.0
    opened: ev.ThreadOpened | None = None
    opened_at: float = 0.0
    title: str = ""
    """What lists call the thread: its plan's title, and before there is one the request's first line."""
    phase: ev.Phase = "pm"
    frames: dict[str, Frame] = field(default_factory=dict)
    unread: dict[int, ev.MessageReceived] = field(default_factory=dict)
    heard: dict[tuple[str, str], str] = field(default_factory=dict)
    """Text of every message by door and key: a change of it is told from an event that changes nothing."""
    begun: set[int] = field(default_factory=set)
    """Messages that began with a word that stops, which was obeyed: what else they say is for a role."""
    late: dict[int, str] = field(default_factory=dict)
    """Changes (by their seq: edited, deleted) of messages that had been read; nobody was told yet."""
    overheard: dict[str, dict[int, str]] = field(default_factory=dict)
    """By frame: what people said to the PM while it worked out that role's answer."""
    issue: int = 0
    """The number of the GitHub issue that the thread was asked about; 0 for none."""
    issues: list[str] | None = None
    """Issues that the first message is about; None before there is one."""
    held: list[str] = field(default_factory=list)
    """Those that are this thread's: no other is to work on them."""
    overlaps: dict[str, set[str]] = field(default_factory=dict)
    """By thread: what people were told of it (``level:detail``). One that has landed is gone from here."""
    rebase: ev.RebaseRequested | None = None
    onto: ev.RebaseBegun | None = None
    """The rebase that is under way."""
    mend: ev.MendRequested | None = None
    """What checks or reviewers found on the pull request, until a Coder's run has seen to it."""
    mending: str = ""
    """That run's frame."""
    mends: list[ev.MendRequested] = field(default_factory=list)
    """What people asked for meanwhile: each has a run of its own, one after the other."""
    idle: bool = False
    """The worktree's folder is to be put away."""
    reminder: int = 0
    """The seq of a reminder that came due and was not shown yet."""
    people: dict[tuple[str, str], Person] = field(default_factory=dict)
    base: ev.BaseResolved | None = None
    plugs: dict[str, ev.McpListed] = field(default_factory=dict)
    """What MCP servers offered when the thread first asked, by server."""
    unplugged: set[tuple[str, str]] = field(default_factory=set)
    """Roles and servers that could not be had when the role began."""
    plan: ev.PlanProposed | None = None
    plan_step: int = 0
    """``steps`` when the plan was put on the table."""
    approval: ev.PlanApproved | None = None
    named: set[str] = field(default_factory=set)
    """Files that approved plans name."""
    unnamed: bool = False
    """An approved plan named no files, so any file may be meant."""
    carried_out: str = ""
    """Hash of the plan that a Coder has finished."""
    question: ev.QuestionAsked | None = None
    answers: dict[str, str] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    worktree: ev.WorktreeReady | None = None
    setting_up: ev.SetupStarted | None = None
    """What was to be installed last."""
    setup: ev.SetupFinished | None = None
    head: str = ""
    files: set[str] = field(default_factory=set)
    wrote: set[str] = field(default_factory=set)
    """Files that a role wrote by its tools: git may ignore them, and no commit would have them."""
    checklist: list[ChecklistItem] = field(default_factory=list)
    pushed: str = ""
    pr: ev.PrOpened | None = None
    pr_state: str = ""
    summary: ev.SummaryWritten | None = None
    body_written: bool = False
    flags: ev.PrFlagged = field(default_factory=ev.PrFlagged)
    link: str = ""
    """Where people find the conversation in which the thread was opened, if its door knows."""
    memory: list[MemoryItem] | None = None
    """Proposed items that await a decision; None when there are none."""
    marks: list[ev.Mark] = field(default_factory=list)
    """What was said of each of them so far."""
    turned_away: list[str] = field(default_factory=list)
    """Lessons that were proposed and that memory holds already."""
    unfit: list[str] = field(default_factory=list)
    """Those that have no place in their file as it is, and why."""
    set_aside: list[MemoryItem] = field(default_factory=list)
    """Items that were decided against: until the merge they can be taken up again."""
    weighed: ev.MemoryWeighed | None = None
    workflow: ev.WorkflowChosen | None = None
    """How the task is gone about."""
    steps_done: dict[str, str] = field(default_factory=dict)
    """Automatic steps that the engine carried out, by id."""
    kept: list[ev.MemoryDecided] = field(default_factory=list)
    memory_commits: int = 0
    journal: ev.JournalCommitted | None = None
    merge: ev.MergeRequested | None = None
    """The word to merge that holds: nobody spoke to the team after it."""
    broken_off: ev.MergeRequested | None = None
    """One whose turn failed before the merge: "go" takes it up again, and no other word does."""
    merged: ev.PrMerged | None = None
    refused: str = ""
    """Why the last merge did not go through."""
    queued: bool = False
    """The forge's merge queue may have the pull request: by a word to merge, and nobody took it out since."""
    removed: bool = False
    halted: str = ""
    """Why nothing goes on until a person speaks: failed, paused, cancelled."""
    paused_at: int = 0
    """Where a person paused the thread: plain words are kept unread until it is resumed. 0 = it is not."""
    cancelled_at: int = 0
    """Where a person cancelled: what was said before it does not set the work off again."""
    called_off: bool = False
    """People have stopped the work, and neither approved nor resumed any since: talk is neither."""
    listed: bool = False
    """Whether the list of memory items was shown after that: a "yes" answers the list."""
    models: dict[str, str] = field(default_factory=dict)
    """By role: what a person has chosen in this thread."""
    asked: dict[str, str] = field(default_factory=dict)
    """By role: the model that its last call went to."""
    standing: Standing = field(default_factory=Standing)
    spend: dict[tuple[str, str], Spend] = field(default_factory=dict)
    cut_off: int = 0
    """Tokens, at most, of model calls that were cut off: nobody knows what they took."""
    cut_off_usd: float = 0.0
    """What caps count for those, in dollars."""
    raised_usd: float = 0.0
    attached: dict[str, Attachment] = field(default_factory=dict)
    """Files that people sent, by the name under which roles know them."""
    made: dict[str, ev.ImageMade] = field(default_factory=dict)
    """Pictures that were bought, by call."""
    buying: dict[str, ev.ImageOrdered | ev.SpeechSent] = field(default_factory=dict)
    """Pictures and transcripts that are under way, by call or by recording."""
    transcripts: dict[tuple[int, str], ev.Transcribed] = field(default_factory=dict)
    """By message (its seq) and recording (its SHA-256)."""
    limit: ev.LimitHit | None = None
    """The cap that was hit last."""
    speaker: Person | None = None
    """Who spoke last."""
    requested: dict[str, ev.ModelRequested] = field(default_factory=dict)
    """By frame: a model call without a reply in the log."""
    researches: dict[str, Research] = field(default_factory=dict)
    """By the Researcher's frame, oldest first."""
    hired: int = 0
    """Researchers that were asked since a turn ended."""
    outcome: ev.Outcome | None = None
    unended: bool = False
    """Something was done since the last turn ended: a worker that died here owes people an end."""
    owed: tuple[ev.Outcome, str] | None = None
    """What was to end this turn, and the words for it: in the log, but not said yet."""
    said: set[str] = field(default_factory=set)
    """Sources of the messages that were posted."""
    rewinds: int = 0
    live: list[tuple[int, float, ev.Event]] = field(default_factory=list, compare=False, repr=False)
    """(seq, unix time, event) of all that no rewind has undone: what ``fold_past`` goes back over."""

    @property
    def usd(self) -> float:
        """What the thread has cost so far, in dollars."""
        return sum(s.usd for s in self.spend.values())

    @property
    def at_work(self) -> str:
        """The role that the next model call is for, as far as can be told."""
        if self.halted.startswith("paused: ") and self.limit is not None and self.limit.frame in self.frames:
            return self.frames[self.limit.frame].role
        if self.open_exchange is not None:
            return "pm"
        if self.opened is not None and self.opened.mode == "coder":
            return "coder"
        lead = self.frame("lead")
        if self.phase == "lead" and lead is not None and lead.ended is not None:
            return "pm"  # the Lead has looked back: what is said now, the PM hears
        return self.phase if self.phase in {"coder", "lead"} else "pm"

    def model_of(self, role: str) -> str:
        """The model that ``role`` uses; "" before its first call."""
        return self.asked.get(role) or self.models.get(role, "")

    @property
    def steps(self) -> int:
        """Model replies so far, over all roles but Researchers, who work beside the others."""
        return sum(f.step for f in self.frames.values() if f.id not in self.researches)

    @property
    def open_exchange(self) -> Exchange | None:
        """The escalation that the PM has not answered yet."""
        return next((x for x in self.exchanges if x.answer is None), None)

    def open_researches(self, asker: str = "") -> list[Research]:
        """Researches that have not come back, all or those of one asking frame, oldest first."""
        return [r for r in self.researches.values() if r.outcome is None and asker in {"", r.asker}]

    @property
    def plan_waits(self) -> bool:
        """A plan is on the table and nobody has approved it."""
        return self.plan is not None and (self.approval is None or self.approval.hash != self.plan.hash)

    @property
    def only_unmerged(self) -> bool:
        """It stands still for a merge that was refused and for nothing else: nobody has stopped it."""
        return bool(self.refused) and self.halted == "failed" and not self.paused_at

    @property
    def coding(self) -> bool:
        """An approved plan waits for the Coder or is being carried out. With a pull request open, only while
        nobody has stopped it: what a stopped Coder left can be merged as it is."""
        if self.merged is not None or self.phase == "closed":
            return False
        due = self.approval is not None and self.carried_out != self.approval.hash and not self.plan_waits
        if self.pr_state == "open":
            return not self.halted and ((due and self.plan is not None) or self.mending in self.frames)
        return self.phase == "coder" or due

    @property
    def withdrawn(self) -> bool:
        """All that was said was taken back before anybody read it; whoever speaks now opens it again."""
        return self.phase == "closed" and not self.frames

    @property
    def undone(self) -> bool:
        """The Coder's last run has changed nothing: another starts once a person says so."""
        coder = self.frame("coder")
        return coder is not None and coder.ended == "failed"

    @property
    def planless(self) -> bool:
        """Nobody can be reached to plan what was asked for: a person may send it straight to the Coder."""
        return self.standing.unreachable == "pm" and self.phase == "pm" and self.approval is None

    @property
    def left_unsaved(self) -> bool:
        """A Coder that was broken off may have written what no checkpoint holds."""
        working = any(f.role == "coder" and f.ended is None and f.step for f in self.frames.values())
        return working and self.worktree is not None and not self.removed

    def frame(self, role: str) -> Frame | None:
        """The role's latest run."""
        return next((f for f in reversed(self.frames.values()) if f.role == role), None)
