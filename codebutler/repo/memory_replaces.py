"""What a change of memory takes the place of: found by words or id, and shown in the file's own words."""

from __future__ import annotations

from codebutler.errors import ToolFailed
from codebutler.repo.memory_items import item_id, seen
from codebutler.repo.memory_page import Entry, Page
from codebutler.repo.memory_text import key, keys, plain
from codebutler.types import MemoryItem


def present(text: str, item: MemoryItem) -> list[Entry]:
    """What ``item`` replaces, each once. ToolFailed for what is not there."""
    page, found = Page(text), list[Entry]()
    within = page.section(item.section) if item.kind in {"add_step", "automate"} else None
    for wish in item.replaces:
        entry = next((e for e in page.entries(within) if is_meant(item.file, e, wish)), None)
        if entry is None:
            raise ToolFailed(f"{item.file} has no item {wish[:80]!r} to replace or remove")
        if entry not in found:
            found.append(entry)
    return found


def is_meant(file: str, entry: Entry, wish: str) -> bool:
    """Whether ``wish`` names the item: by its id or words, as they are read or as they stand in the file."""
    words = plain(entry.text)
    return wish.strip() == item_id(file, entry.section, words) or key(words) in keys(wish)


def gone_with(text: str, item: MemoryItem) -> str:
    """What else goes when ``item`` comes: all that stands below the items that it removes."""
    page = Page(text)
    meant = [next((e for e in page.entries() if is_meant(item.file, e, w)), None) for w in item.replaces]
    cut = meant if item.kind == "remove" else meant[1:]
    return " ".join(below for entry in cut if entry is not None and (below := page.below(entry)))


def named(text: str, item: MemoryItem) -> MemoryItem:
    """``item`` with the file's own words for what goes: a person decides on these, whatever a model says.

    A removal's own text becomes those words, and what the model called it the reason. Where two items have
    the same words an id is kept, and ``seen`` says whose it is.
    """
    if not item.replaces or item.kind == "revert":
        return item
    page = Page(text)
    if item.kind == "remove":
        meant = [next((e for e in page.entries() if is_meant(item.file, e, w)), None) for w in item.replaces]
        words = "; ".join(dict.fromkeys(seen(entry.text) for entry in meant if entry is not None))
        why = item.why or ("" if key(words) in keys(item.text) else item.text)
        return item.model_copy(update={"text": words, "why": why})
    names, notes = list[str](), list[str]()
    for entry in present(text, item):
        words = seen(entry.text)
        first = next(e for e in page.entries() if is_meant(item.file, e, words))
        name = words if first.start == entry.start else item_id(item.file, entry.section, words)
        names.append(name)
        notes += [f"{name} is “{words}”"] if name != words else []
    return item.model_copy(update={"replaces": names, "seen": "; ".join(notes) or item.seen})
