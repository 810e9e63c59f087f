"""The end of a thread, on a person's word: journal, merge, report, cleanup."""

from __future__ import annotations

from dataclasses import replace

from codebutler.errors import CodeButlerError, InMergeQueue, RepoError
from codebutler.events import (
    CheckpointMade,
    Event,
    FrameEnded,
    JournalCommitted,
    MemoryDecided,
    MemoryProposed,
    MergeRefused,
    ModelReplied,
    PhaseChanged,
    PlanDropped,
    PrMerged,
    RebaseBegun,
)
from codebutler.forges.base import Forge
from codebutler.repo.objects import read_bytes
from codebutler.thread import access, lead, lessons, planfile, queueing, remembering, render
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.fold_memory import remembered_by
from codebutler.thread.identity import askers, co_authors
from codebutler.thread.journal import journal, journal_of
from codebutler.thread.landed import tell_others
from codebutler.thread.landing import closed_outside, meet_base, pushed_since
from codebutler.thread.lastword import STAYS, UNFINISHED
from codebutler.thread.state import ThreadState
from codebutler.types import MemoryItem, Outbound, Person

_WHOLE = 1 << 30
"""Bytes: a journal is read as a whole, or two long ones look alike."""
_DONE = (CheckpointMade, FrameEnded, MemoryDecided, ModelReplied, RebaseBegun)
"""Work that a journal tells of."""
SAY_AGAIN = "Read it, then say merge once it shall land"
ANEW = 'Say **"reopen"** and what is to be done if it is still wanted.'
_TRIES = 5
"""How often the branch is brought to terms with a base branch that moves while it is pushed."""


async def merge(desk: ThreadDesk) -> None:
    """Merge and clean up. Each part is skipped when the log says that it is done."""
    if desk.state.merged is None:
        if desk.state.pr_state == "open" and await lead.look_again(desk):
            return  # that took its time: what people said meanwhile comes before the merge
        try:
            if await closed_outside(desk, STAYS, MergeRefused(error="the pull request was closed outside")):
                return
            await _land(desk)
        except CodeButlerError as error:
            refused, words = await queueing.refusal(desk, error)
            said = Outbound(text=words, role="lead", kind="error")
            await desk.post(said, key=f"merge:{desk.state.seq}", before=[refused])
            return
    await _clean_up(desk)


async def show_unseen(desk: ThreadDesk) -> None:
    """What the Lead proposed as it looked back for a merge that did not come is put before people, once."""
    state = desk.state
    if not state.memory or state.merge is not None or state.merged is not None:
        return
    name = f"{lead.frame_name(desk)}-close"
    frame, key = state.frames.get(name), f"{name}:memory"
    over = frame is not None and frame.ended is not None
    if over and key not in state.said and lead.last_look(state):
        await desk.post(remembering.shown(state), key=key)


async def _land(desk: ThreadDesk) -> None:
    state = desk.state
    if state.pr is None or state.merge is None:
        raise CodeButlerError("there is no pull request to merge")
    if state.rebase is not None:
        raise CodeButlerError(UNFINISHED)
    await _heed(desk, queued=False)
    await desk.space.commit(render.pr_title(state))
    forge, base = await desk.space.forge(), (await desk.space.base()).branch
    async with desk.host.merging:
        for left in reversed(range(_TRIES)):
            met = await meet_base(desk)
            await _commit_journal(desk, met)
            try:
                await _merge(desk, forge, state.pr.number, state.merge.by)
            except CodeButlerError:
                if not left or not met or await forge.fetch(base) == met:
                    raise  # nobody merged meanwhile, so that trying again would change something
            else:
                return


async def _heed(desk: ThreadDesk, *, queued: bool) -> None:
    """CodeButlerError when somebody spoke against the merge at the forge, or pushed to the branch."""
    state, look = desk.state, desk.host.objection
    if state.pr is None or state.merge is None:
        return
    why = await look(state.id, state.pr.number, state.merge, queued=queued) if look is not None else ""
    if why := why or await pushed_since(desk, state.merge):
        raise CodeButlerError(f"#{state.pr.number} is left open: {why}", fix=SAY_AGAIN)


async def _merge(desk: ThreadDesk, forge: Forge, number: int, by: Person) -> None:
    head = await desk.space.push()
    pull, state = await forge.pull_hint(), desk.state
    named = await co_authors(desk.host.store, [*askers(state), by, *remembered_by(state)])

    async def patient() -> bool:
        try:
            await _heed(desk, queued=True)
        except RepoError as error:  # the forge is away, and it is in the queue
            words = f"#{number} is in the merge queue, and what is said of it cannot be looked up"
            raise InMergeQueue(f"{words}: {error}") from error
        return not (desk.turn.mail.is_set() or desk.turn.ending)

    with desk.turn.firm():
        result = await forge.merge(number, expected_head=head, co_authors=named, patient=patient)
        how = f"Get it with `{pull}`." if pull else ""
        text = f"Merged #{number} as `{result.sha[:12]}`. {how}{_left(desk, by)}"
        await desk.post(
            Outbound(text=text, role="lead"),
            key=f"merged:{number}",
            before=[PrMerged(number=number, commit=result.sha, by=by), *_undecided(desk, by)],
        )


def _undecided(desk: ThreadDesk, by: Person) -> list[Event]:
    """Only a merge that landed drops what nobody has decided on: one that was refused changes nothing.

    Nor does the word of somebody who may not decide on memory: the list goes on waiting for those who may.
    What the Lead proposed as it looked back once more for the merge was before nobody's eyes, and waits.
    """
    asked, waiting = desk.state.merge, desk.state.memory
    if not waiting or asked is None or not _may_decide(desk, by) or not _passed_over(desk.state):
        return []
    dropped = MemoryDecided(message=asked.message, kept=[], by=by)
    fresh = [item for item in waiting if item not in _passed_over(desk.state)]
    return [dropped, MemoryProposed(items=fresh)] if fresh else [dropped]


def _passed_over(state: ThreadState) -> list[MemoryItem]:
    """Items that waited when somebody said to merge."""
    late = lead.last_look(state)
    return [item for item in state.memory or [] if item not in late]


def _may_decide(desk: ThreadDesk, by: Person) -> bool:
    return access.may(desk.config.access, desk.state, by, "memory")


def _left(desk: ThreadDesk, by: Person) -> str:
    """What a merge says of memory items that nobody has decided on."""
    items = _passed_over(desk.state)  # the others are put to the person once it has landed
    count = len(items)
    if not count:
        return ""
    if not _may_decide(desk, by):
        what = "1 memory proposal waits" if count == 1 else f"{count} memory proposals wait"
        return f"\n\n{what} for {access.who(desk.config.access, desk.state, 'memory')}."
    what = "1 memory proposal was" if count == 1 else f"{count} memory proposals were"
    way = 'Next time, say **"keep all"** or **"keep 1"** before **"merge"**.'
    waiting = desk.state.memory or []
    names = lessons.named(items, [waiting.index(item) + 1 for item in items])
    return f"\n\n{what} dropped, undecided: {names}. {way}"


async def _commit_journal(desk: ThreadDesk, base: str) -> None:
    """Once for each word to merge, even when a crash came between the first such commit and its event.

    What the commit ``base`` has of it is no such commit: the store is older than an earlier merge. Without a
    base there is nothing to meet any more: the merge was made, and what it took along stays as it is.
    """
    state, gitdir = desk.state, desk.host.repo.gitdir
    if _is_told(state) or (state.journal is not None and not base):
        return
    path, commit = journal_of(state.id), state.head
    text = desk.redact(journal(state, await desk.host.store.events(state.id))).encode()
    there = await read_bytes(gitdir, base, path, limit=_WHOLE) if base else None
    mine = await read_bytes(gitdir, state.head, path, limit=_WHOLE)
    if mine != text and (mine == there or state.journal is not None):
        commit = await desk.space.commit_files({path: text.decode()}, f"Journal of thread {state.id}")
    await desk.append(JournalCommitted(commit=commit, path=path))


def _is_told(state: ThreadState) -> bool:
    """Whether nothing was done since the journal was committed.

    That a merge was refused, and asked for again, is no reason for another commit: a protected branch wants
    checks of the head, and one that is new at each word would never have them.
    """
    for _, _, event in reversed(state.live):
        if isinstance(event, JournalCommitted):
            return True
        if isinstance(event, _DONE):
            return False
    return False


async def _drop_plan(desk: ThreadDesk) -> None:
    """A plan that nobody has approved does not outlive the merge, nor do its buttons; that is said."""
    state = desk.state
    if state.plan is None or not state.plan_waits or state.merged is None:
        return
    title, number = state.plan.plan.title, state.merged.number
    text = f"The plan “{title}”, which nobody has approved, is dropped with the merge of #{number}. {ANEW}"
    gone = PlanDropped(hash=state.plan.hash, why=f"#{number} was merged")
    await desk.post(Outbound(text=text, kind="notice"), key=f"dropped:{state.plan.hash}", before=[gone])


async def _clean_up(desk: ThreadDesk) -> None:
    await tell_others(desk)
    kept = await desk.space.remove(desk.state.pushed)
    if kept:
        await desk.tell_once(f"The worktree stays: {kept}.")
    await planfile.discard(desk)
    await _drop_plan(desk)
    await desk.post(render.report(desk.state), key="report")
    if desk.state.memory:
        await desk.post(remembering.shown(desk.state), key="report:memory")
    card = render.status(replace(desk.state, phase="closed"))
    await desk.post(card, key="status:closed", before=[PhaseChanged(phase="closed", why="merged")])
    await desk.log.update_row(phase="closed", status="merged")
