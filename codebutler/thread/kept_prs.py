"""Pull requests that hold nothing but what people kept here: "merge" in their thread lands them, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.errors import CodeButlerError, UsageError
from codebutler.events import MemoryDecided, MemoryProposed
from codebutler.forges.base import Forge, PullRequest
from codebutler.thread import lessons
from codebutler.thread.fold_memory import apart, carried_out, remembered_by
from codebutler.thread.identity import co_authors
from codebutler.thread.memory_again import brought_up
from codebutler.thread.state import ThreadState
from codebutler.thread.taking_back import refuses_waiting
from codebutler.thread.wish_words import orders

if TYPE_CHECKING:
    from codebutler.thread.decisions import Decisions, Word

OTHER = "This thread's pull request is #{number}, not #{said}: nothing was merged."
NONE = "This thread has no pull request #{said}: nothing was merged."
_LANDED = "Merged #{number} as `{commit}`: what was kept is on `{base}`."


async def land(decisions: Decisions, word: Word, number: int = 0) -> str:
    """Merge those that are open, the oldest first, or the one of this ``number``; what to tell the person.

    "" if there is none, or the word is about the thread's own work. Repeated after a
    crash it tells what the last one landed as.
    """
    thread, branches = decisions.thread, apart(decisions.state)
    is_own = thread.state.pr_state == "open" or thread.state.coding
    if not branches or (is_own and not number):
        return ""
    forge = await thread.space.forge()
    all_of_them = [pr for branch in branches if (pr := await forge.find_pr(branch)) is not None]
    found = [pr for pr in all_of_them if number in {0, pr.number}]
    waiting = [pr for pr in found if pr.state == "open"]
    if not waiting:
        done = [pr for pr in found if pr.state == "merged"]
        return (
            _told(done[-1], done[-1].merged_sha) if done and (number or thread.state.merged is None) else ""
        )
    if why := decisions.refused(word, "merge", "merge in this thread"):
        return why
    said = list[str]()
    for pr in waiting:
        try:
            said += await _landed(decisions, word, forge, pr)
        except CodeButlerError as error:
            decisions.was_refused = True
            return "\n".join([*said, f"#{pr.number} did not land: {error}"])
    hint = await forge.pull_hint()
    return "\n".join([*said, *([f"Get it with `{hint}`."] if hint else [])])


async def by_number(decisions: Decisions, word: Word, number: int) -> str:
    """A word to merge that names another pull request than the thread's own, as a button does."""
    if words := await land(decisions, word, number):
        return words
    own = decisions.state.pr
    raise UsageError(OTHER.format(number=own.number, said=number) if own else NONE.format(said=number))


async def turn_down(decisions: Decisions, word: Word, wish: str) -> str:
    """Close the one that came last, where the words say so; else it is named, with the words that do.

    "" if none waits. What was kept in it can be taken up again.
    """
    thread, forge = decisions.thread, await decisions.thread.space.forge()
    for branch, decided in reversed(_decisions(decisions.state)):
        pr = await forge.find_pr(branch)
        if pr is None or pr.state != "open":
            continue
        names = lessons.named(decided.kept, decided.numbers)
        if not _is_whole(wish, decided):
            return (
                f"What was kept waits in [#{pr.number}]({pr.url}): {names}. "
                f'**"drop them all"** closes it, **"merge"** lands it.'
            )
        with thread.turn.firm():
            await forge.close(pr.number)
        decisions.take(MemoryProposed(items=[], aside=decided.kept))
        aside = lessons.aside(decisions.state.set_aside + decided.kept, is_open=False)
        return f"Closed [#{pr.number}]({pr.url}), so it does not land: {names}.\n\n{aside}"
    return ""


def _decisions(state: ThreadState) -> list[tuple[str, MemoryDecided]]:
    """Their branches, the oldest first, and what was kept there; not those that take something back."""
    both = carried_out(state)
    return [(done.branch, decided) for decided, done in both if done.branch and not decided.apart]


def _is_whole(wish: str, decided: MemoryDecided) -> bool:
    """Whether it turns down all that was kept there: in words, or by all its numbers."""
    said = {number for order in orders(wish) for number in order.numbers}
    return refuses_waiting(wish) or (bool(said) and said == set(decided.numbers))


async def _landed(decisions: Decisions, word: Word, forge: Forge, pr: PullRequest) -> list[str]:
    thread = decisions.thread
    async with thread.host.merging:
        head, told = await brought_up(thread.host.repo.gitdir, thread.host.store, forge, pr)
        named = await co_authors(thread.host.store, [word.by, *remembered_by(thread.state, pr.branch)])
        with thread.turn.firm():
            result = await forge.merge(pr.number, expected_head=head, co_authors=named)
    return [*told, _told(pr, result.sha)]


def _told(pr: PullRequest, commit: str) -> str:
    return _LANDED.format(number=pr.number, commit=commit[:12], base=pr.base)
