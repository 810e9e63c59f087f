"""What was kept is taken back, by name or as a whole: a commit of its own, like one that keeps an item."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codebutler.errors import ToolFailed
from codebutler.events import FrameStarted, MemoryCommitted, MemoryDecided, ModelReplied
from codebutler.repo.git import resolve
from codebutler.repo.memory import apply_item
from codebutler.repo.memory_file import memory_text
from codebutler.repo.memory_items import Learned, all_learned, called, learned, learned_since
from codebutler.repo.memory_removed import put_back
from codebutler.repo.memory_text import SECTION_CHARS, bare, key, keys
from codebutler.thread import lessons
from codebutler.thread.fold_memory import apart, carried_out
from codebutler.thread.host import memory_path
from codebutler.thread.memory_now import memory_now, replaced, tip_of_memory
from codebutler.thread.state import ThreadState
from codebutler.thread.wish_words import is_no, unhesitant
from codebutler.types import MemoryItem

if TYPE_CHECKING:
    from codebutler.thread.decisions import Decisions, Word

_ALL = (
    r"(?:(?:them|it|these|those)\s+(?:all|both)|(?:all|both)(?:\s+of\s+(?:them|it|these|those))?|everything)"
)
_REFUSES = re.compile(
    rf"(?:drop|remove|discard|delete|undo|revert|forget|take\s+back|don['\u2019]?t\s+keep)\s+(?:memory\s+)?{_ALL}"
    r"|keep\s+(?:none|nothing)(?:\s+of\s+(?:them|it|these|those))?|no(?:pe)?[\s,;.:!\u2013-]+(?:drop|remove|"
    r"discard|delete|undo|revert|forget|keep\s+none\s+of)\s+(?:them|these|those)|none\s+of\s+(?:them|these|those)",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"(?:no(?:pe)?[\s,]+)?drop\s+(?:them\s+all|all(?:\s+of\s+them)?)", re.IGNORECASE)
_THAT = re.compile(
    r"(?:no(?:pe)?[\s,;.:!\u2013-]+)?(?:drop|remove|discard|delete|forget)\s+(?:it|that|this)", re.IGNORECASE
)
_NO = re.compile(r"no(?:pe)?(?:[\s,]+(?:thanks|thank\s+you))?", re.IGNORECASE)


def refuses_kept(state: ThreadState, text: str) -> bool:
    """Whether a word turns down what was just committed, to the pull request that is open or one of its own.

    Once a role has spoken since, it may be about that: only "drop them all" is then as plain as that.
    """
    if not state.kept or state.memory or state.plan_waits or state.question is not None:
        return False
    is_apart = state.phase == "closed" and bool(apart(state))
    if not is_apart and (state.pr_state != "open" or state.phase != "lead"):
        return False
    bare = text.strip(" .!")
    if _PLAIN.fullmatch(bare) is not None or (is_apart and refuses_waiting(text)):
        return True
    return _is_last(state) and (refuses_all(text) or is_no(bare) or _NO.fullmatch(bare) is not None)


def refuses_waiting(text: str) -> bool:
    """Whether it turns down what waits in a pull request of its own; in a closed thread "drop that" does."""
    return refuses_all(text) or _THAT.fullmatch(unhesitant(text).strip(" .!")) is not None


def refuses_all(text: str) -> bool:
    """Whether it names all that was kept as what is not wanted: "no wait, remove both"."""
    bare = text.strip().strip("*_`").strip(" .!")
    return any(_REFUSES.fullmatch(each) is not None for each in (bare, unhesitant(bare)))


def _is_last(state: ThreadState) -> bool:
    for _, _, event in reversed(state.live):
        if isinstance(event, FrameStarted | ModelReplied):
            return False
        if isinstance(event, MemoryCommitted):
            return True
    return False


async def texts_now(decisions: Decisions) -> dict[str, str]:
    """Memory as what is decided now would find it."""
    thread = decisions.thread
    return await memory_now(thread.host, thread.space, decisions.state, (await thread.load_rules()).memory)


def listing(known: list[Learned]) -> str:
    """Learned items with the ids by which they are taken back."""
    if not known:
        return "Nothing was learned yet."
    lines = [f"- `{x.id}` {x.text} _({x.file}, {x.date}, by {x.by})_" for x in known]
    return "\n".join(
        ["Learned items, by id:", "", *lines, "", 'Say **"memory revert ID"** to take one back.']
    )


async def revert_one(decisions: Decisions, word: Word, name: str) -> str:
    """Take one item back, by its id or words; what this thread took out of memory is put back by its words.

    Returns what is wrong, "" when it is decided.
    """
    texts = await texts_now(decisions)
    known = await asyncio.to_thread(all_learned, texts)
    if not name:
        return listing(known)
    if one := called(known, name):
        back = [await _without(decisions, one)]
    else:
        words = keys(name)
        back = [x for x in await _removed(decisions, texts) if key(x.text) in words]
    if not back:
        hint = "What a thread took out of memory comes back by its words, said in that thread."
        return f"Memory has no learned item {name.strip()[:80]!r}. {hint} {listing(known)}"
    return await _decide(decisions, word, texts, back, range(len(decisions.state.kept)))


async def revert_all(decisions: Decisions, word: Word, wish: str) -> str:
    """Take back all that was kept by the last decision, where the words say so; else that is named, with the
    way. What was taken back already counts no more."""
    texts, place = await texts_now(decisions), 0
    known, back = await asyncio.to_thread(all_learned, texts), list[MemoryItem]()
    for place in reversed(range(len(decisions.state.kept))):
        back = [await _without(decisions, x) for x in _kept(decisions.state, known, place)]
        back += await _removed(decisions, texts, place)
        if back:
            break
    if not back:
        mine = [x for x in known if x.thread == decisions.state.id]
        return listing(mine) if mine else "Nothing of what was kept here stands in memory any more."
    if refuses_all(wish):
        return await _decide(decisions, word, texts, back, [place])
    names = lessons.named(back, [])
    return (
        f'What was kept is committed: {names}. **"drop them all"** takes it back, '
        '**"memory revert"** and the item\'s words a single one.'
    )


def _kept(state: ThreadState, known: list[Learned], place: int) -> list[Learned]:
    """What was kept by that decision of the thread, and still stands there, the last first."""
    items = [item for item in state.kept[place].kept if item.kind != "revert"]
    texts = [(x.file, text) for x in items for text in (x.text, bare(x.section, SECTION_CHARS))]
    words = {(file, each) for file, text in texts for each in keys(text)}
    return [x for x in reversed(known) if x.thread == state.id and (x.file, key(x.text)) in words]


async def _without(decisions: Decisions, one: Learned) -> MemoryItem:
    """The change that takes a learned item back, and puts what it had replaced there again."""
    thread = decisions.thread
    tip = await tip_of_memory(thread.space, decisions.state)
    old = await replaced(thread.host.store, thread.host.repo.gitdir, tip, one)
    return MemoryItem(
        file=one.file, kind="revert", text=one.text, section=one.section, replaces=[one.id, *old]
    )


async def _removed(
    decisions: Decisions, texts: Mapping[str, str], place: int | None = None
) -> list[MemoryItem]:
    """What puts back the items that this thread took out of memory, and that are not there.

    With a ``place``, those of that decision alone, and none that it took back.
    """
    state, gitdir = decisions.state, decisions.thread.host.repo.gitdir
    found = list[MemoryItem]()
    for at, (decided, done) in enumerate(carried_out(state)):
        for item in decided.kept if done.commit and place in {None, at} else ():
            if item.kind == "remove" or (item.kind == "revert" and place is None):
                before = await _before(gitdir, done.commit, memory_path(item.file))
                if item.kind == "remove" or _is_single(before, item):
                    found += await asyncio.to_thread(put_back, before, item)
    return [item for item in found if _with(texts[item.file], item) != texts[item.file]]


def _is_single(before: str, taken: MemoryItem) -> bool:
    """Whether what was taken back is a mere item that had replaced none: its words put it back."""
    one = called(learned(before, taken.file), taken.replaces[0])
    return len(taken.replaces) == 1 and one is not None and not one.workflow and not one.automated


async def _before(gitdir: Path, commit: str, path: str) -> str:
    """A memory file before a commit of ours; "" where it cannot be read any more."""
    parent = await resolve(gitdir, f"{commit}^")  # None once git has cleared away what was squashed
    return (await memory_text(gitdir, parent, path) or "") if parent else ""


def _with(text: str, item: MemoryItem) -> str:
    return apply_item(text, item, thread="", date="", approver="")


async def _decide(
    decisions: Decisions,
    word: Word,
    texts: Mapping[str, str],
    back: Sequence[MemoryItem],
    places: Sequence[int],
) -> str:
    """One decision for all that can be taken back; what cannot is said. "" when all can.

    ``places`` are the decisions that may have kept it: what they kept can be taken up again.
    """
    now, done, refused, words = dict(texts), list[MemoryItem](), list[str](), set[tuple[str, str]]()
    for item in back:
        along = await asyncio.to_thread(_along, now[item.file], item)
        try:
            now[item.file] = await asyncio.to_thread(_with, now[item.file], item)
        except ToolFailed as error:
            refused.append(f"{lessons.named([item], [])}: {error}" if len(back) > 1 else str(error))
        else:
            done.append(item.model_copy(update={"seen": "; ".join(f"“{text}”" for text in along)}))
            words |= {(item.file, key(text)) for text in (item.text, *along)}
    if done:
        were = _as_decided(decisions.state, words, places)
        decisions.take(MemoryDecided(message=word.seq, kept=done, by=word.by, dropped=were, apart=True))
    return "\n".join(refused)


def _along(text: str, item: MemoryItem) -> list[str]:
    """The words of steps that go with a workflow that is taken back."""
    one = called(learned(text, item.file), item.replaces[0]) if item.replaces[0] else None
    return learned_since(text, one) if one is not None else []


def _as_decided(
    state: ThreadState, words: Collection[tuple[str, str]], places: Sequence[int]
) -> list[MemoryItem]:
    """The items, as people decided on them there, with one of these (file, key); in their order."""

    def goes(item: MemoryItem) -> bool:
        whole = bare(item.section, SECTION_CHARS) if item.kind == "new_workflow" else item.text
        texts = (whole, *(item.replaces if item.kind == "remove" else ()))
        return item.kind != "revert" and any((item.file, x) in words for text in texts for x in keys(text))

    found = list[MemoryItem]()
    for place in places:
        found += [item for item in state.kept[place].kept if goes(item) and item not in found]
    return found
