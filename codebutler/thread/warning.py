"""What people read of other threads: overlaps, merge order, what has landed."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from codebutler.events import Event, Posted, dump
from codebutler.store.rows import NewEvent
from codebutler.store.together import Told
from codebutler.thread.fold_neighbours import SOURCE
from codebutler.thread.reach import Reach
from codebutler.types import Choice, Json, Outbound

_SHOWN = 8


class Neighbour(Struct, frozen=True):
    """An open thread, and what it reaches into."""

    id: str
    branch: str
    reach: Reach


def told(
    thread: str,
    key: str,
    event: Event | None,
    text: str,
    choices: Sequence[Choice] = (),
    *,
    aloud: bool = False,
    standing: Mapping[str, str] | None = None,
) -> Told:
    """The words for one thread's log and outbox, once per ``key``; ``aloud``: its channels see them, too.

    ``standing``: by slot, what a pull request shows instead, edited in place.
    """
    data: Json = {"aloud": True} if aloud else {}
    message = Outbound(text=text, kind="notice", choices=list(choices), data=data)
    source = SOURCE + key
    posted = NewEvent("posted", f"post:{source}", dump(Posted(post=message, source=source)))
    events = [posted] if event is None else [NewEvent(event.kind, f"radar:{key}", dump(event)), posted]
    stands = [
        (slot, dump(Outbound(text=words, kind="notice", slot=slot)))
        for slot, words in (standing or {}).items()
    ]
    return Told(thread, events, dump(message), source, stands)


def overlap(about: Neighbour, reader: Neighbour, causes: Collection[str], *, clean: bool) -> str:
    """What a thread is told of another. ``clean``: a trial merge of the two went through."""
    lines = [f"{name(about)} gets in the way of this one:"]
    if paths := _of(causes, "conflict"):
        lines.append(f"- conflict: merged for trial, the two branches conflict in {code(paths)}")
    if paths := _of(causes, "file"):
        real = about.reach.changed & reader.reach.changed
        how = "both change" if set(paths) <= real else "both are to change" if not real else "both touch"
        ending = "; as they are now, they merge cleanly" if clean else ""
        lines.append(f"- same files: {how} {code(paths)}{ending}")
    if paths := _of(causes, "directory"):
        lines.append(f"- same folder: both work in {code(p + '/' for p in paths)}")
    if names := _of(causes, "meaning"):
        lines.append(f"- same names: {code(names)}; one may change what the other relies on")
    return "\n".join(lines)


def merge_order(line: Sequence[Neighbour]) -> str:
    """The advice to all who are in it."""
    steps = ", then ".join(f"#{n.reach.pr} ({plain(n.reach.title) or f'thread `{n.id}`'})" for n in line)
    return f"Open pull requests overlap. Merged in this order they need the least rebasing: {steps}."


def name(about: Neighbour, *, issues: bool = True) -> str:
    """A thread for people of another: its id, its plan's title, its issues, its pull request or branch."""
    if about.reach.private:
        return f"Thread `{about.id}`"
    title = f" “{plain(about.reach.title)}”" if about.reach.title else ""
    where = (
        [f"about {plain(', '.join(sorted(about.reach.held)[:_SHOWN]))}"]
        if issues and about.reach.held
        else []
    )
    if about.reach.pr:
        where.append(f"pull request #{about.reach.pr}")
    elif about.branch:
        where.append(f"`{plain(about.branch)}`")
    return f"Thread `{about.id}`{title}" + (f" ({', '.join(where)})" if where else "")


def code(names: Iterable[str]) -> str:
    """Paths or names as code, the first of many. Whatever stands in them, they stay on one line."""
    every = sorted(names)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(f"`{plain(n)}`" for n in every[:_SHOWN]) + more


def pushed_by_others(tip: str) -> str:
    """Why a word to merge holds no more, once the branch has a tip that who said it has not seen."""
    return f"somebody pushed {tip} to its branch after that word"


def plain(text: str) -> str:
    """One short line that is no markup, whoever wrote it."""
    kept = ("?" if unicodedata.category(c)[0] == "C" or c in "`\u2028\u2029" else c for c in text[:120])
    return "".join(kept).replace("<", "(").replace("@", "@\u200b").strip()


def _of(causes: Collection[str], level: str) -> list[str]:
    return sorted(c.partition(":")[2] for c in causes if c.startswith(f"{level}:"))
