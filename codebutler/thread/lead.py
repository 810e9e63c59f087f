"""The Lead: retrospective at the pull request, and what a person keeps of it, committed to the branch."""

from __future__ import annotations

import time

from codebutler.agent import loop
from codebutler.errors import ToolFailed
from codebutler.events import FrameEnded, MemoryCommitted, Nudged
from codebutler.repo.memory import apply_item
from codebutler.thread import render
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.host import FOLDER
from codebutler.thread.journal import narrative
from codebutler.thread.shipping import TEXT_CAP
from codebutler.types import Outbound

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
        await desk.post(render.memory(desk.state.memory), key=f"{name}:memory", before=[ended])
    else:
        await desk.append(ended)


async def commit_memory(desk: ThreadDesk) -> None:
    """One commit on the PR branch for one decision, by the bot with the person as co-author."""
    decided = desk.state.kept[desk.state.memory_commits]
    await desk.load_rules()
    files: dict[str, str] = {}
    refused: list[str] = []
    date = time.strftime("%Y-%m-%d", time.gmtime(desk.state.ts))
    for item in decided.kept:
        path = f"{FOLDER}/memory/{item.file}"
        text = files.get(path) or await desk.space.branch_text(path) or desk.rules.memory[item.file]
        try:
            files[path] = apply_item(text, item, thread=desk.state.id, date=date, approver=decided.by.label)
        except ToolFailed as error:
            refused.append(f"{item.text[:80]}: {error.message}")
    message = f"Remember what thread {desk.state.id} taught\n\n" + "\n".join(
        f"- {i.text}" for i in decided.kept
    )
    commit = await desk.space.commit_files(files, message, co_author=decided.by)
    count = len(decided.kept) - len(refused)
    words = f"Kept {count} {'item' if count == 1 else 'items'}; memory lands with the pull request."
    words += "".join(f"\nNot kept: {reason}" for reason in refused)
    await desk.post(
        Outbound(text=words, role="lead"),
        key=f"memory:{desk.state.memory_commits}",
        before=[MemoryCommitted(commit=commit, files=sorted(files))],
    )
    await desk.space.push()
