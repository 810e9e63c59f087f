"""/link: who people are at GitHub, proved there with a code, or settled by an admin."""

from __future__ import annotations

import json
import re
import secrets
import time

from codebutler.store.store import Store
from codebutler.thread.decisions import Decisions, Word
from codebutler.thread.identity import GITHUB, WISHES, settle
from codebutler.thread.lastword import TERMINAL

_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:_[A-Za-z0-9]{1,38})?")
_PERSON = re.compile(r"([a-z]{1,20}):(\S{1,80})")
HOW = (
    "To prove that `{login}` is you, comment `@{mention} link {code}` on an issue or pull request of this "
    "repository, or put `{code}` into the description of a public gist, within a day. I look for it myself."
)
UNKNOWN = "You are not linked with a GitHub account: commits name you as you are here. Say **/link NAME**."


async def link(decide: Decisions, word: Word, login: str, other: str) -> str:
    """Begin to link the person with ``login``; an admin links ``other`` (``door:id``) at once."""
    store, name = decide.thread.host.store, login.removeprefix("@")
    if not name:
        return f"You are `{word.by.login}` at GitHub." if word.by.login else UNKNOWN
    if _LOGIN.fullmatch(name) is None:
        return f"`{name[:40]}` is no name of a GitHub account."
    if other:
        return await _by_admin(store, word, name, other)
    if word.by.surface == GITHUB:
        return f"Here you are `{word.by.id}`, and nobody else: link your other names from where you use them."
    code = f"codebutler-{secrets.token_hex(8)}"
    wish = {
        "code": code, "login": name, "surface": word.by.surface, "id": word.by.id,
        "thread": decide.state.id, "at": time.time(),
    }  # fmt: skip
    await store.note(WISHES + code, json.dumps(wish))
    return HOW.format(login=name, code=code, mention=decide.thread.config.github.mention)


async def _by_admin(store: Store, word: Word, login: str, other: str) -> str:
    if not (word.by.admin or word.by.surface == TERMINAL):
        return "Only an admin may say who somebody else is."
    who = _PERSON.fullmatch(other)
    if who is None or who[1] == GITHUB:
        return "Name the person by door and id, as `slack:U123`."
    await settle(store, surface=who[1], id=who[2], login=login, by=word.by.label)
    return f"`{other}` is `{login}` at GitHub, says {word.by.label}."
