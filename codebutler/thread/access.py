"""Who may do what in a thread: people whom the configuration lists, its owner, admins of a door."""

from __future__ import annotations

from typing import Literal, TypeAlias

from codebutler.settings.shape import Access
from codebutler.thread.lastword import TERMINAL
from codebutler.thread.state import ThreadState
from codebutler.types import Person

Act: TypeAlias = Literal["ask", "approve", "merge", "raise", "memory"]
OWNER, ANYONE = "owner", "anyone"
GITHUB = "github"
"""A door that lets nobody in who may not write to the repository: they could merge there by themselves."""
HOST = "whoever runs the host, at its terminal,"
"""Who decides in the threads of somebody who was forgotten."""
WRITERS_MAY: frozenset[Act] = frozenset({"approve", "merge", "memory"})


def may(access: Access, state: ThreadState, person: Person, act: Act) -> bool:
    """Whether ``person`` may do it. An admin of a door always may; entries are ids, or ``door:id``."""
    listed = set(listing(access, act))
    if person.admin or ANYONE in listed or {person.id, f"{person.surface}:{person.id}"} & listed:
        return True
    opened = state.opened
    if opened is None:
        return True
    if opened.owner.gone:
        own = person.surface == TERMINAL  # somebody must be able to end what is open
    else:
        own = (person.surface, person.id) == (opened.owner.surface, opened.owner.id)
    writes = person.surface == GITHUB and act in WRITERS_MAY
    return (own or writes) and OWNER in listed


def who(access: Access, state: ThreadState, act: Act) -> str:
    """Those who may, for a sentence."""
    owner = state.opened.owner.label if state.opened else "the owner"
    if state.opened is not None and state.opened.owner.gone:
        owner = HOST
    names = [owner if name == OWNER else _named(state, name) for name in listing(access, act)]
    return " or ".join(dict.fromkeys(names)) or "an admin"


def _named(state: ThreadState, entry: str) -> str:
    """How an entry's person is called, if they have spoken here; else by their id."""
    known = [p for p in state.people.values() if entry in {p.id, f"{p.surface}:{p.id}"}]
    return known[0].label if known else entry.partition(":")[2] or entry


def elsewhere(access: Access, state: ThreadState, person: Person, act: Act) -> str:
    """Where somebody who may not do it here may: a link to an account gives nobody that account's rights."""
    opened = state.opened
    if person.surface == GITHUB or not person.login or opened is None or opened.owner.surface != GITHUB:
        return ""
    there = Person(surface=GITHUB, id=person.login)
    if not may(access, state, there, act):
        return ""
    return (
        f"That you are `{person.login}` there says who you are, not what you may do here: say it at GitHub."
    )


def listing(access: Access, act: Act) -> list[str]:
    """The entries for one act."""
    return {
        "ask": access.ask, "approve": access.approve, "merge": access.merge, "raise": access.raise_caps,
        "memory": access.memory,
    }[act]  # fmt: skip
