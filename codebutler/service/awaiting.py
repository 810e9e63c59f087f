"""A merge that only waits for required checks: the word of whoever said it is remembered for this head.

It holds as long as nobody who may write has spoken against it, or at all, at the pull request or its issue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from codebutler.events import MergeRefused, MergeRequested, Pushed
from codebutler.forges.github.checks import Check
from codebutler.forges.github.merging import AWAITED
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.store.store import Store
from codebutler.surfaces.github.hearing import Hearing
from codebutler.surfaces.github.inbound import Heard, of_comment, of_line, of_review
from codebutler.surfaces.github.people import SURFACE
from codebutler.surfaces.github.praise import praises
from codebutler.surfaces.github.saying import marks_in
from codebutler.thread.state import ThreadState
from codebutler.thread.warning import plain, pushed_by_others
from codebutler.types import Json

WORDS = (
    "#{number} is merged by itself once its checks have passed on `{head}`: {who} asked for it. That is off "
    "as soon as one fails for good, or something is said, done or pushed here. Say **cancel** to call it off."
)
OFF = "#{number} is not merged by itself any more: {why}. Say **merge** once it shall land."
_AGAIN = "#{number} is left open: {why}. Say merge once it shall land"
_NAMED = re.compile(r'required status check "([^"\n]{1,200})"', re.IGNORECASE)


def awaited(state: ThreadState) -> MergeRequested | None:
    """The word to merge that GitHub refused for checks that are still to come, and for nothing else."""
    why = state.refused
    if not state.only_unmerged or AWAITED.search(why) is None or "review" in why.lower():
        return None
    words = (event for _, _, event in reversed(state.live) if isinstance(event, MergeRequested))
    return next(words, None)


def have_come(state: ThreadState, checks: Sequence[Check]) -> bool:
    """Whether the checks that GitHub named are among those that have passed."""
    return set(_NAMED.findall(state.refused)) <= {each.name for each in checks if each.result == "passed"}


async def called_off(
    hearing: Hearing, thread: str, pull: Json, asked: MergeRequested, *, queued: bool = False
) -> str:
    """Why the word to merge holds no more, by what happened at GitHub after it, or "".

    ``queued``: it is in a merge queue, so that words to us are still heard in time, and have their effect.
    """
    people, store = hearing.people, hearing.store
    if pull.get("draft"):
        return "it was made a draft"
    said = [row for row in await _said(hearing, thread, int(pull["number"])) if not row.bot]
    key, since = await _word(store, thread, asked, said)
    for row in said:
        mine = f"{SURFACE}:{row.key}"
        if row.at < since or mine == key or await store.heard(thread, mine):  # what is heard has its effect
            continue
        if queued and await hearing.is_to_hear(row):
            continue
        ours = marks_in(row.text) and await people.wrote({"login": row.login})
        if not ours and await people.writer(row.login) is not None:
            return f"{row.login} has spoken here since"
    return ""


def pushed_since(state: ThreadState, pull: Json) -> str:
    """Why a word to merge holds no more, if others gave the branch a head since our last push; or ""."""
    head = str(pull["head"]["sha"])
    ours = any(isinstance(event, Pushed) and event.commit == head for _, _, event in state.live)
    return "" if ours or head in (state.pushed, state.head) else pushed_by_others(head[:12])


def left_open(number: int, why: str) -> MergeRefused:
    """That the word to merge holds no more, for the log: the status says why, no look takes it up."""
    return MergeRefused(error=_AGAIN.format(number=number, why=why))


def off(state: ThreadState, why: str) -> tuple[str, MergeRefused]:
    """What people are told, and what is logged."""
    number = state.pr.number if state.pr is not None else 0
    return OFF.format(number=number, why=plain(why)), left_open(number, why)


async def _word(store: Store, thread: str, asked: MergeRequested, said: Sequence[Heard]) -> tuple[str, str]:
    """The comment that the word to merge was, and when it was said: by GitHub's clock, if it was there."""
    events = await store.events(thread)
    key = next((each.key for each in events if each.seq == asked.message), "")
    ts = max(e.ts for e in events if e.seq == asked.message or (not key and e.kind == asked.kind))
    local = datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return key, next((row.at for row in said if f"{SURFACE}:{row.key}" == key), local)


async def _said(hearing: Hearing, thread: str, number: int) -> list[Heard]:
    """What stands at the pull request and the thread's issue; no mere approvals, and no empty reviews."""
    calls, full_name = hearing.calls, hearing.full_name
    base = f"/repos/{full_name}"
    places = [name for surface, name in await hearing.store.bindings(thread) if surface == SURFACE]
    theirs = re.compile(rf"{re.escape(full_name)}(?:#|/pull/)(\d+)", re.IGNORECASE)
    numbers = {number} | {int(found[1]) for name in places if (found := theirs.fullmatch(name))}
    rows: list[Heard | None] = []
    for each in sorted(numbers):
        try:
            rows += [of_comment(row) for row in await calls.pages(f"{base}/issues/{each}/comments")]
        except GitHubRefused as error:
            if each == number or error.status not in {404, 410}:  # an issue that was deleted says nothing
                raise
    rows += [of_line(row) for row in await calls.pages(f"{base}/pulls/{number}/comments")]
    rows += [
        of_review(row, number)
        for row in await calls.pages(f"{base}/pulls/{number}/reviews")
        if _speaks(str(row.get("state")), str(row.get("body") or ""))
    ]
    return [row for row in rows if row is not None]


def _speaks(state: str, body: str) -> bool:
    if state == "APPROVED":
        return not praises(body)
    return state == "CHANGES_REQUESTED" or (state == "COMMENTED" and bool(body))
