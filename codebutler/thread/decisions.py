"""What a person's word does to a thread. Commands and buttons end here; each names the message it obeys."""

from __future__ import annotations

import hashlib
from typing import Literal, Protocol

from msgspec import Struct

from codebutler.dollars import exact
from codebutler.errors import RepoError, UsageError
from codebutler.events import (
    Cancelled,
    Cap,
    CommandHandled,
    Event,
    MergeRequested,
    MessageReceived,
    ModelSwapped,
    Paused,
    PlanApproved,
    PlanDropped,
    PlanProposed,
    Resumed,
)
from codebutler.store.rows import ThreadRow
from codebutler.text import fit
from codebutler.thread import access, fork, kept_prs, planfile, remembering, rewind, swap
from codebutler.thread.lastword import CLOSED, RAISABLE, SHARED, TERMINAL, UNFINISHED, stopped
from codebutler.thread.state import ThreadState
from codebutler.thread.tabled import changing, dropped_plan, not_for_it
from codebutler.thread.thread import Thread
from codebutler.toolset.desk import EndTurn
from codebutler.types import Outbound, Person, Plan, PlanStep

REQUEST_CHARS = 8_000
TOO_EARLY = (
    'There is no open pull request to merge yet: the Coder is not done. Say **"merge"** once there is.'
)
AT_WORK = (
    'The Coder is at work on #{number}: what it does now would land with it, unread. Say **"merge"** once it '
    'is done, or **"cancel"** first.'
)
UNPLANNED = "No PM has planned this: the request goes to the Coder as it was given."


class Word(Struct, frozen=True):
    """A message that is being obeyed: its ``seq`` in the log, who wrote it, the plan they can have read."""

    seq: int
    by: Person
    seen: str = ""
    more: bool = False
    """It only begins with the command: it stays unread, and a role is given it later."""


class Command(Protocol):
    """A message that was understood as a command."""

    @property
    def name(self) -> str:
        """The command's name."""
        ...

    async def run(self, decide: Decisions, word: Word) -> str:
        """Do it; returns what to tell the person ("" = the effect speaks for itself)."""
        ...


class Interpreter(Protocol):
    """Tells commands from conversation (commands.registry)."""

    def read(self, state: ThreadState, message: MessageReceived) -> Command | None:
        """The command that ``message`` is in this state, or None for plain words."""
        ...


class Decisions:
    """The decisions that a person can take on a thread. They are logged by ``tell``, with the answer."""

    def __init__(self, thread: Thread) -> None:
        """Decisions on ``thread``."""
        self._thread = thread
        self.taken: list[Event] = []
        """What was decided, and is not in the log yet."""
        self.was_refused = self.misused = False
        self.answer: Outbound | None = None
        """What is shown in place of plain words."""

    @property
    def state(self) -> ThreadState:
        """The thread's state."""
        return self._thread.state

    @property
    def thread(self) -> Thread:
        """The thread itself."""
        return self._thread

    async def approve(self, word: Word, plan_hash: str) -> str:
        """Approve exactly the plan with this hash ("" = the one on the table)."""
        if (why := not_for_it(self.state, plan_hash, word.seen)) or (plan := self.state.plan) is None:
            return why
        if why := self.refused(word, "approve", "approve in this thread") or changing(self.state):
            return why
        try:
            edited = await planfile.edited(self._thread)
        except RepoError as error:
            return f"The plan's file cannot be read, so that nothing is approved: {error}"
        if edited is not None and plan_hash:
            return "The plan's file was edited since. **/approve** takes it as it stands now."
        if edited is not None:
            plan = edited
            self.take(edited)
        self.take(PlanApproved(message=word.seq, hash=plan.hash, base=plan.base, by=word.by))
        return f"{word.by.label} approved the plan as its file stands now." if edited is not None else ""

    async def code(self, word: Word, text: str) -> str:
        """Send the request straight to the Coder: what was asked for is the plan, and this its approval."""
        if self.state.phase != "pm" or self.state.approval is not None or self.state.merged is not None:
            return "A plan was approved in this thread already."
        if self.state.opened is not None and self.state.opened.mode == "coder":
            return "The Coder has this request already."
        if why := self.refused(word, "approve", "approve in this thread"):
            return why
        request = text.strip() or requested(self.state)
        if not request:
            return "Say what is to be done: **/code** and the request."
        await self._thread.load_rules()
        base = (await self._thread.space.base()).commit
        title = self.state.opened.title if self.state.opened else "As requested"
        plan = Plan(title=title, summary=UNPLANNED, steps=[PlanStep(text=request)])
        mark = hashlib.sha256((plan.model_dump_json() + base).encode()).hexdigest()
        self.take(
            PlanProposed(plan=plan, hash=mark, base=base),
            PlanApproved(message=word.seq, hash=mark, base=base, by=word.by, unplanned=True),
        )
        return f"{word.by.label} sends this straight to the Coder, without a plan of the PM."

    async def cancel(self, word: Word) -> str:
        """Stop what is under way, and take a waiting plan off the table. Work done stays on the branch."""
        if self.state.halted == "cancelled":
            return stopped(self.state)
        if self.state.merged is not None or self.state.phase == "closed":
            return "It is merged already." if self.state.merged else "This thread is closed."
        events: list[Event] = [Cancelled(message=word.seq, by=word.by, more=word.more)]
        if self.state.plan is not None and self.state.plan_waits:
            events.append(PlanDropped(hash=self.state.plan.hash, why=f"cancelled by {word.by.label}"))
        waits = [self.state.question.timer] if self.state.question else []
        await self._thread.log.append(*events, drop_timers=waits)
        raise EndTurn("cancelled", f"by {word.by.label}")

    async def pause(self, word: Word) -> str:
        """Stop after the step that is under way, and keep what people say until somebody resumes."""
        if self.state.phase == "closed":
            return "This thread is closed."
        if self.state.paused_at:
            return "This thread is paused already."
        self.take(Paused(message=word.seq, by=word.by, more=word.more))
        raise EndTurn("paused", f"by {word.by.label}")

    async def retry(self, word: Word, raise_usd: float = 0.0) -> str:
        """Go on after a failure, a pause or a cancel; ``raise_usd`` lifts the cap that stopped it."""
        if raise_usd and (why := self._not_by_raising(word)):
            return why
        if raise_usd and (cap := self._stopped_by()) in SHARED:
            await self._thread.lift(cap, raise_usd, word.seq)
            self.take(Resumed(message=word.seq, by=word.by, raise_usd=raise_usd, cap=cap))
            return f"That cap is {exact(raise_usd)} higher today, for all threads."
        was_paused = self.state.paused_at
        self.take(Resumed(message=word.seq, by=word.by, raise_usd=max(0.0, raise_usd)))
        if (plan := dropped_plan(self.state)) is not None:
            self.take(plan)
        if raise_usd:
            return self._raised(raise_usd)
        return f"Resumed by {word.by.label}." if was_paused else ""

    async def merge(self, word: Word) -> str:
        """Merge the pull request; memory items that are undecided when it has landed are dropped."""
        if words := await kept_prs.land(self, word):
            return words
        if self.state.merged is not None:
            return f"#{self.state.merged.number} is merged as `{self.state.merged.commit[:12]}`."
        if self.state.pr is None or self.state.pr_state != "open":
            self.was_refused = True
            if self.state.pr is not None and self.state.pr_state == "closed" and not self.state.coding:
                return CLOSED.format(number=self.state.pr.number)
            return TOO_EARLY if self.state.coding else "There is no open pull request to merge."
        if why := self.refused(word, "merge", "merge in this thread"):
            return why
        if self.state.rebase is not None:
            return f'{UNFINISHED} Say **"go"** to go on with it.'
        if self.state.coding:
            self.was_refused = True
            return AT_WORK.format(number=self.state.pr.number)
        may = access.may(self._thread.config.access, self.state, word.by, "memory")
        decided = remembering.settled(self.state, word) if may or all(self.state.marks) else []
        self.take(*decided, MergeRequested(message=word.seq, by=word.by))
        return ""

    async def swap_model(self, word: Word, role: str, wish: str) -> str:
        """Give ``role`` another model from its next step on; ``wish`` is a name of its pool or a model id."""
        await self._thread.load_rules()
        if not wish.strip():
            return "\n".join([swap.shown(self._thread, role), *swap.away(self._thread, role)])
        model, problem = await swap.chosen(self._thread, role, wish.strip())
        if problem:
            raise UsageError(problem)
        self.take(ModelSwapped(message=word.seq, role=role, model=model))
        return swap.changed(self._thread, role, model)

    async def show_models(self) -> str:
        """What each role uses."""
        rules = await self._thread.load_rules()
        shown = [*(swap.shown(self._thread, role) for role in rules.roles), *swap.away(self._thread)]
        return "\n".join(f"- {line}" for line in shown)

    async def threads(self, word: Word) -> list[ThreadRow]:
        """The open threads that a person may see from here: at a terminal all, else their own."""
        rows = [row for row in await self._thread.host.store.threads() if row.phase != "closed"]
        mine = [r for r in rows if word.by.surface == TERMINAL or r.owner == word.by.label]
        return sorted(mine, key=lambda r: r.updated_at, reverse=True)

    async def rewind(self, word: Word, number: int) -> str:
        """Go back to a point."""
        if why := self.refused(word, "approve", "rewind this thread"):
            return f'{why} **"fork {number}"** makes one of your own.'
        try:
            return await rewind.rewind(self._thread, word.seq, word.by, number)
        except RepoError as error:
            return f"It could not be taken back: {error}."

    async def fork(self, word: Word, number: int | None) -> str:
        """A second thread from a point, of whoever says so."""
        try:
            return await fork.fork(self._thread, word.seq, word.by, number)
        except RepoError as error:
            return f"It could not be forked: {error}."

    async def tell(self, word: Word, name: str, text: str) -> None:
        """Log what was decided and answer the command, in one commit: a crash must not part the two."""
        events, self.taken = self.taken, []
        if text or not events:
            handled = CommandHandled(message=word.seq, name=name, by=word.by, result=text)
            events.append(handled.model_copy(update={"refused": self.was_refused, "misused": self.misused}))
        if text:
            notice = self.answer or Outbound(text=text, kind="notice")
            await self._thread.post(notice, key=f"command:{word.seq}", before=events)
        else:
            await self._thread.append(*events)
        if any(isinstance(event, ModelSwapped) for event in events):
            await self._thread.show_status()

    def take(self, *events: Event) -> None:
        """Have events logged with the answer."""
        self.taken += events

    def _raised(self, usd: float) -> str:
        """What caps a raise by ``usd`` leaves: it is said each time, as each raise counts."""
        cap, more = self._thread.usd_cap, exact(self.state.raised_usd + usd)
        thread = "" if cap is None else f"This thread's cap is {exact(cap + usd)} now; "
        return f"{thread}{'each' if thread else 'Each'} role's run may cost {more} more than its own cap."

    def _stopped_by(self) -> Cap | Literal[""]:
        """The cap at which the thread stands; "" when it is none."""
        hit = self.state.limit
        return hit.cap if self.state.halted and hit is not None else ""

    def _not_by_raising(self, word: Word) -> str:
        """Why a raise would not help or is not theirs to give, or ""."""
        if self._thread.config.limits.on_cap == "stop":
            return (
                "This host ends runs at a cap (`limits.onCap` is `stop`), so a thread cannot raise its own."
            )
        cap, hit = self._stopped_by(), self.state.limit
        if cap in SHARED:
            self.was_refused = word.by.surface != TERMINAL
            return "Only whoever runs the host may raise that cap." if self.was_refused else ""
        if cap not in RAISABLE and hit is not None:
            return (
                f"A raise lifts caps of dollars and tokens. What stopped this thread is another: {hit.what}."
            )
        return self.refused(word, "raise", "raise the cap")

    def refused(self, word: Word, act: access.Act, what: str) -> str:
        """Why the person may not do it; "" when they may."""
        rules = self._thread.config.access
        if access.may(rules, self.state, word.by, act):
            return ""
        self.was_refused = True
        only = f"Only {access.who(rules, self.state, act)} may {what}."
        return f"{only} {access.elsewhere(rules, self.state, word.by, act)}".rstrip()


def requested(state: ThreadState) -> str:
    """What people have asked of the PM so far, in their words."""
    pm = state.frames.get("pm")
    said = [m["content"] for m in pm.messages if m["role"] == "user"] if pm else []
    return fit("\n\n".join(text for text in said if isinstance(text, str)), REQUEST_CHARS)
