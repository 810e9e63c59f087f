"""People, tokens and repositories of the twin, and its clock."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from codebutler.testing.github.apps import App
from codebutler.testing.github.faults import Faults
from codebutler.testing.github.project import Project
from codebutler.types import Json

Permission: TypeAlias = Literal["none", "read", "triage", "write", "maintain", "admin"]
RANK: dict[str, int] = {"none": 0, "read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}


@dataclass
class User:
    """Somebody with an account. ``kind`` is User, Bot or Organization."""

    login: str
    id: int
    kind: str = "User"

    def json(self, web: str) -> Json:
        """As GitHub shows a person."""
        return {
            "login": self.login, "id": self.id, "node_id": f"U_{self.id}", "type": self.kind,
            "html_url": f"{web}/{self.login}", "url": f"{web}/users/{self.login}",
            "avatar_url": f"{web}/avatars/{self.id}", "site_admin": False,
        }  # fmt: skip


@dataclass
class Token:
    """What a caller may do. ``repos`` None: whatever its user may."""

    user: User
    repos: frozenset[str] | None = None
    expires: float | None = None


@dataclass
class Hub:
    """The whole site. ``now`` is its clock, in seconds, which a test may move."""

    folder: Path
    url: str = ""
    skew: float = 0.0
    core: int = 5000
    """Requests that are left until ``reset``."""
    reset: float = 0.0
    faults: Faults = field(default_factory=Faults)
    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    gists: list[Json] = field(default_factory=list)
    tell: Callable[[Project, str, Json], None] = lambda _project, _event, _payload: None
    """Hears of every event as (project, event, payload): the webhooks."""
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1001))

    def new_id(self) -> int:
        """A number that nothing else has."""
        return next(self._ids)

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.skew

    def stamp(self) -> str:
        """Now, as GitHub writes it."""
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def user(self, login: str, kind: str = "User") -> User:
        """The account, made when it is new."""
        if login not in self.users:
            self.users[login] = User(login, self.new_id(), kind)
        return self.users[login]

    def token(self, login: str, *repos: str, seconds: float | None = None) -> str:
        """A token of that account; ``repos`` narrows it to those, ``seconds`` is how long it lives."""
        kind = "ghs_" if seconds is not None else "ghp_"
        text = kind + secrets.token_hex(18)
        expires = self.now() + seconds if seconds is not None else None
        self.tokens[text] = Token(self.user(login), frozenset(repos) or None, expires)
        return text

    def project(self, name: str, *, remote: Path | None = None, private: bool = False) -> Project:
        """A repository ``owner/name``; ``remote`` is a bare one on disk that it takes as its own."""
        owner, _, short = name.partition("/")
        self.user(owner)
        path = remote or self.folder / owner / f"{short}.git"
        found = Project(self, owner, short, path, self.new_id(), private=private)
        found.prepare()
        self.projects[name.lower()] = found
        return found

    def allows(self, project: Project, token: Token | None) -> Permission:
        """What the caller may do there."""
        public: Permission = "none" if project.private else "read"
        if token is None or (token.repos is not None and project.full_name.lower() not in token.repos):
            return public
        own: Permission = "admin" if token.user.login == project.owner else public
        given = project.collaborators.get(token.user.login, own)
        return given if RANK[given] >= RANK[public] else public
