"""/link: who people are at GitHub, proved there with a code, or settled by an admin."""

from __future__ import annotations

import json
import re
import secrets
import time

from codebutler.store.store import Store
from codebutler.thread.decisions import Decisions, Word
from codebutler.thread.identity import CODE, GITHUB, WISHES, known, settle
from codebutler.thread.lastword import TERMINAL
from codebutler.types import Person

_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:_[A-Za-z0-9]{1,38})?")
_PERSON = re.compile(r"([a-z]{1,20}):(\S{1,80})")
HOW = (
    "To prove that `{login}` is you, comment `@{mention} link {code}` on an issue or pull request of this "
    "repository, or put `{code}` into the description of a public gist, within a day. I look for it myself."
)
A_CODE = (
    "That is a code, and proves nothing here: comment `@{mention} link {code}` on an issue or pull request, "
    "as the account that it is for. Here **/link NAME** takes that account's name."
)
UNKNOWN = "You are not linked with a GitHub account: commits name you as you are here. Say **/link NAME**."


async def link(decide: Decisions, word: Word, login: str, other: str) -> str:
    """Begin to link the person with ``login``; an admin links ``other`` (``door:id``) at once."""
    host = decide.thread.host
    mention = host.config.github.mention
    return await ask(host.store, word.by, login, other, mention=mention, thread=decide.state.id)


async def ask(store: Store, by: Person, login: str, other: str = "", *, mention: str, thread: str) -> str:
    """The same wherever it was said; ``thread``, if there is one, is told of the proof."""
    name = login.removeprefix("@")
    if not name:
        login = (await known(store, by)).login
        return f"You are `{login}` at GitHub." if login else UNKNOWN
    if CODE.fullmatch(name) is not None and by.surface != GITHUB:
        return A_CODE.format(mention=mention, code=name)
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
