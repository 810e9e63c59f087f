"""What is proposed for memory against what memory holds: repeated, contradicted, misplaced, full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from codebutler.errors import ToolFailed
from codebutler.repo import workflows
from codebutler.repo.memory import FILE_CHARS, MEMORY_FILES, NEAR, is_known
from codebutler.repo.memory_items import Known, known
from codebutler.repo.memory_likeness import is_value, relation, relative, words_of
from codebutler.repo.memory_replaces import gone_with, named
from codebutler.repo.memory_text import inline, key, keys, plain
from codebutler.types import MemoryItem

TOPIC = 2
"""Items about the topic of a correction that are shown with it."""
LOST = 3
"""Words of an old item that a correction without them may take along."""
SHOWN = 60
"""Characters of an item in a line about it."""


def weighed(memory: Mapping[str, str], item: MemoryItem) -> MemoryItem | None:
    """``item`` with what it repeats or contradicts; None when memory holds it word for word.

    Keeping one that repeats or contradicts replaces the old item. ToolFailed where it has no place.
    """
    text = memory.get(item.file, "")
    if is_known(text, item):
        return None
    if item.replaces or item.kind not in {"lesson", "add_step"}:
        below = gone_with(text, item) if item.kind in {"lesson", "remove"} else ""
        item = named(text, item)
        return (
            item.model_copy(update={"seen": _also(item.seen, f"with it goes “{below}”")}) if below else item
        )
    within = keys(item.section)
    home = [x for x in known(text, item.file) if item.kind == "lesson" or key(x.section) in within]
    words = plain(inline(item.text), "`")  # as they are read: a link's address is no word
    what, old = relative(words, home)
    if old is None and item.kind == "lesson":
        what, old = relative(words, _elsewhere(memory, item.file))
        return item if old is None else item.model_copy(update={"relation": what, "seen": _where(old.file)})
    if old is None:
        return item
    return item.model_copy(update={"relation": what, "replaces": [old.text]})


def corrected(
    memory: Mapping[str, str], item: MemoryItem, waiting: Sequence[MemoryItem] = ()
) -> MemoryItem | None:
    """A correction ("limit: it is 20 kg"), weighed, also against the list that waits.

    If no words clash, it has what memory says of its topic; the one item that says just that is replaced.
    """
    found = weighed(memory, item)
    found = beside(found, waiting) if found is not None else None
    topic, colon, _ = item.text.partition(":")
    meant = set(words_of(topic)) if colon else set[str]()
    if found is None or not meant or found.relation or found.seen:
        return found
    wronged = [
        x for x in known(memory.get(item.file, ""), item.file) if _is_put_right(item.text, x.text, meant)
    ]
    if len(wronged) == 1:
        found = found.model_copy(update={"relation": "contradicts", "replaces": [wronged[0].text]})
    texts = [
        x.text
        for name, text in memory.items()
        for x in known(text, name)
        if meant <= set(words_of(x.text)) and x.text not in found.replaces
    ]
    listed = [x.text for x in waiting if x.kind != "remove" and meant <= set(words_of(x.text))]
    said = ""
    for who, lines in (
        ("memory says of that, and goes on saying it", texts),
        ("this list says of that, too", listed),
    ):
        if lines:
            said = _also(said, f"{who}: {'; '.join(f'“{line}”' for line in lines[:TOPIC])}")
    return found.model_copy(update={"seen": said}) if said else found


def _is_put_right(right: str, old: str, topic: set[str]) -> bool:
    """Whether memory's ``old`` says little but another thing of the topic: half of its words are that,
    or both name a value."""
    ours, theirs = set(words_of(right)), set(words_of(old))
    lost = theirs - ours
    if not topic <= theirs or not 0 < len(lost) <= LOST:
        return False
    return len(topic) * 2 >= len(theirs) or (any(map(is_value, lost)) and any(map(is_value, ours - theirs)))


def _also(first: str, second: str) -> str:
    return f"{first}; {second}" if first else second


def _elsewhere(memory: Mapping[str, str], file: str) -> list[Known]:
    return [x for name, text in memory.items() if name != file for x in known(text, name)]


def _where(file: str) -> str:
    return f"the like of it stands in {file}"


def rooms(memory: Mapping[str, str]) -> list[str]:
    """A line for each file that is nearly full, for the Lead."""
    return [
        f"{name} holds {len(memory[name])} of {FILE_CHARS} characters: make room in it. Propose merges "
        "(an item whose `replaces` names those it stands for) or removals (kind `remove`)."
        for name in MEMORY_FILES
        if len(memory.get(name, "")) >= NEAR * FILE_CHARS
    ]


class Sifted(Struct, frozen=True):
    """What becomes of proposed items: ``fresh`` are put to people, ``held`` are words that memory holds.

    ``unfit`` have no place in their file as it is, with the reason; ``lines`` are for the model.
    """

    fresh: list[MemoryItem] = []
    held: list[str] = []
    unfit: list[tuple[MemoryItem, str]] = []
    lines: list[str] = []


def refuse_past(item: MemoryItem, today: str) -> None:
    """ToolFailed for a lesson whose last day is before ``today`` (YYYY-MM-DD)."""
    if item.expires and item.expires < today:
        raise ToolFailed(f"its last day, {item.expires}, is past (today is {today})")


def sifted(
    memory: Mapping[str, str], waiting: Sequence[MemoryItem], items: Sequence[MemoryItem], today: str = ""
) -> Sifted:
    """``items`` but for those that ``waiting`` has already, one by one; ``today`` is a day, YYYY-MM-DD."""
    out = Sifted()
    for item in items:
        if any(is_like(item, other) for other in (*waiting, *out.fresh)):  # said twice, or after a crash
            continue
        try:
            found = weighed(memory, item)
            refuse_past(item, today)
            _refuse_nowhere(memory, item, [*waiting, *items])
        except ToolFailed as error:
            out.lines.append(f"refused, {error.message}: {item.text[:SHOWN]}")
            if _is_unfit(memory, item):
                out.unfit.append((item, str(error)))
            continue
        if found is None and item.kind == "remove":
            gone = "; ".join(item.replaces)[:SHOWN]
            out.lines.append(f"{item.file} has no such item to remove: {gone}")
        elif found is None:
            out.held.append(item.text)
            out.lines.append(f"memory holds this already: {item.text[:SHOWN]}")
        else:
            found = beside(found, [*waiting, *out.fresh])
            out.fresh.append(found)
            if found.relation:
                out.lines.append(
                    f"{found.relation} what memory holds, and people see that: {item.text[:SHOWN]}"
                )
    return out


def is_like(one: MemoryItem, other: MemoryItem) -> bool:
    """Whether both propose the same."""
    return (one.file, one.kind, one.section, one.text) == (other.file, other.kind, other.section, other.text)


def undesired(items: Sequence[MemoryItem], dropped: Sequence[MemoryItem]) -> list[MemoryItem]:
    """Those of ``items`` that say again what people have ``dropped``, maybe in other words."""
    return [item for item in items if any(is_like(item, old) or _says_again(item, old) for old in dropped)]


def _says_again(item: MemoryItem, old: MemoryItem) -> bool:
    lessons = (item.file, item.kind, old.kind) == (old.file, "lesson", "lesson")
    return lessons and relation(item.text, old.text) == "repeats"


def _refuse_nowhere(memory: Mapping[str, str], item: MemoryItem, proposed: Sequence[MemoryItem]) -> None:
    """ToolFailed for a step of a workflow that neither memory has nor ``proposed``: a slip of the name would
    begin a second one."""
    if item.kind not in {"add_step", "automate"}:
        return
    there = list(workflows.parse(memory.get(item.file, "")))
    names = [*there, *(x.section for x in proposed if x.kind == "new_workflow")]
    if there and keys(item.section).isdisjoint(each for name in names for each in keys(name)):
        raise ToolFailed(
            f"there is no workflow {item.section[:SHOWN]!r}; there are {', '.join(there)}",
            fix="A new one is of kind new_workflow.",
        )


def _is_unfit(memory: Mapping[str, str], item: MemoryItem) -> bool:
    """Whether the file is to blame, which is full or of a form that leaves no room: an empty one takes it."""
    alone = item.model_copy(update={"replaces": [], "after": None})
    return item.kind != "remove" and _has_room("", alone) and not _has_room(memory.get(item.file, ""), alone)


def _has_room(text: str, item: MemoryItem) -> bool:
    try:
        is_known(text, item)
    except ToolFailed:
        return False
    return True


def beside(item: MemoryItem, others: Sequence[MemoryItem]) -> MemoryItem:
    """``item`` with a word on another of the list that says the like, or that takes the same one's place."""
    lists = [x for x in others if x.file == item.file and x.kind == item.kind == "lesson"]
    for other in lists:
        what = relation(item.text, other.text)
        if not what and set(item.replaces) & set(other.replaces):
            what = "contradicts"
        if what and not item.seen:
            return item.model_copy(update={"seen": f"it {what} another item of this list: “{other.text}”"})
    return item
