"""The end of a thread, on a person's word: journal, merge, report, cleanup."""

from __future__ import annotations

from codebutler.errors import CodeButlerError
from codebutler.events import JournalCommitted, MergeRefused, PhaseChanged, PrMerged
from codebutler.thread import render
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.host import FOLDER
from codebutler.thread.journal import journal
from codebutler.thread.landing import closed_outside, meet_base
from codebutler.types import Outbound

STAYS = "The branch stays as it is. Say what to change: an approved plan's work goes into a new pull request."


async def merge(desk: ThreadDesk) -> None:
    """Merge and clean up. Each part is skipped when the log says that it is done."""
    if desk.state.merged is None:
        try:
            if await closed_outside(desk, STAYS, MergeRefused(error="the pull request was closed outside")):
                return
            await _land(desk)
        except CodeButlerError as error:
            await desk.post(
                Outbound(text=f"The merge did not go through: {error}", role="lead", kind="error"),
                key=f"merge:{desk.state.seq}",
                before=[MergeRefused(error=str(error))],
            )
            return
    await _clean_up(desk)


async def _land(desk: ThreadDesk) -> None:
    state = desk.state
    if state.pr is None or state.merge is None:
        raise CodeButlerError("there is no pull request to merge")
    by = state.merge.by
    await desk.space.checkpoint("Work in progress")
    await meet_base(desk)
    if state.journal is None:
        await _commit_journal(desk)
    head = await desk.space.push()
    forge = await desk.space.forge()
    pull = await forge.pull_hint()
    with desk.turn.firm():
        result = await forge.merge(state.pr.number, expected_head=head, co_authors=[by])
        how = f"Get it with `{pull}`." if pull else ""
        text = f"Merged #{state.pr.number} as `{result.sha[:12]}`. {how}"
        await desk.post(
            Outbound(text=text, role="lead"),
            key=f"merged:{state.pr.number}",
            before=[PrMerged(number=state.pr.number, commit=result.sha, by=by)],
        )


async def _commit_journal(desk: ThreadDesk) -> None:
    """Once, even when a crash came between the commit and its event."""
    state = desk.state
    path = f"{FOLDER}/journals/thread-{state.id}.md"
    commit = state.head
    if await desk.space.branch_text(path) is None:
        text = desk.redact(journal(state, await desk.host.store.events(state.id)))
        commit = await desk.space.commit_files({path: text}, f"Journal of thread {state.id}")
    await desk.append(JournalCommitted(commit=commit, path=path))


async def _clean_up(desk: ThreadDesk) -> None:
    kept = await desk.space.remove(desk.state.pushed)
    if kept:
        await desk.tell_once(f"The worktree stays: {kept}.")
    await desk.post(render.report(desk.state), key="report")
    await desk.append(PhaseChanged(phase="closed", why="merged"))
    await desk.log.update_row(phase="closed", status="merged")
