"""What all calls of models cost, read off the logs of all threads in one pass."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator

from msgspec import Struct

_TEXT = "coalesce(body, CAST(bytes AS TEXT))"
_FROM = "FROM event LEFT JOIN blob ON sha256 = body_blob"
_CALLS = f"""
    SELECT thread, seq, ts, kind = 'model_failed', json_extract({_TEXT}, '$.frame', '$.model', '$.usd',
        '$.priced', '$.seconds', '$.usage.input', '$.usage.output', '$.usage.cached')
    {_FROM} WHERE kind IN ('model_replied', 'model_failed', 'compacted', 'image_made', 'transcribed')
        AND ts >= ?
"""
"""One call for all paths: each call parses the text anew."""
_ABOUT = f"""
    SELECT thread, seq, kind, json_extract({_TEXT}, '$.frame', '$.role', '$.owner.surface', '$.owner.id',
        '$.owner.name')
    {_FROM} WHERE kind IN ('thread_opened', 'frame_started', 'forked')
"""
NOBODY = ("", "", "")


class Bought(Struct, frozen=True):
    """A model call that was paid for. ``ts`` is unix time, ``usd`` dollars, ``owner`` surface, id and name.

    ``priced`` is False when neither the provider nor a table named a price; ``usd`` is 0 then.
    """

    thread: str
    owner: tuple[str, str, str]
    role: str
    model: str
    ts: float
    usd: float
    priced: bool
    seconds: float
    input: int
    output: int
    cached: int
    broken: bool = False
    """No whole answer came: it broke off, or was of no use."""


class _About(Struct):
    """Owners, roles of frames, and where a fork's own part begins, by thread."""

    owners: dict[str, tuple[str, str, str]] = {}
    roles: dict[tuple[str, str], str] = {}
    begins: dict[str, int] = {}


def bought(connection: sqlite3.Connection, since: float) -> list[Bought]:
    """The calls since the unix time ``since``, over all threads. What a fork copied was not paid again."""
    calls = connection.execute(_CALLS, (since,)).fetchall()
    return list(_own(calls, _about(connection.execute(_ABOUT))))


def _about(rows: Iterable[tuple[str, int, str, str]]) -> _About:
    about = _About()
    for thread, seq, kind, told in rows:
        frame, role, surface, person, name = json.loads(told)
        if kind == "thread_opened":
            about.owners[thread] = (surface, person, name or "")
        elif kind == "frame_started":
            about.roles[thread, frame] = role
        else:
            about.begins[thread] = max(seq, about.begins.get(thread, 0))
    return about


def _own(calls: Iterable[tuple[str, int, float, int, str]], about: _About) -> Iterator[Bought]:
    for thread, seq, ts, broken, told in calls:
        frame, model, usd, priced, seconds, tokens_in, tokens_out, cached = json.loads(told)
        if not model or seq < about.begins.get(thread, 0):
            continue  # a summary that the engine wrote by itself, or a copy
        if broken and not (usd or tokens_in or tokens_out):
            continue
        yield Bought(
            thread=thread,
            owner=about.owners.get(thread, NOBODY),
            role=about.roles.get((thread, frame), frame),
            model=model,
            ts=ts,
            usd=usd or 0.0,
            priced=priced is not False,
            seconds=seconds or 0.0,
            input=tokens_in or 0,
            output=tokens_out or 0,
            cached=cached or 0,
            broken=bool(broken),
        )
