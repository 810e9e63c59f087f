"""What every call of the API brings along, and what it may be answered with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from codebutler.testing.github.hub import RANK, Hub, Token, User
from codebutler.testing.github.project import Project
from codebutler.testing.github.refusals import Refused, missing
from codebutler.types import Json


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and what is sent as JSON; a list is sent in pages. ``text`` in place of JSON."""

    body: Any = None
    status: int = 200
    text: str | None = None
    media: str = "text/plain"


@dataclass(slots=True)
class Call:
    """One call. ``words`` are the parts of the path that the route names."""

    hub: Hub
    words: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    token: Token | None
    accept: str = ""
    bearer: str = ""
    """The token as it was sent."""
    _project: Project | None = field(default=None)

    @property
    def user(self) -> User:
        """Who calls. 401 when nobody says."""
        if self.token is None:
            raise Refused(401, "Requires authentication")
        return self.token.user

    @property
    def project(self) -> Project:
        """The repository that the path names. 404 when there is none, or the caller must not see it."""
        if self._project is None:
            name = f"{self.words['owner']}/{self.words['repo']}".lower()
            found = self.hub.projects.get(name)
            if found is None or self.hub.allows(found, self.token) == "none":
                raise missing()
            self._project = found
        return self._project

    def need(self, permission: str) -> None:
        """403 unless the caller has at least this permission."""
        if self.token is None:
            raise Refused(401, "Requires authentication")
        if RANK[self.hub.allows(self.project, self.token)] < RANK[permission]:
            kind = "integration" if self.token.user.kind == "Bot" else "personal access token"
            raise Refused(403, f"Resource not accessible by {kind}")

    def writes(self) -> None:
        """403 unless the caller may push, and the repository takes changes."""
        self.need("write")
        self.takes_changes()

    def takes_changes(self) -> None:
        """403 from an archived repository."""
        if self.project.archived:
            raise Refused(403, "Repository was archived so is read-only.")

    @property
    def number(self) -> int:
        """The number of an issue or pull request in the path."""
        return int(self.words["number"])

    @property
    def issue(self) -> Json:
        """The issue, or the issue side of a pull request."""
        return _found(self.project.issues, self.number)

    @property
    def pull(self) -> Json:
        """The pull request, as its branches are now."""
        found = _found(self.project.pulls, self.number)
        self.project.look()
        return found

    def found(self, where: Mapping[int, Json], word: str = "id") -> Json:
        """What has the id in the path. 404 otherwise."""
        return _found(where, int(self.words[word]))

    def text(self, name: str, *, most: int = 65_536) -> str:
        """A text of the body. 422 when it is missing or too long."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise Refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        if len(value) > most:
            raise Refused(
                422, "Validation Failed",
                {"resource": "IssueComment", "code": "unprocessable", "field": "data",
                 "message": f"{name.capitalize()} is too long (maximum is {most} characters)"},
            )  # fmt: skip
        return value


def _found(where: Mapping[int, Json], key: int) -> Json:
    if key not in where:
        raise missing()
    return where[key]


Handler: TypeAlias = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path with ``{words}``, and what answers it."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler


def route(method: str, path: str, handler: Handler) -> Route:
    """``{number}`` and ``{id}`` take digits, ``{rest}`` anything, other words a part of the path."""
    kinds = {"number": r"\d+", "id": r"\d+", "rest": r".+"}
    text = re.sub(r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{kinds.get(m[1], '[^/]+')})", path)
    return Route(method, re.compile(text), handler)


def find(routes: Sequence[Route], method: str, path: str) -> tuple[Handler, Mapping[str, str]] | None:
    """The handler of a call and the words of its path; None when there is none."""
    for each in routes:
        match = each.pattern.fullmatch(path) if each.method == method else None
        if match is not None:
            return each.handler, match.groupdict()
    return None
