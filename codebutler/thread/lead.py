"""The Lead: the retrospective at the pull request."""

from __future__ import annotations

import time

from codebutler.agent import loop
from codebutler.events import FrameEnded, MemoryProposed, Nudged, parse
from codebutler.store.lessons import Past
from codebutler.thread import learning, remembering
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.journal import narrative
from codebutler.thread.shipping import TEXT_CAP
from codebutler.thread.weighing import rooms
from codebutler.thread.weight import weigh

BRIEF = """The pull request is open. Look back over the thread, then write the summary and propose memory.

# The thread
{story}

# The diff
```diff
{diff}
```
{more}"""
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
    ended = FrameEnded(frame=name, outcome="done", text=text)
    if desk.state.memory or desk.state.turned_away:
        await desk.post(remembering.shown(desk.state), key=f"{name}:memory", before=[ended])
    else:
        await desk.append(ended)


async def _brief(desk: ThreadDesk) -> str:
    """The thread's own story, what earlier ones show, and where memory is full; what was used is logged."""
    rows = await desk.host.store.events(desk.state.id)
    if desk.state.weighed is None:
        told = [event for row in rows if (event := parse(row.body)) is not None]
        await desk.append(weigh(desk.state, desk.rules.memory, desk.rules.roles, told))
    workflow = desk.state.workflow.name if desk.state.workflow else ""
    earlier = learning.looked_back(await _others(desk), workflow)
    full = "\n".join(f"- {line}" for line in rooms(desk.rules.memory))
    more = EARLIER.format(lines=earlier) if earlier else ""
    more += ROOM.format(lines=full) if full else ""
    story = narrative(rows, cap=TEXT_CAP * 2)
    return BRIEF.format(story=story, diff=await desk.diff("", ""), more=more)


async def _propose_removals(desk: ThreadDesk) -> None:
    """What was shown again and again and used by nobody, or has expired: the engine's own proposals."""
    today = time.strftime("%Y-%m-%d", time.gmtime(desk.state.ts))
    waiting = {name for item in desk.state.memory or [] for name in item.replaces}
    found = learning.removals(desk.rules.memory, await desk.host.store.pasts(), today)
    fresh = [item for item in found if item.replaces[0] not in waiting]
    if fresh:
        await desk.append(MemoryProposed(items=fresh))


async def _others(desk: ThreadDesk) -> list[Past]:
    return [past for past in await desk.host.store.pasts() if past.thread != desk.state.id]
