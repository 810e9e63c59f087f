"""What a Coder's run leaves behind: a pull request, or work on a branch."""

from __future__ import annotations

from codebutler.agent.frame import Frame
from codebutler.errors import BranchLost, RepoError
from codebutler.events import FrameEnded, Nudged, PhaseChanged, Resumed
from codebutler.repo.merging import unsettled
from codebutler.thread import joining, playbook, render
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.flagging import flag
from codebutler.thread.host import OURS
from codebutler.thread.landing import closed_outside, is_empty
from codebutler.thread.lastword import undone
from codebutler.thread.mending import spoken
from codebutler.thread.proof import failing_tests
from codebutler.thread.state import ThreadState
from codebutler.toolset.desk import EndTurn
from codebutler.types import Outbound

_OTHERS = "others pushed"


async def note_strays(desk: ThreadDesk) -> None:
    """Files that the approved plan did not name are shown, once each set: nobody approved them."""
    state = desk.state
    if state.unnamed or not state.named:
        return
    strays = sorted(f for f in state.files - state.named if not f.startswith(OURS))
    if strays:
        shown = ", ".join(f"`{f}`" for f in strays[:20])
        await desk.tell_once(
            f"Outside the files that the plan names: {shown}. Look at them before you merge."
        )


async def ship(desk: ThreadDesk, frame: Frame, text: str) -> None:
    """Whatever the Coder forgot of push and PR is done here; a run without changes has failed."""
    state = desk.state
    await desk.tell_left_out()
    if state.worktree is not None and await is_empty(desk):
        await desk.append(
            PhaseChanged(phase="pm", why="no changes"),
            FrameEnded(frame=frame.id, outcome="failed", text=text),
        )
        raise EndTurn("failed", undone(state, text))
    if not await _is_pushed(desk, frame):
        return
    await closed_outside(desk, "This work goes into a new one.")
    if state.pr is None or state.pr_state == "closed":
        await desk.record_pr(render.pr_title(state), "")
    await desk.show_ready(failing_tests(frame, state.steps_done))
    await flag(desk)
    await desk.post(
        render.pr_ready(state, spoken(text) if state.mending else text),
        key=f"{frame.id}:done",
        before=[
            FrameEnded(frame=frame.id, outcome="pr", text=text),
            PhaseChanged(phase="lead", why="pull request open"),
        ],
    )
    await desk.show_status()


async def _is_pushed(desk: ThreadDesk, frame: Frame) -> bool:
    """Push the Coder's work. False when it was told of a conflict that it has to settle first.

    It is told of the same marks once; EndTurn after that, until somebody says to go on.
    """
    gitdir = desk.host.repo.gitdir
    try:
        await desk.space.push()
    except BranchLost:
        raise
    except RepoError as error:
        files, tree = await joining.met(desk.space, gitdir, desk.state), desk.state.worktree
        if not files and tree is not None:
            files = await unsettled(gitdir, tree.base, desk.state.head)
            if files and _was_told(desk.state, frame):
                raise EndTurn("failed", f"what others pushed is not settled. {error}") from error
        if not files:
            raise
        nudge = Nudged(frame=frame.id, content=joining.words(files), reason=_OTHERS)
        await desk.append(*playbook.stale(desk.state, frame), nudge)
        return False
    return True


def _was_told(state: ThreadState, frame: Frame) -> bool:
    """Since somebody last said to go on."""
    for _, _, event in reversed(state.live):
        if isinstance(event, Resumed):
            return False
        if isinstance(event, Nudged) and (event.frame, event.reason) == (frame.id, _OTHERS):
            return True
    return False


async def hand_in(desk: ThreadDesk, frame: Frame, text: str) -> None:
    """A Coder alone ends with its work on the branch."""
    state = desk.state
    await desk.tell_left_out()
    branch = state.worktree.branch if state.worktree else ""
    changed = f"{len(state.files)} files changed on `{branch}` ({state.head[:12]})."
    await desk.post(
        Outbound(text=f"{text}\n\n{changed}".strip(), role="coder"),
        key=f"{frame.id}:done:{frame.step}",
        before=[FrameEnded(frame=frame.id, outcome="done", text=text)],
    )
    raise EndTurn("done")
