"""What a person says about memory: items kept, changed, dropped, taken back; and corrections."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from codebutler.errors import ToolFailed
from codebutler.events import Event, Mark, MemoryDecided, MemoryMarked, MemoryProposed, Posted, Resumed
from codebutler.repo.memory_items import all_learned
from codebutler.thread import access, kept_prs, lessons, render, wishes
from codebutler.thread.fold_memory import alone, apart, committed, overtaken, unseen
from codebutler.thread.learning import day
from codebutler.thread.state import ThreadState
from codebutler.thread.taking_back import (
    listing,
    refuses_all,
    refuses_waiting,
    revert_all,
    revert_one,
    texts_now,
)
from codebutler.thread.weighing import beside, corrected, is_like, refuse_past, weighed
from codebutler.thread.wish_words import orders
from codebutler.types import MemoryItem, Outbound

if TYPE_CHECKING:
    from codebutler.thread.decisions import Decisions, Word

_OVERTAKEN = "Somebody else decided on that list a moment before: nothing was changed."
_UNSEEN = "That was said before this list stood here: nothing was decided by it."
_COMMITTED = 'What was kept is committed. To take an item back, say **"memory revert"** and the item.'
_BEING = 'That is being committed. To undo it, say **"memory revert"** and the item.'
_UNMARKED = "Nothing of the list that waits is marked, so that nothing was committed."
_FILE_OF = {"pm": "pm.md", "coder": "pm.md", "researcher": "pm.md", "lead": "lead.md", "artist": "artist.md"}
"""Where a correction of a role goes: what the Coder and Researchers must know, the PM tells them."""


async def decide(decisions: Decisions, word: Word, wish: str) -> str:
    """Take ``wish`` on the items that wait; returns what to tell the person."""
    verb, _, rest = wish.strip().partition(" ")
    if wish.strip().lower() == "list":
        return listing(await asyncio.to_thread(all_learned, await texts_now(decisions)))
    if why := decisions.refused(word, "memory", "decide on memory in this thread"):
        return why
    if verb.lower() == "revert":
        return _taken_back(decisions, word, await revert_one(decisions, word, rest.strip()))
    state = decisions.state
    if state.kept and state.memory is None and state.pr_state != "open" and apart(state):
        is_meant = wish == "no" or refuses_waiting(wish) or _only_drops(state, wish)
        if is_meant and (words := await kept_prs.turn_down(decisions, word, wish)):
            return words
    if state.kept and state.memory is None and (wish == "no" or refuses_all(wish)):
        return await _refused(decisions, word, wish)
    return await _on_the_list(decisions, word, wish)


async def _on_the_list(decisions: Decisions, word: Word, wish: str) -> str:
    state = decisions.state
    if why := _too_late(state, word, wish):
        decisions.answer = _again(state, why)
        return why
    items = state.memory if state.memory is not None else state.set_aside
    marks: list[Mark] = state.marks if state.memory is not None else ["drop"] * len(items)
    wish, is_meant = lessons.pressed(wish, state.memory or [])
    if not is_meant and state.memory:
        decisions.answer = lessons.card(items, marks)
    if not is_meant:
        return (
            decisions.answer.text if decisions.answer else "That list was decided: its buttons count no more."
        )
    now = wishes.take(items, marks, wish)
    if problem := now.problem or await _fault(decisions, now):
        decisions.answer = _again(state, problem)
        return problem
    if not now.done:
        decisions.take(MemoryMarked(message=word.seq, items=now.items, marks=now.marks, by=word.by))
        decisions.answer = lessons.card(now.items, now.marks)
        return decisions.answer.text
    if state.memory is None:  # what was set aside is the list now: it must not be set aside twice
        decisions.take(MemoryMarked(message=word.seq, items=now.items, marks=now.marks, by=word.by))
    return _last_word(decisions, word, now)


async def merge(decisions: Decisions, word: Word, *, numbered: bool) -> str:
    """A word to merge. Where nothing of the thread's own is to land, a list that waits is decided as marked.

    With ``numbered`` it names a pull request, as a button does: then it is about no list.
    """
    if numbered or not alone(decisions.state):
        return await decisions.merge(word)
    state = decisions.state
    if not any(state.marks):
        words = f"{await decisions.merge(word)}\n\n{_UNMARKED}"
        decisions.answer = _again(state, words)
        return words
    landed = await kept_prs.land(decisions, word)
    if decisions.was_refused:
        return landed
    why = decisions.refused(word, "memory", "decide on memory in this thread")
    if why := why or _too_late(state, word, "yes"):
        words = "\n\n".join(filter(None, [landed, why]))
        decisions.answer = _again(state, words)
        return words
    told = _last_word(decisions, word, wishes.Working(state.memory or [], state.marks, done=True))
    return "\n\n".join(filter(None, [landed, told]))


def _last_word(decisions: Decisions, word: Word, now: wishes.Working) -> str:
    """The list is decided; what to tell of that beside what is committed then."""
    state = decisions.state
    before = state.set_aside if state.memory is not None else []
    decided = MemoryDecided(message=word.seq, kept=now.kept, dropped=now.dropped, by=word.by)
    decisions.take(decided.model_copy(update={"numbers": now.numbers}))
    words = _after(decisions, word) if now.kept else _none_kept(state)
    were = [*range(1, len(before) + 1), *(n for n in range(1, len(now.items) + 1) if n not in now.numbers)]
    return "\n\n".join(filter(None, [words, _aside(state, [*before, *now.dropped], were)]))


def _too_late(state: ThreadState, word: Word, wish: str) -> str:
    """Why there is nothing that the word could decide on; "" if there is."""
    if overtaken(state, word.seq, word.by):
        return _OVERTAKEN
    if state.memory and unseen(state, word.seq):
        return _UNSEEN
    if state.memory_commits < len(state.kept):
        return _BEING
    waits = state.memory if state.memory is not None else state.set_aside
    found = orders(wish)
    is_new = bool(found) and all(order.verb == "add" for order in found)
    is_gone = not waits or (bool(committed(state)) and _only_drops(state, wish))
    if state.kept and state.memory is None and not is_new and is_gone:
        return _COMMITTED
    return "" if waits or is_new else "No memory items wait for a decision."


def _only_drops(state: ThreadState, wish: str) -> bool:
    found = orders(wish)
    if "forget" in wish.lower() and any(map(wishes.takes_out, state.set_aside)):
        return False
    return bool(found) and all(order.verb == "drop" for order in found)


def _again(state: ThreadState, problem: str) -> Outbound | None:
    """The list that waits, or what was set aside, under what is wrong with words about it; None without."""
    if not state.memory:
        aside = _aside(state, state.set_aside)
        return Outbound(text=f"{problem}\n\n{aside}", kind="notice") if aside else None
    card = lessons.card(state.memory, state.marks)
    return card.model_copy(update={"text": f"{problem}\n\n{card.text}"})


def _aside(state: ThreadState, items: Sequence[MemoryItem], were: Sequence[int] = ()) -> str:
    return lessons.aside(items, were, is_open=state.pr_state == "open")


def _none_kept(state: ThreadState) -> str:
    """That nothing is kept by a last word, and what was committed before it and still is."""
    before = committed(state)
    if not before:
        return "Nothing was kept."
    return f"Nothing more was kept; committed before: {lessons.named(before, [])}."


async def _fault(decisions: Decisions, now: wishes.Working) -> str:
    """What is wrong with a person's own words for an item; "" when memory can take them."""
    if not now.changed:
        return ""
    texts = await texts_now(decisions)
    for place in now.changed:
        try:
            found = await asyncio.to_thread(weighed, texts, now.items[place])
            refuse_past(now.items[place], day(decisions.state.ts))
        except ToolFailed as error:
            return f"Item {place + 1}: {error}"
        if found is None:
            return f"Item {place + 1}: memory holds this already."
        now.items[place] = beside(found, [x for n, x in enumerate(now.items) if n != place])
    return ""


def _after(decisions: Decisions, word: Word) -> str:
    """A halted thread goes on where only memory waits for it."""
    state = decisions.state
    if state.halted and not state.paused_at and state.phase == "lead":
        # as after a merge that was refused; work that was called off stays so: only memory was spoken of
        stays = state.called_off or state.broken_off is not None
        decisions.take(Resumed(message=0 if stays else word.seq, by=word.by))
    elif state.halted:
        return 'Noted. It is kept once the thread goes on: say **"go"**.'
    return ""


def settled(state: ThreadState, word: Word) -> list[Event]:
    """For a merge: what a person has marked to be kept is decided by it. What nobody marked is not."""
    if not state.memory or "keep" not in state.marks:
        return []
    now = wishes.Working(state.memory, state.marks)
    decided = MemoryDecided(message=word.seq, kept=now.kept, dropped=now.dropped, by=word.by)
    told = {"numbers": now.numbers, "left_out": _left_out(state)}
    return [decided.model_copy(update=told)]


def _left_out(state: ThreadState) -> str:
    """What a merge drops of the list that waits, in a line: by a word, and because nobody spoke of it."""
    places = list(enumerate(zip(state.memory or [], state.marks, strict=True), 1))
    said = []
    for mark, what in (("drop", "Dropped"), ("", "Left out, as nobody decided on it")):
        found = [(n, item) for n, (item, was) in places if was == mark]
        if found:
            said.append(f"{what}: {lessons.named([item for _, item in found], [n for n, _ in found])}.")
    return " ".join(said)


async def _refused(decisions: Decisions, word: Word, wish: str) -> str:
    """All that was kept is turned down after it was committed."""
    if overtaken(decisions.state, word.seq, word.by):
        return _OVERTAKEN
    if decisions.state.memory_commits < len(decisions.state.kept):
        return _BEING
    return _taken_back(decisions, word, await revert_all(decisions, word, wish))


def _taken_back(decisions: Decisions, word: Word, why: str) -> str:
    is_done = any(isinstance(event, MemoryDecided) for event in decisions.taken)
    return "\n".join(filter(None, [why, _after(decisions, word) if is_done else ""]))


async def correct(decisions: Decisions, word: Word, role: str, what: str) -> str:
    """A role was wrong: what is right is proposed for memory at once, in the person's words."""
    text = " ".join(what.split()).strip(" .:")
    file = _FILE_OF.get(role.lower().removeprefix("the "))
    if file is None or not text:
        return 'Say who was wrong, and what is right: "the PM was wrong about the limit: it is 20 kg".'
    texts = await texts_now(decisions)
    by = word.by.label
    may = access.may(decisions.thread.config.access, decisions.state, word.by, "memory")
    why = f"{by} corrected the {render.title(role.lower())}"
    item = MemoryItem(file=file, text=text, why=why, by_name=not may, expires=wishes.last_day(text) or "")
    try:
        refuse_past(item, day(decisions.state.ts))
        found = await asyncio.to_thread(corrected, texts, item, decisions.state.memory or [])
    except ToolFailed as error:
        return str(error)
    if found is None or any(item.text == x.text for x in decisions.state.memory or []):
        return f"Memory holds this already, or it waits for a decision: {text}"
    decisions.take(MemoryProposed(items=[found]))
    waiting = [*(decisions.state.memory or []), found]
    decisions.answer = lessons.card(waiting, [*decisions.state.marks, ""])
    return decisions.answer.text


def shown(state: ThreadState) -> Outbound:
    """The items that wait, as they are now, and what was not proposed."""
    card = lessons.card(state.memory or [], state.marks, known=state.turned_away, unfit=state.unfit)
    if new := _renumbered(state):
        card = card.model_copy(update={"text": f"{new}\n\n{card.text}"})
    if state.memory or not state.unfit:
        return card  # what is set aside is listed with the decision
    text = f"{card.text}\n\nMend the file by hand on the pull request.\n{_aside(state, state.set_aside)}"
    return card.model_copy(update={"text": text})


def _renumbered(state: ThreadState) -> str:
    """Which numbers of the list mean other items than in the one that was shown before; "" if none do."""
    posts = (event.post.data for _, _, event in reversed(state.live) if isinstance(event, Posted))
    before = next((shown for data in posts if isinstance(shown := data.get("items"), list) and shown), ())
    old = [MemoryItem.model_validate(item) for item in before]
    places = [next((n for n, x in enumerate(old, 1) if is_like(x, item)), 0) for item in state.memory or []]
    moved = [f"{n} was {was}" for n, was in enumerate(places, 1) if was not in {0, n}]
    if moved:
        return f"The numbers are new: {', '.join(moved)}."
    return "This is a new list: its numbers count, and no earlier ones." if old and not any(places) else ""
