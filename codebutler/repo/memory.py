"""Memory files: one approved change goes in at its place, and every other byte stays as people wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from codebutler.errors import ToolFailed
from codebutler.repo.memory_items import Learned, called, is_note, is_noted, learned, step_mark, without_note
from codebutler.repo.memory_page import Entry, Page, Section, comments, lines_of
from codebutler.repo.memory_replaces import is_meant, present
from codebutler.repo.memory_text import (
    AUTOMATIC,
    bare,
    day_of,
    inline,
    item_line,
    key,
    note_of,
    plain,
    same,
    title,
)
from codebutler.types import MemoryItem

if TYPE_CHECKING:
    from markdown_it.token import Token

MEMORY_FILES = ("workflows.md", "pm.md", "lead.md", "artist.md")
WORKFLOWS = "workflows.md"
DEFAULT_SECTION = "Learned"
STEPS = 20
"""Most steps of a new workflow."""
FILE_CHARS = 8_000
"""Cap on a memory file, in characters: so much of it a role is shown."""
NEAR = 0.8
"""From this share of the cap on, the Lead is asked to make room."""


def apply_item(text: str, item: MemoryItem, *, thread: str, date: str, approver: str) -> str:
    """``text`` with ``item`` at its place, with its provenance in a comment.

    Returns ``text`` itself if it holds the item already. Raises ToolFailed, for the model to read, when
    the file is not a memory file or full, the item has no text or place, what it replaces is not there, or
    the file's form leaves no room for it.
    """
    _refuse_misplaced(item)
    note = note_of(thread, date, approver, day_of(item.expires))
    result = _applied(text, item, note)
    if len(result) > FILE_CHARS and len(result) > len(text):
        raise ToolFailed(
            f"{item.file} is full: {len(text)} of {FILE_CHARS} characters",
            fix="First take something out of it, or have this replace what it makes needless ('replaces').",
        )
    return result


def without_absent(text: str, item: MemoryItem) -> tuple[MemoryItem, list[str]]:
    """``item`` without what it would replace that is no longer there, and that; others stay as they are."""
    if item.kind not in {"lesson", "add_step"} or not item.replaces:
        return item, []
    entries = Page(text).entries()
    gone = [wish for wish in item.replaces if not any(is_meant(item.file, e, wish) for e in entries)]
    left = item.model_copy(update={"replaces": [w for w in item.replaces if w not in gone]})
    return left, [] if is_known(text, left) else gone


def is_known(text: str, item: MemoryItem) -> bool:
    """Whether ``text`` holds ``item`` already. Raises ToolFailed where ``apply_item`` would."""
    return apply_item(text, item, thread="", date="", approver="") == text


def revert(text: str, file: str, name: str, old: Sequence[str] = ()) -> tuple[str, str]:
    """(``text`` without a learned item, its words). ``name`` is its id, or its words.

    ``old`` is what it took the place of: that stands there again. Of a step that was made automatic only
    that is taken back; a learned workflow goes as a whole.
    """
    one = _learned_by(text, file, name)
    return without_learned(text, one, old), one.text


def without_learned(text: str, one: Learned, old: Sequence[str] = ()) -> str:
    """The same for one that was read from ``text``. ToolFailed where people wrote something into it."""
    page = Page(text)
    if one.workflow:
        return without_section(page, _whole(page, one))
    entry = next(e for e in page.entries() if e.start == one.line)
    if one.automated:
        return _unmarked(page, entry)
    if old:
        return _back(page, entry, old)
    if below := page.below(entry):
        raise ToolFailed(f"below it stands {below[:80]!r}, which was not learned", fix="Remove it by hand.")
    return _tidy(page.without(entry), page.section_at(entry.start))


def _back(page: Page, entry: Entry, old: Sequence[str]) -> str:
    """The old items in the place of the one that had replaced them, as far as they are not there."""
    (first, mark), *others = map(without_note, old)
    text = page.instead(entry, " ".join(filter(None, [item_line(first), *comments(entry.text), mark])))
    return _there_again(text, entry.section, others)


def _there_again(text: str, section: str, old: Sequence[tuple[str, str]], after: int | None = None) -> str:
    """``text`` with old items, each with its comment, in their section; a step behind ``after`` others."""
    heading = title(section or DEFAULT_SECTION)
    for words, note in old:
        page, line = Page(text), f"{item_line(words)} {note}".rstrip()
        home = page.section(heading)
        if page.find(item_line(words), None if after is None else home) is None:
            place = None if after is None or home is None else min(after, len(page.steps(home)))
            text = _insert(page, home, heading, line, ordered=after is not None, after=place)
    return text


def _whole(page: Page, one: Learned) -> Section:
    """The section of a learned workflow. ToolFailed if people put something of their own into it."""
    section = page.section_at(one.line)
    if section is None:
        raise ToolFailed(f"{one.file} has no workflow {one.text!r}")
    heading = next(t for t in page.tokens if t.type == "heading_open" and section.has(t))
    taken, other = set(range(*lines_of(heading))), list[str]()
    for entry in page.entries(section):
        taken |= set(range(entry.start, entry.end))
        is_ours = step_mark(plain(entry.text)) in one.steps or is_noted(entry.text)
        other.append(page.below(entry) if is_ours else plain(entry.text))
    lines = enumerate(page.lines[: section.end])
    rest = [line for n, line in lines if n >= section.start and n not in taken and not is_note(line)]
    other += [line for line in rest if not (line.strip() and step_mark(plain(inline(line))) in one.steps)]
    if page.has_parts(section):
        other.append(page.lines[section.end])
    if found := [line.strip() for line in other if line.strip()]:
        raise ToolFailed(f"in it stands {found[0][:80]!r}, which was not learned", fix="Remove it by hand.")
    return section


def _tidy(text: str, home: Section | None) -> str:
    """Without the section that we make for what has no place, once it is empty; ``home``: the item's own."""
    page = Page(text)
    section = page.section_at(home.start) if home else None
    if section is None or key(section.title) != key(DEFAULT_SECTION) or page.has_parts(section):
        return text
    return text if page.after_text(section.end) > section.start + 1 else without_section(page, section)


def _applied(text: str, item: MemoryItem, note: str) -> str:
    if item.kind == "revert":
        name, *old = item.replaces
        if not name:  # it was a removal that is taken back
            return _there_again(text, item.section, [*map(without_note, old)], item.after)
        return revert(text, item.file, name, old)[0]
    if item.kind == "remove":
        return _without(text, item, item.replaces)
    if item.kind == "new_workflow":
        return _new_workflow(Page(text), item, note)
    if not item.replaces:
        return _added(Page(text), item, note)
    first, *others = present(text, item)
    content = item_line(item.text)
    if item.kind == "automate" and not content.endswith(AUTOMATIC):
        content = f"{content} {AUTOMATIC}"
    is_marked = item.kind == "automate"
    known = Page(text).find(content, None, loosely=is_marked)
    if known is not None and lines_of(known)[0] != first.start:
        return _without(text, item, item.replaces)  # it is there: only what it takes the place of goes
    if same(first.text, inline(content)) and not others:
        return text
    lines = [entry.start for entry in others]
    for start in sorted(lines, reverse=True):
        page = Page(text)
        text = page.without(next(e for e in page.entries() if e.start == start))
    page = Page(text)
    moved = first.start - sum(e.end - e.start for e in others if e.start < first.start)
    entry = next(e for e in page.entries() if e.start == moved)
    return page.instead(entry, " ".join([content, *comments(entry.text), note]))


def _added(page: Page, item: MemoryItem, note: str) -> str:
    is_step = item.kind != "lesson"
    content = item_line(item.text)
    heading = title(item.section if item.section.strip() else DEFAULT_SECTION)
    section = page.section(heading)
    known = (
        None
        if is_step and section is None
        else page.find(content, section if is_step else None, loosely=item.kind == "automate")
    )
    if known is not None:
        return _mark(page, known, note) if item.kind == "automate" else page.text
    if item.kind == "automate" and not content.endswith(AUTOMATIC):
        content = f"{content} {AUTOMATIC}"
    return _insert(page, section, heading, f"{content} {note}", ordered=is_step, after=item.after)


def _refuse_misplaced(item: MemoryItem) -> None:
    if item.file not in MEMORY_FILES:
        raise ToolFailed(f"{item.file!r} is not a memory file", fix=f"They are: {', '.join(MEMORY_FILES)}.")
    if item.kind in {"remove", "revert"} and not item.replaces:
        raise ToolFailed("a removal names what goes in 'replaces'")
    if item.kind in {"lesson", "remove", "revert"}:
        return
    if item.file != WORKFLOWS:
        raise ToolFailed(f"an item of kind {item.kind} belongs into {WORKFLOWS}, not into {item.file}")
    if not item.section.strip():
        raise ToolFailed(f"an item of kind {item.kind} needs the workflow's name in 'section'")


# --------------------------------------------------------------------------------------- the changes


def _insert(
    page: Page, section: Section | None, heading: str, entry: str, *, ordered: bool, after: int | None
) -> str:
    """A new item at the end of the section's last list, or behind ``after`` steps; both are made if need be.

    Numbers of other items stay as they are: markdown counts by place.
    """
    marker = "1." if ordered else "-"
    if section is None:
        return page.placed(len(page.lines), [f"## {heading}", "", f"{marker} {entry}"], gap=True)
    items = page.steps(section) if ordered else page.last_list(section, "bullet_list_open")
    if not items:
        return page.placed(page.after_text(section.end), [f"{marker} {entry}"], gap=True)
    if after is not None and not 0 <= after <= len(items):
        raise ToolFailed(f"{heading} has {len(items)} steps: 'after' is one of 0 to {len(items)}")
    if after == 0:
        return page.placed(items[0].start, [f"{page.beginning(items[0])}{entry}"], gap=False)
    before = items[-1 if after is None else after - 1]
    token, start = page.tokens[before.token], page.beginning(before)
    if before.ordered:
        start = start.replace(f"{token.info}{token.markup} ", f"{int(token.info) + 1}{token.markup} ")
    return page.placed(before.end, [f"{start}{entry}"], gap=False)


def _new_workflow(page: Page, item: MemoryItem, note: str) -> str:
    heading = title(item.section)
    steps = [item_line(x) for x in item.text.splitlines() if bare(x, len(x) + 8)]
    if steps and key(steps[0]) == key(heading):
        steps = steps[1:]
    purpose = [f"For:{x[4:]}" for x in steps[:1] if x.casefold().startswith("for:")]
    steps = steps[len(purpose) :]
    if not 0 < len(steps) <= STEPS:
        raise ToolFailed(f"a workflow has 1 to {STEPS} steps, one a line; this one has {len(steps)}")
    section = page.section(heading)
    if section is None:
        numbered = [f"{n}. {step}" for n, step in enumerate(steps, 1)]
        marks = ",".join(step_mark(plain(inline(step))) for step in [*purpose, *steps])
        noted = note.replace(" -->", f" steps={marks} -->")
        top = [f"## {heading}", "", *purpose, *([""] if purpose else [])]
        return page.placed(len(page.lines), [*top, noted, "", *numbered], gap=True)
    if all(page.find(step, section) for step in steps):
        return page.text
    raise ToolFailed(f"there is a workflow {heading!r} already", fix="Propose add_step for it instead.")


def _mark(page: Page, step: Token, note: str) -> str:
    """The step, now marked as automatic at its end."""
    if AUTOMATIC in plain(step).casefold():
        return page.text
    number = lines_of(step)[1] - 1
    at = page.at(number) + len(page.lines[number].rstrip())
    marked = note.replace("<!-- learned:", "<!-- automated:")
    return f"{page.text[:at]} {AUTOMATIC} {marked}{page.text[at:]}"


def _unmarked(page: Page, entry: Entry) -> str:
    """The item without the mark and its comment; what ``_mark`` put there."""
    start, end = page.at(entry.start), page.at(entry.end)
    block = page.text[start:end]
    mark = block.rindex(f" {AUTOMATIC} <!-- automated:")
    close = block.index("-->", mark) + 3
    return page.text[:start] + block[:mark] + block[close:] + page.text[end:]


def without_section(page: Page, section: Section) -> str:
    """The text without a section, and without the blank lines before it."""
    start = page.after_text(section.start)
    rest = page.text[page.at(section.end) :]
    gap = page.text[page.at(start) : page.at(section.start)] if rest else ""
    return page.text[: page.at(start)] + gap + rest


def _without(text: str, item: MemoryItem, wishes: list[str]) -> str:
    for wish in wishes:
        page = Page(text)
        entry = next((e for e in page.entries() if is_meant(item.file, e, wish)), None)
        if entry is not None:
            text = _tidy(page.without(entry), page.section_at(entry.start))
    return text


def _learned_by(text: str, file: str, name: str) -> Learned:
    one = called(learned(text, file), name)
    if one is None:
        raise ToolFailed(f"{file} has no learned item {name.strip()[:80]!r}")
    return one
