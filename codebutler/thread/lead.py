"""The Lead: the retrospective at the pull request, and a second look when it is merged."""

from __future__ import annotations

import asyncio
import time

from codebutler.agent import loop
from codebutler.errors import CodeButlerError
from codebutler.events import (
    Event,
    FrameEnded,
    FrameStarted,
    MemoryProposed,
    MemoryWeighed,
    MessageTaken,
    ModelReplied,
    Nudged,
    parse,
)
from codebutler.store.lessons import Past
from codebutler.text import fit
from codebutler.thread import learning, lessons, remembering
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.fold_memory import decided
from codebutler.thread.journal import narrative
from codebutler.thread.memory_now import memory_now
from codebutler.thread.shipping import TEXT_CAP
from codebutler.thread.state import ThreadState
from codebutler.thread.weighing import rooms, sifted
from codebutler.thread.weight import weigh
from codebutler.toolset.desk import EndTurn
from codebutler.types import MemoryItem

BRIEF = """The pull request is open. Look back over the thread, then write the summary and propose memory.

# The thread
{story}

# The diff
```diff
{diff}
```
{more}"""
AGAIN = """A person merges the pull request now. Since you looked back, this was said:

{story}
{decided}
Bring the summary up to date with `write_summary` if it changed, and propose what it teaches with
`propose_memory`. If it teaches nothing, say so in a word.
"""
DECIDED = "\nPeople have decided on this memory already. Propose none of it again, in no words:\n"
EARLIER = """
# What earlier threads had to ask or look up
{lines}

What comes up again belongs into a workflow: as a step at its place (`add_step`, `after`), or, if it needs no
deciding, as an automatic one (`automate`).
"""
ROOM = "\n# Memory is nearly full\n{lines}\n"
NO_SUMMARY = "You have not called write_summary yet. Call it now; propose_memory too if anything was learned."


def frame_name(desk: ThreadDesk) -> str:
    """One retrospective for each time that a Coder finished."""
    done = sum(f.role == "coder" and f.ended is not None for f in desk.state.frames.values())
    return f"lead-{done}"


async def retrospect(desk: ThreadDesk) -> None:
    """Run the Lead over the whole thread; then bring the PR up to date and put the lessons to the person."""
    await desk.load_rules()
    name = frame_name(desk)
    if name not in desk.state.frames:
        await desk.start_frame(name, "lead", await _brief(desk))
    frame = desk.state.frames[name]
    role = desk.role("lead")
    text = await loop.run(frame, role, await desk.offer(role), desk)
    if desk.state.summary is None and not frame.nudged:
        await desk.append(Nudged(frame=name, content=NO_SUMMARY, reason="no summary"))
        text = await loop.run(frame, role, await desk.offer(role), desk)
    await _propose_removals(desk)
    await desk.refresh_pr()
    ended: list[Event] = [FrameEnded(frame=name, outcome="done", text=text), await _weighed(desk)]
    if desk.state.memory or desk.state.turned_away or desk.state.unfit:
        await desk.post(remembering.shown(desk.state), key=f"{name}:memory", before=ended)
    else:
        await desk.append(*ended)


async def look_again(desk: ThreadDesk) -> bool:
    """At a person's "merge": once more, if people or roles spoke since the Lead looked back; whether it did.

    It never stands in a merge's way twice: a run that breaks off counts as over, and the next "merge" merges.
    """
    since, name = _since(desk.state), f"{frame_name(desk)}-close"
    if name not in desk.state.frames:
        if not since:
            return False
        await desk.load_rules()
        await desk.start_frame(name, "lead", AGAIN.format(story=since, decided=_decided(desk.state)))
    frame = desk.state.frames[name]
    if frame.ended is not None:
        return False
    await desk.load_rules()
    role = desk.role("lead")
    try:
        text = await loop.run(frame, role, await desk.offer(role), desk)
    except (EndTurn, CodeButlerError):
        await desk.append(FrameEnded(frame=name, outcome="failed", text=""))
        raise
    await desk.refresh_pr()
    await desk.append(FrameEnded(frame=name, outcome="done", text=text))
    return True


def last_look(state: ThreadState) -> list[MemoryItem]:
    """What the Lead proposed as it looked back once more for the merge: that is still to be decided."""
    found: list[MemoryItem] = []
    begun = False
    for _, _, event in state.live:
        if isinstance(event, FrameStarted) and event.role == "lead":
            begun, found = event.frame.endswith("-close"), []
        if begun and isinstance(event, MemoryProposed):
            found += event.items
    return found


def _since(state: ThreadState) -> str:
    """What was said after the Lead's last run; "" when nobody spoke but to decide."""
    told: list[str] = []
    for _, _, event in state.live:
        match event:
            case FrameEnded() if event.frame.startswith("lead"):
                told = []
            case MessageTaken() if event.frame == "pm":
                told.append(event.content.partition(f"\n\n{lessons.FOR_THE_PM}")[0])
            case ModelReplied() if event.frame == "pm" and event.content.strip() and told:
                told.append(f"PM: {event.content}")
            case _:
                pass
    return fit("\n".join(told), TEXT_CAP)


def _decided(state: ThreadState) -> str:
    """What people have said of proposed memory: it is not put to them again."""
    kept, dropped = decided(state)
    lines = [*(f"- kept: {item.text}" for item in kept), *(f"- dropped: {item.text}" for item in dropped)]
    return fit("\n".join([DECIDED, *lines, ""]), TEXT_CAP) if lines else ""


async def _brief(desk: ThreadDesk) -> str:
    """The thread's own story, what earlier ones show, and where memory is full; what was used is logged."""
    rows = await desk.host.store.events(desk.state.id)
    if desk.state.weighed is None:
        await desk.append(await _weighed(desk))
    workflow = desk.state.workflow.name if desk.state.workflow else ""
    earlier = learning.looked_back(await _others(desk), workflow)
    full = "\n".join(f"- {line}" for line in rooms(desk.rules.memory))
    more = EARLIER.format(lines=earlier) if earlier else ""
    more += ROOM.format(lines=full) if full else ""
    story = narrative(rows, cap=TEXT_CAP * 2)
    return BRIEF.format(story=story, diff=await desk.diff("", ""), more=more)


async def _weighed(desk: ThreadDesk) -> MemoryWeighed:
    """What was seen of memory so far and used: before the Lead's run, and again with it."""
    rows, rules = await desk.host.store.events(desk.state.id), desk.rules
    told = [event for row in rows if (event := parse(row.body)) is not None]
    return await asyncio.to_thread(weigh, desk.state, rules.memory, rules.roles, told)


async def _propose_removals(desk: ThreadDesk) -> None:
    """What was shown again and again and used by nobody, or has expired: the engine's own proposals."""
    today = time.strftime("%Y-%m-%d", time.gmtime(desk.state.ts))
    asked = [*(desk.state.memory or []), *decided(desk.state)[1]]
    waiting = {name for item in asked for name in (*item.replaces, item.text)}
    now = await memory_now(desk.host, desk.space, desk.state, desk.rules.memory)
    found = await asyncio.to_thread(learning.removals, now, await desk.host.store.pasts(), today)
    unasked = [x for x in found if not {x.replaces[0], x.text} & waiting]
    fresh = (await asyncio.to_thread(sifted, now, [], unasked)).fresh
    if fresh:
        await desk.append(MemoryProposed(items=fresh))


async def _others(desk: ThreadDesk) -> list[Past]:
    return [past for past in await desk.host.store.pasts() if past.thread != desk.state.id]
