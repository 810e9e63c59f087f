"""A word before a cap is hit: once for each cap and thread, with what is left and what can be done."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

from msgspec import Struct

from codebutler.agent.frame import Frame
from codebutler.agent.roles import Role
from codebutler.dollars import exact
from codebutler.events import Cap
from codebutler.store.money import RAISED
from codebutler.thread.caps import Caps
from codebutler.thread.lastword import RAISABLE, SETTING
from codebutler.thread.saving import NEAR

FEW = 5
"""Below so many runs in an hour, most of them used is no news."""


class Level(Struct, frozen=True):
    """How full a cap is. ``what`` names it in words, ``left`` is what it still allows."""

    cap: Cap
    key: str
    spent: float
    most: float
    what: str
    left: str


async def warnings(caps: Caps, frame: Frame, role: Role, *, shared: bool) -> list[tuple[str, str]]:
    """(key, words) for each cap of which most is spent; ``shared``: also of those over all threads."""
    found = [*_own(caps, frame, role)]
    if shared:
        found += [level async for level in _shared(caps)]
    return [
        (f"{level.cap}:{level.key}:{level.most:g}", f"{_told(level)} {_way(caps, level.cap)}")
        for level in found
        if level.most > 0 and level.spent >= NEAR * level.most
    ]


def _told(level: Level) -> str:
    return f"{NEAR:.0%} of {level.what} is used: {level.left} left."


def _own(caps: Caps, frame: Frame, role: Role) -> Iterator[Level]:
    run = caps.role_cap(role)
    what = f"the {role.title}'s cap of {exact(run)} for one run"
    yield _dollars("role", frame.id, frame.usd, run, what)
    if (most := caps.usd_cap) is not None:
        yield _dollars("thread", "", caps.state.usd, most, f"this thread's cap of {exact(most)}")
    if (tokens := caps.token_cap) is not None:
        used = caps.tokens_used
        what = f"this thread's cap of {tokens:,} tokens"
        yield Level("tokens", "", used, tokens, what, _some(tokens - used))


async def _shared(caps: Caps) -> AsyncIterator[Level]:
    day = time.strftime("%Y-%m-%d", time.gmtime())
    hour, limits, who = time.strftime("%Y-%m-%dT%H", time.gmtime()), caps.config.limits, caps.state.speaker
    person = f"{who.surface}:{who.id}:{hour}" if who is not None else ""
    shared = caps.set_caps(day)
    spent = await caps.host.ledger.spent_in([*shared, *(RAISED + s for s in shared), f"runs:{person}"])
    for scope, (cap, most) in shared.items():
        raised = most + spent[RAISED + scope]
        yield _dollars(cap, day, spent[scope], raised, f"{caps.whose(scope)} cap of {exact(raised)} a day")
    if (runs := limits.max_calls_per_hour) >= FEW:
        yield _count("hour", hour, await caps.host.store.spent(f"runs:{hour}"), runs, "this repo's")
    own = limits.max_calls_per_person_per_hour
    if who is not None and own is not None and own >= FEW:
        yield _count("person_hour", person, spent[f"runs:{person}"], own, f"{who.label}'s")


def _count(cap: Cap, key: str, spent: float, most: int, whose: str) -> Level:
    what = f"{whose} limit of {most} runs in an hour"
    return Level(cap, key, spent, most, what, _some(round(most - spent)))


def _some(left: int) -> str:
    return "1 is" if left == 1 else f"{max(0, left):,} are"


def _dollars(cap: Cap, key: str, spent: float, most: float, what: str) -> Level:
    return Level(cap, key, spent, most, what, f"{exact(round(max(0.0, most - spent), 4))} is")


def _way(caps: Caps, cap: Cap) -> str:
    """What happens at the cap, and what can be done about it now."""
    limits = caps.config.limits
    ends = "the run ends" if limits.on_cap == "stop" else "it pauses"
    if cap not in RAISABLE:
        until = "the full hour" if cap.endswith("hour") else "midnight"
        return (
            f"At it, threads wait until {until} UTC; `{SETTING[cap]}` in the host's config.json is the limit."
        )
    if cap == "thread" and limits.on_cap == "cheaper":
        return 'Each role now uses its cheapest model. **"/raise 1"** allows a dollar more.'
    if limits.on_cap == "stop":
        return f"At the cap {ends}."
    return f'At the cap {ends}; **"/raise 1"** allows a dollar more.'
