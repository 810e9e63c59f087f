"""Messages out: comments that are found again by their mark, and a status that is edited in place."""

from __future__ import annotations

from codebutler.errors import DoorClosed
from codebutler.forges.github.calls import Calls
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.store.store import Store
from codebutler.surfaces.github.findings import without
from codebutler.surfaces.github.people import SURFACE, People
from codebutler.surfaces.github.saying import LIMIT, marks_in, pieces
from codebutler.types import Capabilities, Outbound

KEPT = 500
"""Conversations of which it is known what stands in them."""
_SHUT = {
    401: "Renew github.token.",
    403: "Give the token write access to issues, or unlock the conversation.",
    404: "The issue is gone, or the token may not see it.",
    410: "The issue was deleted.",
}


class GitHub:
    """A repo's door at GitHub (types.Surface)."""

    name = SURFACE
    capabilities = Capabilities(edits=True, reactions=True, text_limit=LIMIT, patience=300.0)

    def __init__(self, calls: Calls, people: People, store: Store, *, mention: str) -> None:
        """``mention`` is the name that comments call us by."""
        self._calls = calls
        self._people = people
        self._store = store
        self._mention = mention
        self._standing: dict[str, dict[str, str]] = {}
        """By conversation: mark → id of the comment that carries it."""

    async def deliver(self, external_id: str, message: Outbound, *, mark: str, replaces: str) -> str:
        """Post or edit; see types.Surface. DoorClosed when only a person can mend what is in the way."""
        repo, number = _place(external_id)
        try:
            short = await self._has_chat(external_id)
            if "/pull/" in external_id and message.role == "pm":  # a review stands on its lines
                message = message.model_copy(update={"text": without(message.text)})
            if message.slot and replaces and await self._edit(repo, message, mark, replaces):
                return replaces
            return await self._show(
                external_id, repo, number, pieces(message, mark, name=self._mention, short=short)
            )
        except GitHubRefused as error:
            self._standing.pop(external_id, None)
            if error.status not in _SHUT:
                raise
            words = f"GitHub lets no comment through at {external_id}: {error.said}"
            fix = "Unarchive the repository." if "archived" in error.said else _SHUT[error.status]
            raise DoorClosed(words, fix=fix) from error
        except BaseException:  # whether it was posted is not known: look before the next attempt
            self._standing.pop(external_id, None)
            raise

    async def stream(self, external_id: str, role: str, delta: str) -> None:
        """Words come whole."""

    async def _has_chat(self, external_id: str) -> bool:
        """Whether the thread is shown in a chat too, where the full text stands."""
        thread = await self._store.find(SURFACE, external_id)
        bound = await self._store.bindings(thread) if thread else []
        return any(surface in {"slack", "discord"} for surface, _ in bound)

    async def _show(self, external_id: str, repo: str, number: str, parts: list[tuple[str, str]]) -> str:
        standing = await self._stands(external_id, repo, number)
        shown = ""
        for line, body in parts:
            if line not in standing:
                path = f"/repos/{repo}/issues/{number}/comments"
                made = await self._calls.send("POST", path, {"body": body})
                standing[line] = str(made["id"])
            shown = standing[line]
        return shown

    async def _edit(self, repo: str, message: Outbound, mark: str, comment: str) -> bool:
        """Bring the status up to date; False when it is gone."""
        [(_, body), *_] = pieces(message, mark, name=self._mention)
        try:
            await self._calls.send("PATCH", f"/repos/{repo}/issues/comments/{comment}", {"body": body})
        except GitHubRefused as error:
            if error.status not in (404, 410):
                raise
            return False
        return True

    async def _stands(self, external_id: str, repo: str, number: str) -> dict[str, str]:
        """What stands there: looked up once, and again after every failure."""
        known = self._standing.pop(external_id, None)
        if known is None:
            rows = await self._calls.pages(f"/repos/{repo}/issues/{number}/comments")
            known = {}
            for row in rows:
                if await self._people.wrote(row.get("user") or {}):
                    known |= dict.fromkeys(marks_in(str(row.get("body") or "")), str(row["id"]))
        self._standing[external_id] = known
        while len(self._standing) > KEPT:
            del self._standing[next(iter(self._standing))]
        return known


def _place(external_id: str) -> tuple[str, str]:
    """``owner/name`` and the number, of ``owner/name#12`` or ``owner/name/pull/12``."""
    at = "/pull/" if "/pull/" in external_id else "#"
    repo, _, number = external_id.partition(at)
    return repo, number
