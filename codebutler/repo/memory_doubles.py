"""What two threads kept without knowing of each other, once their files are joined: the same, or a rival."""

from __future__ import annotations

from difflib import SequenceMatcher

from codebutler.errors import ToolFailed
from codebutler.repo.memory import WORKFLOWS, without_learned, without_section
from codebutler.repo.memory_items import Learned, known, learned
from codebutler.repo.memory_page import Page, Section, is_blank
from codebutler.repo.memory_text import key, keys, shown
from codebutler.types import MemoryItem


def undoubled(text: str, file: str, *, thread: str, others: str) -> tuple[str, list[str]]:
    """``text`` without what ``thread`` learned where ``others``, a part of it, has that too; what to tell."""
    lines, left = list[str](), set[str]()
    while one := _double(text, file, thread, others, left):
        try:
            text = without_learned(text, one)
            lines += (
                []
                if one.workflow
                else [f"“{shown(one.text)}” was kept by another thread, too: it stands once."]
            )
        except ToolFailed as error:
            left.add(one.id)
            lines.append(f"“{shown(one.text)}” stands there twice, join them by hand: {error.message}")
    return text, lines


def gathered(text: str, file: str, *, thread: str) -> str:
    """``text`` with what ``thread`` learned under a heading of its own below the same heading before it.

    Two threads that both begin a section make two of one name. One into which people wrote stays.
    """
    if file == WORKFLOWS:
        return text
    page, heads = Page(text), dict[tuple[str, int], int]()
    for number, section in enumerate(page.sections):
        first = heads.setdefault((key(section.title), section.level), number)
        mine = _mine(page, section, file, thread) if first != number else []
        if mine and not page.has_parts(page.sections[first]):
            try:
                moved = _moved(without_section(page, section), first, mine)
            except ToolFailed:  # the list there takes no more: both stay
                continue
            return gathered(moved, file, thread=thread)
    return text


def _mine(page: Page, section: Section, file: str, thread: str) -> list[str]:
    """The words of the section's items, with their comments, if all below its heading is the thread's."""
    learnt = {x.line for x in learned(page.text, file) if x.thread == thread and not x.workflow}
    lines = [n for n in range(section.start + 1, section.end) if not is_blank(page.lines[n])]
    entries = [e for e in page.entries(section) if e.end == e.start + 1 and not e.ordered]
    if page.has_parts(section) or not lines or [e.start for e in entries] != lines:
        return []
    return [page.lines[n].strip().partition(" ")[2] for n in lines] if learnt.issuperset(lines) else []


def _moved(text: str, number: int, items: list[str]) -> str:
    page = Page(text)
    home = page.sections[number]
    there = page.last_list(home, "bullet_list_open")
    start = page.beginning(there[-1]) if there else "- "
    line = there[-1].end if there else page.after_text(home.end)
    return page.placed(line, [f"{start}{item}" for item in items], gap=not there)


def rival(item: MemoryItem, old: str, others: str) -> str:
    """The words that ``others`` has in the place of what ``item`` replaced in ``old``; "" for none."""
    before, after = ([x.text for x in known(text, item.file)] for text in (old, others))
    was, now = ([key(text) for text in texts] for texts in (before, after))
    replaced = {each for wish in item.replaces for each in keys(wish)}
    mine = keys(item.text)
    for kind, first, end, start, stop in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        new = [text for text in after[start:stop] if key(text) not in mine]
        if kind == "replace" and new and replaced.intersection(was[first:end]):
            return new[0]
    return ""


def _double(text: str, file: str, thread: str, others: str, left: set[str]) -> Learned | None:
    """The first thing learned in ``thread`` that stands in ``text`` again and is in ``others``."""
    mine = [x for x in learned(text, file) if x.thread == thread and not x.automated and x.id not in left]
    return next((x for x in mine if _count(text, x) > 1 and _count(others, x)), None)


def _count(text: str, one: Learned) -> int:
    if one.workflow:
        return sum(key(section.title) == key(one.text) for section in Page(text).sections)
    return sum(x.id == one.id for x in known(text, one.file))
