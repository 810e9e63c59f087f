"""Who somebody in a chat is at GitHub: said by them, proved there with a code, or settled by an admin."""

from __future__ import annotations

import json
import re
import secrets
import time

from codebutler.store.store import Store
from codebutler.thread.decisions import Decisions, Word
from codebutler.thread.lastword import TERMINAL
from codebutler.types import Json, Person

GITHUB = "github"
HOURS = 24
"""For which a code can be used."""
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:_[A-Za-z0-9]{1,38})?")
_PERSON = re.compile(r"([a-z]{1,20}):(\S{1,80})")
WISHES = "identity:wish:"
HOW = (
    "To prove that `{login}` is you, comment `@{mention} link {code}` on an issue or pull request of this "
    "repository, or put `{code}` into the description of a public gist, within a day. I look for it myself."
)
UNKNOWN = "You are not linked with a GitHub account: commits name you as you are here. Say **/link NAME**."


def _key(surface: str, id: str) -> str:  # noqa: A002 - as in Person
    return f"identity:is:{surface}:{id}"


async def login_of(store: Store, person: Person) -> str:
    """The person's name at GitHub; "" when it is not known."""
    if person.surface == GITHUB:
        return person.id
    noted = await store.noted(_key(person.surface, person.id))
    return str(json.loads(noted)["login"]) if noted else ""


async def linked(store: Store, person: Person) -> Person:
    """The person as GitHub knows them, if it does; else as they came."""
    login = await login_of(store, person)
    if not login or person.surface == GITHUB:
        return person
    return Person(surface=GITHUB, id=login, name=person.label, admin=person.admin)


async def link(decide: Decisions, word: Word, login: str, other: str) -> str:
    """Begin to link the person with ``login``; an admin links ``other`` (``door:id``) at once."""
    host = decide.thread.host
    mention = host.config.github.mention
    return await ask(host.store, word.by, login, other, mention=mention, thread=decide.state.id)


async def ask(store: Store, by: Person, login: str, other: str = "", *, mention: str, thread: str) -> str:
    """The same wherever it was said; ``thread``, if there is one, is told of the proof."""
    name = login.removeprefix("@")
    if not name:
        known = await login_of(store, by)
        return f"You are `{known}` at GitHub." if known else UNKNOWN
    if _LOGIN.fullmatch(name) is None:
        return f"`{name[:40]}` is no name of a GitHub account."
    if other:
        return await _by_admin(store, by, name, other)
    if by.surface == GITHUB:
        return f"Here you are `{by.id}`, and nobody else: link your other names from where you use them."
    code = f"codebutler-{secrets.token_hex(8)}"
    wish = {
        "code": code, "login": name, "surface": by.surface, "id": by.id, "thread": thread,
        "at": time.time(),
    }  # fmt: skip
    await store.note(WISHES + code, json.dumps(wish))
    return HOW.format(login=name, code=code, mention=mention)


async def _by_admin(store: Store, by: Person, login: str, other: str) -> str:
    if not (by.admin or by.surface == TERMINAL):
        return "Only an admin may say who somebody else is."
    who = _PERSON.fullmatch(other)
    if who is None or who[1] == GITHUB:
        return "Name the person by door and id, as `slack:U123`."
    await settle(store, surface=who[1], id=who[2], login=login, by=by.label)
    return f"`{other}` is `{login}` at GitHub, says {by.label}."


async def settle(store: Store, *, surface: str, id: str, login: str, by: str) -> None:  # noqa: A002 - as in Person
    """From now on the person is known as ``login``; ``by``: who or what says so."""
    note = {"login": login, "surface": surface, "id": id, "by": by}
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


async def prove(store: Store, wish: Json, how: str) -> None:
    """The proof was seen: link them, and use the code up."""
    await settle(store, surface=str(wish["surface"]), id=str(wish["id"]), login=str(wish["login"]), by=how)
    await store.note(WISHES + str(wish["code"]), "")
