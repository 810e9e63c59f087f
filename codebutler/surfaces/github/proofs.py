"""Proof that a GitHub account is that of somebody in a chat: its comment, or its gist, with the code."""

from __future__ import annotations

import time
from urllib.parse import quote

from codebutler.forges.github.calls import Calls
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.store.store import Store
from codebutler.surfaces.github.people import People
from codebutler.thread.identity import CODE, prove, wishes
from codebutler.thread.warning import plain, told
from codebutler.types import Json

GISTS = 10
"""The newest gists of an account that are looked at."""


class Proofs:
    """Looks for codes that were handed out."""

    def __init__(self, calls: Calls, people: People, store: Store) -> None:
        """Nothing is looked at yet."""
        self._calls, self._people, self._store = calls, people, store

    async def comment(self, login: str, words: str) -> bool:
        """Whether this account's comment holds the code that was handed out for it."""
        said = CODE.findall(words)
        for wish in await wishes(self._store, time.time()):
            if str(wish["code"]) in said and _same(wish, login):
                await self._settle(wish, "a comment")
                return True
        return False

    async def look(self) -> None:
        """Look into the gists of accounts whose proof is awaited."""
        for wish in await wishes(self._store, time.time()):
            if await self._has_gist(wish):
                await self._settle(wish, "a gist")

    async def _has_gist(self, wish: Json) -> bool:
        path = f"/users/{quote(str(wish['login']), safe='')}/gists"
        try:
            got = await self._calls.fresh(path, query={"per_page": GISTS})
        except GitHubRefused:  # no such account, or a server without gists
            return False
        return any(
            str(wish["code"]) in str(gist.get("description") or "") and _same(wish, _owner(gist))
            for gist in got.body
        )

    async def _settle(self, wish: Json, how: str) -> None:
        text = f"GitHub's `{plain(str(wish['login']))}` is linked, proved by {how}."
        word = told(str(wish["thread"]), f"linked:{wish['code']}", None, text)
        account = await self._people.account(str(wish["login"]))
        await prove(self._store, wish, how, login=account.login, mail=account.mail)
        if await self._store.thread(word.thread) is not None:
            await self._store.tell([word])


def _same(wish: Json, login: str) -> bool:
    return str(wish["login"]).lower() == login.lower()


def _owner(gist: Json) -> str:
    return str((gist.get("owner") or {}).get("login") or "")
