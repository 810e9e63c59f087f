"""Open pull requests are followed to their end: failing checks, conflicts, a merge made at GitHub itself.

What is begun stands in a log under a key, or is harmless to repeat: a start goes on, and asks nothing twice.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from urllib.parse import quote

from codebutler.errors import RepoError
from codebutler.events import (
    Event,
    MendRequested,
    MergeRequested,
    PrClosed,
    PrMerged,
    PrOpened,
    RebaseRequested,
    Resumed,
    dump,
    parse,
)
from codebutler.forges.github.checks import Check, Checks
from codebutler.forges.github.pulls import in_conflict, state_of
from codebutler.forges.github.verdict import ATTEMPTS, Again, Verdict, verdict
from codebutler.service import awaiting, queued
from codebutler.service.replying import Replying
from codebutler.store.rows import NewEvent, ThreadRow
from codebutler.store.store import Store
from codebutler.surfaces.github.hearing import Hearing
from codebutler.surfaces.github.people import SURFACE
from codebutler.thread.fold import apply
from codebutler.thread.mending import TEXT
from codebutler.thread.state import ThreadState
from codebutler.thread.warning import code, plain, told
from codebutler.types import Choice, Json

log = logging.getLogger("codebutler.github")
KEPT, FOLDED = 200, 64
"""Pull requests whose last answers are known, and threads of which only what is new in the log is read."""
UNREAD = (
    "I may not read this pull request's checks ({why}), so that failing ones go unseen. "
    "The token or App needs checks, commit statuses and actions: read."
)
_AGAIN = Choice(action="retry", label="Try again", style="primary")


class Following:
    """One repository's open pull requests that threads have made. ``kick`` is set before it looks."""

    def __init__(self, hearing: Hearing, store: Store) -> None:
        """Nothing is looked at yet."""
        self._calls, self._people, self._store = hearing.calls, hearing.people, store
        self._hearing, self._path = hearing, f"/repos/{hearing.full_name}"
        self._checks = Checks(hearing.calls, hearing.full_name)
        self._replying = Replying(hearing, store)
        self._reviewing, self._proofs = hearing.reviewing, hearing.proofs
        self._pulls: dict[str, tuple[str, Json]] = {}
        """By number: the tag of the last answer, and what it said."""
        self._states: dict[str, ThreadState] = {}
        """Threads as they were at the last look."""
        self.kick: Callable[[str], None]

    async def look(self) -> None:
        """See to every open pull request; one that cannot be looked at keeps nobody from the others."""
        await self._reviewing.see_to()
        await self._proofs.look()
        for row in await self._store.threads():
            if row.pr.isdigit() and row.phase != "closed":
                try:
                    await self._see_to(row)
                except RepoError as error:
                    log.warning("#%s cannot be followed: %s", row.pr, error)

    async def _see_to(self, row: ThreadRow) -> None:
        pull = await self._pull(row.pr)
        state = await self._state(row.id)
        if state.pr is None or not state.pr.url.endswith(f"/pull/{row.pr}"):  # a number of the local forge
            return
        if state.merged is not None:
            if not (row.ready or state.halted):  # a crash came before it was set going
                await self._go_on(row.id)
        elif row.ready:
            return
        elif state_of(pull) != "open":
            await self._ended(state, pull)
        elif state.pr_state != "open":
            await self._reopened(state, pull)
        elif await self._left_queue(state, pull):
            return
        elif not _is_at_work(state):
            await self._at_rest(state, pull)

    async def _at_rest(self, state: ThreadState, pull: Json) -> None:
        if (why := awaiting.pushed_since(state, pull)) and (asked := awaiting.awaited(state)) is not None:
            await self._called_off(state, asked, why)
        if state.pushed != pull["head"]["sha"]:
            return
        await self._replying.see_to(state, pull)
        if in_conflict(pull):
            await self._rebase(state, pull)
        else:
            await self._check(state, pull)

    async def _pull(self, number: str) -> Json:
        """What has not changed costs nothing of our limit."""
        tag, pull = self._pulls.pop(number, ("", {}))
        got = await self._calls.fresh(f"{self._path}/pulls/{number}", etag=tag)
        self._pulls[number] = (got.etag, pull if got.same else got.body)
        while len(self._pulls) > KEPT:
            del self._pulls[next(iter(self._pulls))]
        return self._pulls[number][1]

    async def _state(self, thread: str) -> ThreadState:
        state = self._states.pop(thread, None) or ThreadState(thread)
        for row in await self._store.events(thread, state.seq):
            apply(state, row.seq, row.ts, parse(row.body))
        self._states[thread] = state
        while len(self._states) > FOLDED:
            del self._states[next(iter(self._states))]
        return state

    async def _ended(self, state: ThreadState, pull: Json) -> None:
        """Somebody merged or closed it at GitHub."""
        number = int(pull["number"])
        if state.pr_state != "open":
            return
        if state_of(pull) == "merged":
            by = self._people.named(pull.get("merged_by") or {})
            sha = str(pull.get("merge_commit_sha") or "")
            words = f"Merged #{number} at GitHub as `{sha[:12]}`, by {plain(by.label)}."
            await self._tell(state.id, f"merged:{number}", words, PrMerged(number=number, commit=sha, by=by))
            await self._go_on(state.id)
            return
        words = f"Pull request #{number} was closed at GitHub, without a merge. The branch stays as it is."
        await self._tell(state.id, f"closed:{number}:{_times_opened(state)}", words, PrClosed(number=number))

    async def _reopened(self, state: ThreadState, pull: Json) -> None:
        """Somebody opened it again at GitHub."""
        if state.pr is None:
            return
        words = f"Pull request #{state.pr.number} was opened again at GitHub: it is followed as before."
        await self._tell(state.id, f"opened:{state.pr.number}:{_times_opened(state)}", words, state.pr)

    async def _go_on(self, thread: str) -> None:
        await self._store.set_ready(thread, ready=True)
        self.kick(thread)

    async def _left_queue(self, state: ThreadState, pull: Json) -> bool:
        out = await queued.heeded(self._hearing, state, pull)
        if out is not None:
            await self._tell(state.id, *out)
        return out is not None

    async def _rebase(self, state: ThreadState, pull: Json) -> None:
        """The branch conflicts with its base branch: the Coder brings the two together, a few times."""
        begun = [e for e in _since(state) if isinstance(e, RebaseRequested) and not e.message]
        head, base = state.pushed, str(pull["base"]["sha"])
        if len(begun) >= ATTEMPTS or state.opened is None:
            words = f"#{pull['number']} conflicts with its base branch once more. Say **rebase** to go on."
            await self._tell(state.id, f"conflict:{head}", words)
            return
        wish = RebaseRequested(message=0, by=state.opened.owner)
        await self._begin(state.id, wish, f"rebase:{head}:{base}:{_round(state)}")

    async def _check(self, state: ThreadState, pull: Json) -> None:
        head, number = state.pushed, int(pull["number"])
        checks = await self._checks.of(head)
        if self._checks.refused:
            await self._tell(state.id, f"unread:{number}", UNREAD.format(why=plain(self._checks.refused)))
        failed = any(check.result == "failed" for check in checks)
        red = await self._red_on(str(pull["base"]["ref"])) if failed else set()
        tried = await self._tried(state)
        found = verdict(
            checks, red, again=await self._again(state, checks), tried=tried, head=head, now=time.time()
        )
        await self._say_of(state, number, found)
        await self._land_later(state, pull, found, checks)
        if found.act == "green":
            await self._store.note(f"green:{state.id}", str(state.seq))
        elif found.act == "rerun":
            await self._rerun(state, found.own)
        elif found.act == "mend":
            await self._mend(state, found)
        elif found.act == "ask":
            names, tries = code(check.name for check in found.own), len(tried)
            how = "1 attempt" if tries == 1 else f"{tries} attempts"
            text = f"#{number} still fails {names} after {how} of the Coder. Say what to do, or try again."
            await self._tell(state.id, f"ask:{head}:{_round(state)}", text, choices=[_AGAIN])

    async def _land_later(
        self, state: ThreadState, pull: Json, found: Verdict, checks: Sequence[Check]
    ) -> None:
        """A merge that waits for checks alone is made once they have passed, on the same person's word."""
        asked, head, number = awaiting.awaited(state), state.pushed, pull["number"]
        if asked is None or found.inherited or found.own:
            return
        if found.act != "green" or not awaiting.have_come(state, checks):
            words = awaiting.WORDS.format(number=number, head=head[:12], who=plain(asked.by.label))
            await self._tell(state.id, f"awaits:{head}:{asked.message}", words)
        elif why := await awaiting.called_off(self._hearing, state.id, pull, asked):
            await self._called_off(state, asked, why)
        elif asked.by.surface == SURFACE and await self._people.writer(asked.by.id, now=True) is None:
            await self._called_off(state, asked, f"{asked.by.label} may not write here any more")
        else:
            wish = MergeRequested(message=asked.message, by=asked.by)
            await self._begin(state.id, wish, f"merge:{head}:{len(checks)}")  # more may come to be asked for

    async def _called_off(self, state: ThreadState, asked: MergeRequested, why: str) -> None:
        words, event = awaiting.off(state, why)
        await self._tell(state.id, f"off:{state.pushed}:{asked.message}", words, event)

    async def _say_of(self, state: ThreadState, number: int, found: Verdict) -> None:
        """What is nobody's fault here, once."""
        if found.inherited:
            names = code(check.name for check in found.inherited)
            words = f"#{number} fails {names}, which fails on the base branch as well: not by this work."
            await self._tell(state.id, f"inherited:{number}:{names}", words)
        if found.flaky:
            names = code(check.name for check in found.flaky)
            words = f"{names} failed once on #{number} and passed when it ran again: it is not reliable."
            await self._tell(state.id, f"flaky:{state.pushed}:{names}", words)

    async def _red_on(self, branch: str) -> set[str]:
        tip = await self._calls.get(f"{self._path}/branches/{quote(branch)}")
        return {c.name for c in await self._checks.of(str(tip["commit"]["sha"])) if c.result == "failed"}

    async def _tried(self, state: ThreadState) -> list[str]:
        """The heads that the Coder was sent to since all was well, or since a person said to try again."""
        noted = await self._store.noted(f"green:{state.id}")
        after = int(noted) if noted.isdigit() else 0
        wishes = [e for e in _since(state, after) if isinstance(e, MendRequested) and e.about == "checks"]
        return [wish.head for wish in wishes]

    async def _again(self, state: ThreadState, checks: Sequence[Check]) -> dict[str, Again]:
        found = {}
        for check in checks:
            if noted := await self._store.noted(_rerun_key(state, check)):
                found[check.name] = Again(**json.loads(noted))
        return found

    async def _rerun(self, state: ThreadState, checks: Sequence[Check]) -> None:
        again = await self._checks.rerun(checks)  # also after a crash: what runs already is refused
        for check in checks:
            note = {"mark": check.mark, "at": time.time() if check.name in again else 0.0}  # 0: it stands
            await self._store.note(_rerun_key(state, check), json.dumps(note))

    async def _mend(self, state: ThreadState, found: Verdict) -> None:
        parts = [
            f"## {plain(check.name)}\n{await self._checks.log(check) or '(no log can be had)'}"
            for check in found.own[:5]
        ]
        text = "\n\n".join(parts)[:TEXT]
        wish = MendRequested(about="checks", head=state.pushed, text=text)
        await self._begin(state.id, wish, f"mend:{state.pushed}:{_round(state)}")

    async def _begin(self, thread: str, event: Event, key: str) -> None:
        """Work for the thread, once by its key."""
        await self._store.append(thread, [NewEvent(event.kind, f"{SURFACE}:{key}", dump(event))], ready=True)
        self.kick(thread)

    async def _tell(
        self, thread: str, key: str, text: str, event: Event | None = None, *, choices: Sequence[Choice] = ()
    ) -> None:
        """Words for the thread's people, once by their key."""
        if not await self._store.heard(thread, f"post:notice:radar:{SURFACE}:{key}"):
            await self._store.tell([told(thread, f"{SURFACE}:{key}", event, text, choices)])
            self.kick(thread)


def _is_at_work(state: ThreadState) -> bool:
    """Whether something goes on, or a person has to speak first."""
    running = any(f.role == "coder" and f.ended is None for f in state.frames.values())
    asked = state.merge or state.rebase or state.question or state.mend
    still = bool(state.halted) and not state.only_unmerged
    early = state.plan_waits or state.phase != "lead"
    return running or still or early or asked is not None or bool(state.unread)


def _times_opened(state: ThreadState) -> int:
    return sum(isinstance(event, PrOpened) for _, _, event in state.live)


def _rerun_key(state: ThreadState, check: Check) -> str:
    return f"rerun:{state.id}:{state.pushed}:{check.name}"


def _round(state: ThreadState) -> int:
    """Where a person last said to try again."""
    return max((seq for seq, _, event in state.live if isinstance(event, Resumed)), default=0)


def _since(state: ThreadState, after: int = 0) -> list[Event]:
    """What happened since then, and since a person last said to try again."""
    start = max(after, _round(state))
    return [event for seq, _, event in state.live if seq > start]
