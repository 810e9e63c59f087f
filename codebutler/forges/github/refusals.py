"""What GitHub says no with, and what a person can do about it."""

from __future__ import annotations

from typing import Any

from codebutler.errors import RepoError
from codebutler.types import Json

_FIXES = {
    401: "Renew the token (github.token, GITHUB_TOKEN, or gh auth login) and restart; of an App, look at its "
    "installation",
    403: "Give the token write access to contents, pull requests and issues of this repository",
    404: "Check the remote's address, and that the token may see this repository",
    410: "Turn issues on in the repository's settings",
}


class GitHubRefused(RepoError):
    """GitHub answered, and said no. ``status`` is the HTTP status, ``said`` its own words."""

    def __init__(self, what: str, status: int, said: str, *, fix: str = "") -> None:
        """``what`` is the call, in words."""
        super().__init__(f"GitHub refuses {what}: {said} (HTTP {status})", fix=fix or _FIXES.get(status, ""))
        self.status = status
        self.said = said


class GitHubAway(RepoError):
    """No answer that says whether the call had its effect. ``after`` is seconds to wait, if GitHub said."""

    def __init__(self, message: str, *, after: float = 0.0) -> None:
        """``message`` is one line."""
        super().__init__(message, fix="Try again in a while; https://www.githubstatus.com says how GitHub is")
        self.after = after


def words_of(body: Any) -> str:  # noqa: ANN401 - whatever a server sent
    """The message of an error's body, and what its ``errors`` add."""
    if not isinstance(body, dict):
        return "no reason given"
    said = [" ".join(str(body.get("message") or "no reason given").split())]
    errors = body.get("errors")
    listed = errors if isinstance(errors, list) else []
    said += [_detail(each) if isinstance(each, dict) else str(each) for each in listed]
    return "; ".join(part for part in said if part)[:500]


def _detail(error: Json) -> str:
    if error.get("message"):
        return str(error["message"])
    return " ".join(str(error[key]) for key in ("resource", "field", "code") if error.get(key))
