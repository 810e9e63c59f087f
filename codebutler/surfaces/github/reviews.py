"""What reviewers still want of a pull request, gathered into words for the thread."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from codebutler.forges.github.calls import Calls
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.store.store import Store
from codebutler.surfaces.github.people import People
from codebutler.surfaces.github.saying import marks_in
from codebutler.surfaces.github.visible import visible
from codebutler.types import Json

EACH = 4_000
"""Characters of one comment."""
MOST = 60
"""Comments that are taken."""
_THREADS = (
    "query($owner: String!, $name: String!, $number: Int!, $after: String) {"
    " repository(owner: $owner, name: $name) { pullRequest(number: $number) {"
    " reviewThreads(first: 100, after: $after) { nodes { id isResolved comments(first: 1) { nodes {"
    " databaseId } } } pageInfo { hasNextPage endCursor } } } } }"
)
PAGES = 20
"""Of a hundred conversations each, that are looked through."""


class ReviewThread(Struct, frozen=True):
    """A conversation on a line. ``id`` is GraphQL's."""

    id: str
    resolved: bool


def answered_key(full_name: str, mark: str) -> str:
    """Under which is noted that what a review says as a whole (``r12``) was answered."""
    return f"github:answered:{full_name}:{mark}"


async def gathered(
    calls: Calls, people: People, store: Store, full_name: str, number: int, *, until: str
) -> str:
    """Open reviews and comments on lines from before ``until``, each with its mark and place, or "".

    A conversation whose last word is ours is not open: it was answered. Whoever may not write gives the
    Coder no work by a review either, and opens nothing again.
    """
    base = f"/repos/{full_name}/pulls/{number}"
    threads = await review_threads(calls, full_name, number)
    done = {first for first, thread in threads.items() if thread.resolved}
    rows = await _heard(people, await calls.pages(f"{base}/comments"))
    for row in sorted(rows, key=lambda row: int(row["id"])):  # whoever speaks last opens or closes it
        if await _is_ours(people, row):
            done.add(_first(row))
        elif _first(row) in done and not _is_resolved(threads, row):
            done.discard(_first(row))
    lines = [
        f"- [c{_first(row)}] {_place(row)} {_said(row)}"
        for row in rows
        if _counts(row, until) and _first(row) not in done
    ]
    reviews = [
        f"- [r{row['id']}] {str(row.get('state')).replace('_', ' ').lower()}: {_said(row)}"
        for row in await _heard(people, await calls.pages(f"{base}/reviews"))
        if row.get("body")
        and str(row.get("submitted_at") or "") <= until
        and not marks_in(str(row["body"]))
        and not await store.noted(answered_key(full_name, f"r{row['id']}"))
    ]
    found = [*reviews, *lines][-MOST:]
    return f"The review of pull request #{number}:\n" + "\n".join(found) if found else ""


async def _heard(people: People, rows: Sequence[Json]) -> list[Json]:
    """Those of people who may write, and ours."""
    return [row for row in rows if await _is_ours(people, row) or await _is_writers(people, row)]


async def _is_ours(people: People, row: Json) -> bool:
    return bool(marks_in(str(row.get("body") or ""))) and await people.wrote(row.get("user") or {})


async def _is_writers(people: People, row: Json) -> bool:
    login = (row.get("user") or {}).get("login")
    return bool(login) and await people.writer(str(login)) is not None


def _first(row: Json) -> int:
    """The comment that a conversation began with."""
    return int(row.get("in_reply_to_id") or row["id"])


def _is_resolved(threads: dict[int, ReviewThread], row: Json) -> bool:
    thread = threads.get(_first(row))
    return thread is not None and thread.resolved


def _counts(row: Json, until: str) -> bool:
    """A person's comment from before the command, not changed since."""
    return (
        str(row["created_at"]) <= until and unchanged(row, until) and not marks_in(str(row.get("body") or ""))
    )


def unchanged(row: Json, since: str) -> bool:
    """Whether a comment stands as it did then. Times are whole seconds: a change in that very one counts."""
    changed = row.get("updated_at") or row["created_at"]
    return str(changed) < since or changed == row["created_at"]


def _place(row: Json) -> str:
    return f"{row.get('path')}:{row.get('line') or row.get('original_line') or '?'}"


def _said(row: Json) -> str:
    words = visible(str(row.get("body") or ""))[:EACH].replace("\n", "\n  ")
    return f"({(row.get('user') or {}).get('login')}): {words}"


async def review_threads(calls: Calls, full_name: str, number: int) -> dict[int, ReviewThread]:
    """Conversations on lines by their first comment; a server without GraphQL knows of none."""
    owner, _, name = full_name.partition("/")
    found: dict[int, ReviewThread] = {}
    after: str | None = None
    for _ in range(PAGES):
        try:
            data = await calls.graphql(_THREADS, owner=owner, name=name, number=number, after=after)
        except GitHubRefused:
            break
        page: Json = ((data.get("repository") or {}).get("pullRequest") or {}).get("reviewThreads") or {}
        found |= {
            int(first["databaseId"]): ReviewThread(str(node["id"]), bool(node.get("isResolved")))
            for node in page.get("nodes") or []
            for first in node["comments"]["nodes"][:1]
        }
        info: Json = page.get("pageInfo") or {}
        after = info.get("endCursor")
        if not info.get("hasNextPage") or not after:
            break
    return found
