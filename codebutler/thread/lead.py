"""The Lead: the retrospective at the pull request."""

from __future__ import annotations

from codebutler.agent import loop
from codebutler.events import FrameEnded, Nudged
from codebutler.thread import remembering
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.journal import narrative
from codebutler.thread.shipping import TEXT_CAP

BRIEF = """The pull request is open. Look back over the thread, then write the summary and propose memory.

# The thread
{story}

# The diff
```diff
{diff}
```
"""
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
        story = narrative(await desk.host.store.events(desk.state.id), cap=TEXT_CAP * 2)
        await desk.start_frame(name, "lead", BRIEF.format(story=story, diff=await desk.diff("", "")))
    frame = desk.state.frames[name]
    role = desk.role("lead")
    text = await loop.run(frame, role, await desk.offer(role), desk)
    if desk.state.summary is None and not frame.nudged:
        await desk.append(Nudged(frame=name, content=NO_SUMMARY, reason="no summary"))
        text = await loop.run(frame, role, await desk.offer(role), desk)
    await desk.refresh_pr()
    ended = FrameEnded(frame=name, outcome="done", text=text)
    if desk.state.memory:
        await desk.post(remembering.shown(desk.state), key=f"{name}:memory", before=[ended])
    else:
        await desk.append(ended)
