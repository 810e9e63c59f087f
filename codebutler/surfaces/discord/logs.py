"""A thread's log as a file, page by page: its owner's or an admin's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from codebutler.surfaces.discord.calls import Files
from codebutler.surfaces.discord.doing import Doing
from codebutler.surfaces.discord.seeing import owns
from codebutler.text import fit

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing

LINE = 600
"""Characters of an event."""
PAGE = 1_000
"""Events of a page."""


async def page(doing: Doing, door: Hearing, task: str, number: int) -> tuple[str, Files]:
    """A page, and words about it; 1 is the newest."""
    person = await doing.person(door)
    if not (person.admin and await door.store.thread(task)) and not await owns(door, person, task):
        return "There is no such thread of yours.", ()
    rows = await door.store.events(task)
    pages = max(1, -(-len(rows) // PAGE))
    if number > pages:
        return f"Its log has {pages} page{'s' if pages > 1 else ''}.", ()
    last = len(rows) - (number - 1) * PAGE
    chosen = rows[max(0, last - PAGE) : last]
    lines = [
        f"{time.strftime('%F %T', time.gmtime(row.ts))} {row.seq} {row.kind} {fit(row.body, LINE)}"
        for row in chosen
    ]
    more = f", page {number} of {pages} (`page` chooses another)" if pages > 1 else ""
    words = f"The log of `{task}`: {len(chosen)} of {len(rows)} events{more}."
    return words, [(f"{task}-{number}.log", "\n".join(lines).encode())]
