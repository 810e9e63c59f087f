"""Who somebody is to the repository, asked of GitHub itself; and who we are there."""

from __future__ import annotations

import re
import time
from urllib.parse import quote, urlsplit

from codebutler.forges.github.calls import Calls
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.types import Json, Person

SURFACE = "github"
FRESH = 60.0
"""Seconds that an answer holds."""
WRITERS = frozenset({"write", "maintain", "admin"})
KEPT = 500
BOT = "[bot]"
"""What the account of an App is called by, behind the App's name."""
_LOGIN = re.compile(r"[A-Za-z0-9_-]{1,100}")


class People:
    """The people of one repository."""

    def __init__(self, calls: Calls, full_name: str, site: str) -> None:
        """``full_name`` is ``owner/name``; ``site`` the URL of the server's pages."""
        self._calls = calls
        self._site = urlsplit(site).hostname or "github.com"
        self._path = f"/repos/{full_name}"
        self._known: dict[str, tuple[float, str, Json]] = {}
        self._us: str | None = None

    async def role(self, login: str, *, now: bool = False) -> str:
        """none, read, triage, write, maintain or admin: as it is, or, without ``now``, was a moment ago."""
        known = self._known.get(login)
        if known is not None and not now and known[0] > time.monotonic():
            return known[1]
        user: Json = {}
        try:
            said = await self._calls.get(f"{self._path}/collaborators/{quote(login, safe='')}/permission")
            user = said.get("user") or {}
            found = str(said.get("role_name") or said.get("permission") or "none")
            if found not in WRITERS and said.get("permission") in WRITERS:
                found = str(said["permission"])  # an organisation's own role, named after its base
        except GitHubRefused as error:
            if error.status != 404:
                raise
            found = "none"
        self._known.pop(login, None)
        self._known[login] = (time.monotonic() + FRESH, found, user)
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return found

    async def writer(self, login: str, *, now: bool = False) -> Person | None:
        """The person, if they may write; who administers the repository may decide in threads of others."""
        role = await self.role(login, now=now)
        if role not in WRITERS:
            return None
        person = self.named({"login": login, "id": self._known[login][2].get("id")})
        return person.model_copy(update={"admin": role in {"maintain", "admin"}})

    def named(self, user: Json) -> Person:
        """Somebody as GitHub shows them: no more than who they are."""
        login, number = str(user.get("login") or "somebody"), user.get("id")
        known = isinstance(number, int) and _LOGIN.fullmatch(login) is not None
        mail = f"{number}+{login}@users.noreply.{self._site}" if known else ""
        return Person(surface=SURFACE, id=login, name=login, login=login, mail=mail)

    async def account(self, login: str) -> Person:
        """Who has an account, wherever they may write."""
        try:
            return self.named(await self._calls.get(f"/users/{quote(login, safe='')}"))
        except GitHubRefused:  # a server that does not tell
            return self.named({"login": login})

    async def us(self) -> str:
        """Our own account's name, ``name[bot]`` of an App; "" where GitHub does not tell it."""
        if self._us is None:
            try:
                app = await self._calls.access.app()
                asked = not self._calls.access.bot
                self._us = str((await self._calls.get("/user"))["login"]) if asked else app and f"{app}{BOT}"
            except GitHubRefused as error:
                if error.status == 401:
                    raise
                self._us = ""
        return self._us

    async def wrote(self, user: Json) -> bool:
        """Whether a comment that carries our mark is ours: anybody may copy a mark."""
        us = await self.us()
        if us:
            return bool(user.get("login") == us)
        return user.get("type") == "Bot" or not self._calls.access.bot
