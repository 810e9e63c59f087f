"""An item that was taken out of memory, as it stood there: what puts it back."""

from __future__ import annotations

from codebutler.repo.memory_items import noted
from codebutler.repo.memory_page import Page
from codebutler.repo.memory_replaces import is_meant
from codebutler.repo.memory_text import key, plain
from codebutler.types import MemoryItem


def put_back(before: str, removal: MemoryItem) -> list[MemoryItem]:
    """Changes that undo ``removal``; ``before`` is its file as it was, "" where nobody knows any more."""
    page, marked, found = Page(before), noted(before), list[MemoryItem]()
    for wish in removal.replaces:
        entry = next((e for e in page.entries() if is_meant(removal.file, e, wish)), None)
        words = removal.text if entry is None else " ".join(plain(entry.text).split())
        if not words:
            continue
        section = removal.section if entry is None else entry.section
        after = None
        if entry is not None and entry.ordered and (home := page.section_at(entry.start)) is not None:
            after = sum(e.start < entry.start for e in page.steps(home))
        old = marked.get(key(words), words)
        found.append(
            MemoryItem(
                file=removal.file, kind="revert", text=words, section=section, after=after, replaces=["", old]
            )
        )
    return found
