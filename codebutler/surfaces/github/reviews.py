"""What reviewers still want of a pull request, gathered into words for the thread."""

from __future__ import annotations

from codebutler.forges.github.calls import Calls
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.surfaces.github.saying import marks_in
from codebutler.surfaces.github.visible import visible
from codebutler.types import Json

EACH = 4_000
"""Characters of one comment."""
MOST = 60
"""Comments that are taken."""
_THREADS = (
    "query($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) {"
    " pullRequest(number: $number) { reviewThreads(first: 100) { nodes { id isResolved"
    " comments(first: 1) { nodes { databaseId } } } } } } }"
)


async def gathered(calls: Calls, full_name: str, number: int, *, until: str) -> str:
    """Open reviews and comments on lines from before ``until``, each with its place; "" if there are none."""
    base = f"/repos/{full_name}/pulls/{number}"
    done = await _resolved(calls, full_name, number)
    rows = [row for row in await calls.pages(f"{base}/comments") if _counts(row, until)]
    open_rows = [row for row in rows if int(row.get("in_reply_to_id") or row["id"]) not in done]
    lines = [
        f"- {row.get('path')}:{row.get('line') or row.get('original_line') or '?'} {_said(row)}"
        for row in open_rows
    ]
    reviews = [
        f"- {str(row.get('state')).replace('_', ' ').lower()}: {_said(row)}"
        for row in await calls.pages(f"{base}/reviews")
        if row.get("body") and str(row.get("submitted_at") or "") <= until and not marks_in(str(row["body"]))
    ]
    found = [*reviews, *lines][-MOST:]
    return f"The review of pull request #{number}:\n" + "\n".join(found) if found else ""


def _counts(row: Json, until: str) -> bool:
    """A person's comment from before the command, not changed since."""
    return str(row["created_at"]) <= until >= str(row["updated_at"]) and not marks_in(
        str(row.get("body") or "")
    )


def _said(row: Json) -> str:
    words = visible(str(row.get("body") or ""))[:EACH].replace("\n", "\n  ")
    return f"({(row.get('user') or {}).get('login')}): {words}"


async def _resolved(calls: Calls, full_name: str, number: int) -> set[int]:
    """First comments of the threads that are resolved; a server without GraphQL knows of none."""
    owner, _, name = full_name.partition("/")
    try:
        data = await calls.graphql(_THREADS, owner=owner, name=name, number=number)
    except GitHubRefused:
        return set()
    pull = (data.get("repository") or {}).get("pullRequest") or {}
    nodes = (pull.get("reviewThreads") or {}).get("nodes") or []
    return {
        int(first["databaseId"])
        for node in nodes
        if node.get("isResolved")
        for first in node["comments"]["nodes"][:1]
    }
