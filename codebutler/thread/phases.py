"""The life of a thread, step by step. A step looks at the state only, so a restart finds its place."""

from __future__ import annotations

from collections.abc import Sequence

from codebutler.agent import loop
from codebutler.agent.frame import Frame
from codebutler.events import FrameEnded, Nudged, PhaseChanged, PlanDropped, Resumed
from codebutler.places import Place, Places
from codebutler.text import fit
from codebutler.thread import (
    close,
    handing,
    holding,
    lead,
    memory_commit,
    mending,
    planfile,
    playbook,
    queueing,
    radar,
    rebasing,
    render,
    shelving,
)
from codebutler.thread.desk import ThreadDesk
from codebutler.waiting import first_of

BRIEF = """{who} approved this plan. Carry it out.

{plan}

What was asked for, in the person's words:
{request}
{setup}{earlier}"""
EARLIER = "\nAn earlier run for this plan changed no file. Its last words were:\n{words}\n"
MOVED = (
    "The base branch moved while the plan waited, and these files of the plan changed: {files}. "
    "Look at them again and propose the plan anew."
)

DROPPED = "The base branch changed files of this run's plan, which was dropped."


async def step(desk: ThreadDesk) -> bool:
    """Do the next thing; False when nothing is left to do before somebody speaks."""
    desk.turn.point()
    await close.show_unseen(desk)
    await desk.read_mail()
    state = desk.state
    if state.idle:
        await shelving.put_away(desk)
    if await _waits_for_people(desk):
        return False
    await holding.hold(desk)
    if state.queued and state.merge is None and _work_is_due(desk):
        await queueing.leave(desk)
    elif _memory_is_due(desk):
        await memory_commit.commit_memory(desk)
    elif state.merge is not None or state.merged is not None:
        await close.merge(desk)
    elif (pm := state.frames.get("pm")) is not None and _was_approved_meanwhile(desk, pm):
        await plan(desk, pm)
    elif _branch_work_is_due(desk):
        await code(desk)
    elif _lead_is_due(desk):
        await radar.look(desk)
        await lead.retrospect(desk)
    elif pm is not None and _pm_is_due(desk, pm):
        await plan(desk, pm)
    else:
        return False
    return True


async def _waits_for_people(desk: ThreadDesk) -> bool:
    """Whether nothing goes on before somebody speaks. Who speaks to a halted thread sets it going."""
    state = desk.state
    if state.phase == "closed":
        return state.memory_commits >= len(state.kept)
    if state.question is not None and state.merge is None and state.merged is None:
        if state.reminder and not state.halted:
            await desk.remind(state.question)
        return True
    if state.halted:
        waiting = desk.readable()
        if not waiting:
            return True
        await desk.append(Resumed(message=0, by=next(iter(waiting.values())).author))
    return False


def _work_is_due(desk: ThreadDesk) -> bool:
    """Whether something was said or is to be done that may change what is to land."""
    pm = desk.state.frames.get("pm")
    return _branch_work_is_due(desk) or _memory_is_due(desk) or (pm is not None and _pm_is_due(desk, pm))


def _memory_is_due(desk: ThreadDesk) -> bool:
    return desk.state.memory_commits < len(desk.state.kept)


def _pm_is_due(desk: ThreadDesk, pm: Frame) -> bool:
    unsaid = bool(pm.last_text) and f"pm:{pm.step}" not in desk.state.said
    return pm.due or bool(pm.calls) or unsaid or bool(desk.state.open_researches(pm.id))


def _was_approved_meanwhile(desk: ThreadDesk, pm: Frame) -> bool:
    """A crash left the PM's proposal half done, and a person was faster: the Coder needs a PM who is free."""
    calls = pm.calls.values()
    return desk.state.open_exchange is None and any(each.call.name == "propose_plan" for each in calls)


def _coder_is_due(desk: ThreadDesk) -> bool:
    state = desk.state
    if state.opened is not None and state.opened.mode == "coder":
        frame = state.frames.get("coder-1")
        return frame is not None and (frame.ended is None or frame.due)
    if state.approval is None or state.plan is None or state.plan_waits:
        return False
    return state.carried_out != state.approval.hash


def _branch_work_is_due(desk: ThreadDesk) -> bool:
    return _coder_is_due(desk) or _rebase_is_due(desk) or mending.is_due(desk.state)


def _rebase_is_due(desk: ThreadDesk) -> bool:
    return desk.state.rebase is not None and desk.state.worktree is not None and not desk.state.removed


def _lead_is_due(desk: ThreadDesk) -> bool:
    frame = desk.state.frames.get(lead.frame_name(desk))
    return (
        desk.state.phase == "lead"
        and desk.state.pr_state == "open"
        and (frame is None or frame.ended is None)
    )


async def plan(desk: ThreadDesk, pm: Frame) -> None:
    """The PM works until it has an answer, a plan or a question."""
    await desk.load_rules()
    role = desk.role("pm")
    await planfile.show_edits(desk, pm)
    await desk.log.update_row(phase=desk.state.phase, status="working")
    async with desk.host.planners:
        await desk.work(pm, role)
    await desk.show_answer(pm)


async def code(desk: ThreadDesk) -> None:
    """The Coder stands in each line in turn, the narrowest first; in line, it says where."""
    await _through(desk, desk.lines())


async def _through(desk: ThreadDesk, lines: Sequence[tuple[Places, str]]) -> None:
    if not lines:
        await desk.log.update_row(status="working")
        await _code(desk)
        return
    (places, why), *others = lines
    # who waits in a narrow line must not hold a place that somebody else could use
    with places.place() as place:
        if await _in_line(desk, place, why):
            await _through(desk, others)


async def _in_line(desk: ThreadDesk, place: Place, why: str) -> bool:
    """Wait for the place. People are heard meanwhile; False when their words have changed what is due."""
    while place.number:
        if place.changed.is_set():
            place.changed.clear()
            await _say_place(desk, place.number, why)
        with desk.turn.calm():
            await first_of(place.changed, desk.turn.mail)
        if desk.turn.mail.is_set():
            await desk.read_mail()
            pm = desk.state.frames.get("pm")
            if pm is not None and _pm_is_due(desk, pm):
                await plan(desk, pm)
            if not _branch_work_is_due(desk):
                return False
    return True


async def _say_place(desk: ThreadDesk, number: int, why: str) -> None:
    """Once as a message, then on the card, which follows the line."""
    what = desk.state.approval.hash if desk.state.approval else ""
    words = f"{why}; this thread is number {number} in line."
    await desk.tell_once(words, source=f"line:{what}:{why}")
    await desk.show_status(f"number {number} in line for a Coder")


async def _code(desk: ThreadDesk) -> None:
    """The Coder carries out the approved plan, in the worktree, up to the pull request."""
    state = desk.state
    team = state.opened is None or state.opened.mode == "team"
    if (state.worktree is None or state.removed) and not await _make_room(desk):
        return
    if state.rebase is not None and not rebasing.is_open(state) and not await rebasing.meet(desk):
        return
    if desk.state.pushed and desk.state.onto is None and not rebasing.is_open(desk.state):
        await desk.space.take_in(settle=True)  # it works on what people pushed, too
    await desk.load_rules()
    if mending.waits(desk.state):
        await mending.meet(desk)
    if team and state.phase != "coder":
        await desk.append(PhaseChanged(phase="coder", why="plan approved"))
        await desk.log.update_row(phase="coder")
        await desk.show_status()
    frame = await _coder_frame(desk)
    role = desk.role("coder")
    text = await loop.run(frame, role, await desk.offer(role), desk)
    while await playbook.after_coder(desk, frame):
        text = await loop.run(frame, role, await desk.offer(role), desk)
    await desk.space.commit(render.pr_title(desk.state))
    if not await rebasing.is_settled(desk, frame):
        return
    await handing.note_strays(desk)
    await (handing.ship(desk, frame, text) if team else handing.hand_in(desk, frame, text))


async def _make_room(desk: ThreadDesk) -> bool:
    """Worktree on the present base; False when the plan no longer fits that base."""
    state = desk.state
    approved = state.approval
    if state.opened is None or state.opened.mode == "team":
        await desk.space.forge()  # where no pull request can be opened, no Coder is paid for
    now = await desk.space.refresh_base()
    if approved is not None and state.plan is not None and now.commit != approved.base:
        moved = await desk.space.moved_files(approved.base, now.commit)
        stale = sorted(moved & {f.removeprefix("./") for f in state.plan.plan.files})
        if stale:
            names = ", ".join(f"`{path}`" for path in stale[:10])
            words = f"`{now.branch}` changed {names} since this plan was made: the PM looks at it anew."
            await desk.tell_once(words, source=f"notice:moved:{now.commit}:{state.plan.hash}")
            begun = [f.id for f in state.frames.values() if f.role == "coder" and f.ended is None]
            await desk.append(
                PlanDropped(hash=state.plan.hash, why="the base branch changed its files"),
                *(FrameEnded(frame=each, outcome="plan", text=DROPPED) for each in begun),
                Nudged(frame="pm", content=MOVED.format(files=", ".join(stale)), reason="base moved"),
            )
            return False
    await desk.space.prepare(render.pr_title(state))
    return True


async def _coder_frame(desk: ThreadDesk) -> Frame:
    state = desk.state
    if state.onto is not None:
        return state.frames[state.onto.frame]
    if state.mending:
        return state.frames[state.mending]
    if state.approval is None or state.plan is None:
        return state.frames["coder-1"]
    before = state.frame("coder")
    again = before is not None and before.ended == "failed"
    number = 1 + sum(f.role == "coder" and f.ended is not None for f in state.frames.values())
    brief = BRIEF.format(
        who=state.approval.by.label,
        plan=render.plan_text(state.plan.plan),
        request=_request(desk),
        setup=render.setup(state.setup),
        earlier=EARLIER.format(words=fit(before.last_text, 2_000)) if before and again else "",
    )
    return await desk.start_frame(f"coder-{number}", "coder", brief)


def _request(desk: ThreadDesk) -> str:
    pm = desk.state.frames.get("pm")
    said = [m["content"] for m in pm.messages if m["role"] == "user"] if pm else []
    words = [text for text in said if isinstance(text, str)]
    return "\n".join(f"> {line}" for text in words[:6] for line in text.splitlines())[:4_000]
