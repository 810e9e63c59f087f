"""A branch goes onto its base branch as that is now, and the Coder looks after it: no push is forced.

It is a merge of the base branch into the thread's, which the pull request squashes in the end: nobody's clone
of the branch breaks. Every step is in the log before its effect; a kill leaves it to be done, or done.
"""

from __future__ import annotations

import asyncio

from codebutler.agent.frame import Frame
from codebutler.events import CheckpointMade, Nudged, RebaseBegun, RebaseRequested, Resumed
from codebutler.repo import commits, objects
from codebutler.repo.git import is_ancestor, tip_of
from codebutler.repo.lost_lines import lost_lines
from codebutler.repo.merging import merged_tree
from codebutler.thread import playbook, render
from codebutler.thread.decisions import Decisions, Word
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.incoming import MEET
from codebutler.thread.memory_merge import MEMORY, with_memory
from codebutler.thread.state import ThreadState
from codebutler.thread.warning import code, plain
from codebutler.toolset.desk import EndTurn
from codebutler.types import Outbound

BRIEF = """Others landed work on the base branch `{branch}`. This branch was brought onto it (`{onto}`).
{conflicts}
It changed there: {changed}.

Keep what both sides meant. Run the tests again, mend what broke, and say what you did.

What this branch is for:

{plan}"""
_CONFLICTS = (
    "They conflict in {paths}: the files hold both sides between <<<<<<< and >>>>>>> (a file that one side "
    "deleted or renamed has no such marks: decide which is right). Settle each."
)
_CLEAN = "It went without a conflict, which does not mean that the two fit: look at what changed."
_LEFT = "Marks of a conflict are left in {paths}. Settle them; nothing is pushed before that."
_MARK = "<<<<<<< "
_REASON = "conflict marks"


def is_open(state: ThreadState) -> bool:
    """Whether a Coder's run is under way that the rebase has to wait for."""
    coder = state.frame("coder")
    return coder is not None and coder.ended is None and state.onto is None


async def rebase(decide: Decisions, word: Word) -> str:
    """A person wants it; returns what to tell them."""
    state = decide.state
    if state.merged is not None or state.phase == "closed":
        return "This thread is closed: what it did has landed."
    if state.worktree is None or state.removed or state.approval is None:
        return "There is no branch yet: it will begin on the base branch as it is then."
    if state.rebase is not None:
        return "The rebase is under way already."
    if why := decide.refused(word, "approve", "have this branch rebased"):
        return why
    decide.take(RebaseRequested(message=word.seq, by=word.by))
    return "The Coder is at work: the rebase comes after that." if is_open(state) else ""


async def meet(desk: ThreadDesk) -> bool:
    """Bring the branch onto its base and start the Coder's run that looks after it; False if that is idle."""
    if desk.state.onto is None:
        await _begin(desk)
    onto = desk.state.onto
    if onto is None:
        return False
    await _bring(desk, onto)
    plan = render.plan_text(desk.state.plan.plan) if desk.state.plan else render.pr_title(desk.state)
    changed = sorted(await desk.space.moved_files(*await _ends(desk, onto)))
    brief = BRIEF.format(
        branch=(await desk.space.base()).branch,
        onto=onto.onto[:12],
        conflicts=_CONFLICTS.format(paths=code(onto.conflicts)) if onto.conflicts else _CLEAN,
        changed=code(changed) or "nothing that is left",
        plan=plan,
    )
    await desk.start_frame(onto.frame, "coder", brief)
    return True


async def _begin(desk: ThreadDesk) -> None:
    await desk.space.commit(render.pr_title(desk.state))
    await desk.space.take_in(settle=True)  # first: the Coder works on what people pushed, too
    state, gitdir = desk.state, desk.host.repo.gitdir
    base = await desk.space.refresh_base()
    if await is_ancestor(gitdir, base.commit, state.head):
        text = f"`{plain(base.branch)}` has nothing that this branch lacks (`{base.commit[:12]}`)."
        await desk.post(
            Outbound(text=text, kind="notice"),
            key=f"rebase:{state.seq}",
            before=[RebaseBegun(frame="", onto=base.commit, old=state.head)],
        )
        return
    _, clashes = await merged_tree(gitdir, state.head, base.commit)
    conflicts = [path for path in clashes if not path.startswith(MEMORY)]  # memory is not the Coder's
    number = 1 + sum(f.role == "coder" for f in state.frames.values())
    count = len(conflicts)
    how = "1 conflict" if count == 1 else f"{count} conflicts" if count else "no conflict"
    await desk.post(
        Outbound(
            text=f"This branch goes onto `{plain(base.branch)}` as it is now (`{base.commit[:12]}`): {how}. "
            "The Coder looks after it and runs the tests again.",
            kind="notice",
        ),
        key=f"rebase:{state.seq}",
        before=[RebaseBegun(frame=f"coder-{number}", onto=base.commit, old=state.head, conflicts=conflicts)],
    )


async def _bring(desk: ThreadDesk, onto: RebaseBegun) -> None:
    """Branch and folder, unless that is done; after a crash the branch may be ahead of the log."""
    state, gitdir = desk.state, desk.host.repo.gitdir
    if state.worktree is None or state.worktree.base == onto.onto:
        return
    tip = await tip_of(gitdir, f"refs/heads/{state.worktree.branch}")
    tree, clashes = await merged_tree(gitdir, state.head, onto.onto)
    memory = [path for path in clashes if path.startswith(MEMORY)]
    tree, told = await with_memory(desk, tree, onto.onto, memory)
    if tip is None or tip == state.head or not await is_ancestor(gitdir, onto.onto, tip):
        message = f"{MEET} {(await desk.space.base()).branch} at {onto.onto[:12]}\n"
        parents = [state.head, onto.onto]
        tip = await commits.join_trees(gitdir, tree, parents, message, identity=desk.space.identity)
        await desk.space.advance(state.head, tip, what="what landed on the base branch")
    brought = (
        state.worktree.model_copy(update={"base": onto.onto}),
        CheckpointMade(commit=tip, message="onto the base branch"),
    )
    if told:
        words = "\n".join(["Memory was edited on both sides, and joined:", *told])
        await desk.post(Outbound(text=words, kind="notice"), key=f"{onto.frame}:memory", before=brought)
    else:
        await desk.append(*brought)


async def _ends(desk: ThreadDesk, onto: RebaseBegun) -> tuple[str, str]:
    """What the base branch was when this one left it, and what it is."""
    before = await objects.merge_base(desk.host.repo.gitdir, onto.old, onto.onto)
    return before or onto.onto, onto.onto


async def is_settled(desk: ThreadDesk, frame: Frame) -> bool:
    """Whether no marks of a conflict are left. False once, when the Coder was told; EndTurn after that."""
    onto = desk.state.onto
    if onto is None or onto.frame != frame.id:
        return True
    texts = {path: await desk.space.branch_text(path) for path in onto.conflicts}
    left = [p for p, text in texts.items() if text is not None and f"\n{_MARK}" in f"\n{text}"]
    if not left:
        await _tell_undone(desk, onto)
        return True
    words = _LEFT.format(paths=code(left))
    if _was_told(desk.state, frame):
        raise EndTurn("failed", f"the rebase is not finished. {words}")
    nudge = Nudged(frame=frame.id, content=words, reason=_REASON)
    await desk.append(*playbook.stale(desk.state, frame), nudge)
    return False


async def _tell_undone(desk: ThreadDesk, onto: RebaseBegun) -> None:
    """What one side deleted and the other changed has no marks, so that it is easy to miss: it is said."""
    gitdir, base = desk.host.repo.gitdir, plain((await desk.space.base()).branch)
    here, there = [set(await objects.list_files(gitdir, tip)) for tip in (desk.state.head, onto.onto)]
    back = [path for path in onto.conflicts if path in here - there]
    gone = [path for path in onto.conflicts if path in there - here]
    if back:
        await desk.tell_once(f"`{base}` no longer has {code(back)}; this branch brings that back.")
    if gone:
        await desk.tell_once(f"`{base}` has changed {code(gone)}; this branch takes that away.")
    for path in onto.conflicts:
        if path in here & there and (what := await _overruled(desk, onto, path)):
            await desk.tell_once(
                f"What `{base}` had changed in {code([path])} is {what}: look before you merge."
            )
    own = await desk.space.moved_files(onto.onto, desk.state.head)
    if lost := [path for path in onto.conflicts if path not in own]:
        await desk.tell_once(
            f"Nothing of this branch's own is left in {code(lost)}: it is as on `{base}`. "
            "If that is not meant, say what is to be done there."
        )


async def _overruled(desk: ThreadDesk, onto: RebaseBegun, path: str) -> str:
    """What became of the lines that the base branch had added to a file in conflict; "" if they are there."""
    gitdir = desk.host.repo.gitdir
    tips = ((await _ends(desk, onto))[0], onto.onto, desk.state.head)
    texts = [await objects.show_file(gitdir, tip, path) or "" for tip in tips]
    lost, added = await asyncio.to_thread(lost_lines, *texts)
    count = "1 line" if lost == 1 else f"{lost} lines"
    return f"{'partly ' if lost < added else ''}gone ({count})" if lost else ""


def _was_told(state: ThreadState, frame: Frame) -> bool:
    """Since somebody last said to go on."""
    for _, _, event in reversed(state.live):
        if isinstance(event, Resumed | RebaseBegun):
            return False
        if isinstance(event, Nudged) and (event.frame, event.reason) == (frame.id, _REASON):
            return True
    return False
