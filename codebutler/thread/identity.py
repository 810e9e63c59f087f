"""Who somebody in a chat is at GitHub, as far as it was proved there or settled by an admin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from codebutler.events import MendRequested, PlanApproved
from codebutler.repo.words import signature
from codebutler.store.store import Store
from codebutler.thread.state import ThreadState
from codebutler.types import Json, Person

GITHUB = "github"
HOURS = 24
"""For which a code can be used."""
CODE = re.compile(r"\bcodebutler-[0-9a-f]{16}\b")
"""What is handed out to be said at GitHub."""
WISHES = "identity:wish:"


def _key(surface: str, id: str) -> str:  # noqa: A002 - as in Person
    return f"identity:is:{surface}:{id}"


async def known(store: Store, person: Person) -> Person:
    """The person with their account at GitHub, where that is known."""
    if person.gone:
        return person
    if person.surface == GITHUB:
        return person.model_copy(update={"login": person.login or person.id})
    noted = await store.noted(_key(person.surface, person.id))
    if not noted:
        return person
    said = json.loads(noted)
    return person.model_copy(update={"login": str(said["login"]), "mail": str(said.get("mail") or "")})


async def co_authors(store: Store, people: Iterable[Person]) -> list[Person]:
    """The people as commits name them, each once; nobody who was forgotten."""
    found: dict[str, Person] = {}
    for person in people:
        if not person.gone:
            there = await known(store, person)
            found.setdefault(signature(there).rpartition("<")[2], there)
    return list(found.values())


def askers(state: ThreadState) -> list[Person]:
    """Everybody who asked for something that the branch has: the work, its approval, what was mended."""
    owner = [state.opened.owner] if state.opened is not None else []
    words = (e for _, _, e in state.live if isinstance(e, MendRequested | PlanApproved))
    return [*owner, *(event.by for event in words if event.by is not None)]


async def asked_by(store: Store, state: ThreadState) -> list[str]:
    """Who asked for the work, approved it, or had it mended: the co-authors of its commits."""
    asked = [
        *([state.opened.owner] if state.opened is not None else []),
        *([state.approval.by] if state.approval is not None else []),
        *([state.mend.by] if state.mend is not None and state.mend.by is not None else []),
    ]
    return [signature(person) for person in await co_authors(store, asked)]


async def settle(
    store: Store,
    *,
    surface: str,
    id: str,  # noqa: A002 - as in Person
    login: str,
    by: str,
    mail: str = "",
) -> None:
    """From now on the person is known as ``login``; ``by``: who or what says so."""
    note = {"login": login, "mail": mail, "surface": surface, "id": id, "by": by}
    await store.note(_key(surface, id), json.dumps(note))


async def unlink(store: Store, surface: str, id: str) -> None:  # noqa: A002 - as in Person
    """Forget who the person is there, and what they have asked for."""
    await store.note(_key(surface, id), "")
    for noted in await store.notes(WISHES):
        wish: Json = json.loads(noted)
        if (wish["surface"], wish["id"]) == (surface, id):
            await store.note(WISHES + str(wish["code"]), "")


async def wishes(store: Store, now: float) -> list[Json]:
    """Those that wait for their proof; what is too old is forgotten."""
    waiting = []
    for noted in await store.notes(WISHES):
        wish: Json = json.loads(noted)
        if now - float(wish["at"]) > HOURS * 3600:
            await store.note(WISHES + str(wish["code"]), "")
        else:
            waiting.append(wish)
    return waiting


async def prove(store: Store, wish: Json, how: str, *, login: str, mail: str) -> None:
    """The proof was seen: link them, and use the code up."""
    surface, person = str(wish["surface"]), str(wish["id"])
    await settle(store, surface=surface, id=person, login=login, by=how, mail=mail)
    await store.note(WISHES + str(wish["code"]), "")
