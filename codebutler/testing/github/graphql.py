"""The GraphQL that has no REST: review threads, drafts, the merge queue, and who edited a text when.

No GraphQL parser: a document is known by the field it asks for, and answered with all that field has here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from codebutler.testing.github import merging, pulls, reviews
from codebutler.testing.github.calls import Call
from codebutler.testing.github.project import Project
from codebutler.testing.github.refusals import Refused
from codebutler.types import Json

PAGE = 100
"""Nodes of one answer, as of GitHub's own."""
Field: TypeAlias = Callable[[Call, Mapping[str, Any]], Any]


def answer(call: Call) -> Json:
    """``data``, or ``errors`` with status 200, as GraphQL has it."""
    query = str(call.body.get("query") or "")
    given = call.body.get("variables") or {}
    values = {**_literals(query, given), **given, **(given.get("input") or {})}
    known = [name for name in (*_MUTATIONS, *_QUERIES) if re.search(rf"\b{name}\b", query)]
    if call.token is None:
        raise Refused(401, "This endpoint requires you to be authenticated.")
    if not known:
        return _error("undefinedField", "Field doesn't exist on type 'Query'")
    try:
        if known[0] in _MUTATIONS:
            return {"data": {known[0]: _MUTATIONS[known[0]](call, values)}}
        return {"data": _QUERIES[known[0]](call, values)}
    except Refused as no:
        return _error("NOT_FOUND" if no.status == 404 else "UNPROCESSABLE", no.message)


def _error(kind: str, message: str) -> Json:
    return {"data": None, "errors": [{"type": kind, "message": message, "path": []}]}


def _literals(query: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as they stand in the document: texts, numbers, and variables."""
    found: dict[str, Any] = dict(re.findall(r'(\w+):\s*"([^"]*)"', query))
    found |= {name: int(number) for name, number in re.findall(r"(\w+):\s*(\d+)\b", query)}
    return found | {name: given.get(word) for name, word in re.findall(r"(\w+):\s*\$(\w+)", query)}


def _pull(call: Call, values: Mapping[str, Any], name: str = "pullRequestId") -> tuple[Project, Json]:
    node = str(values.get(name, ""))
    for project in call.hub.projects.values():
        for stored in project.pulls.values():
            if stored["node_id"] == node:
                project.look()
                if call.hub.allows(project, call.token) not in {"write", "maintain", "admin"}:
                    raise Refused(403, "Resource not accessible by personal access token")
                return project, stored
    raise Refused(404, f"Could not resolve to a node with the global id of '{node}'")


def _ready(call: Call, values: Mapping[str, Any]) -> Json:
    project, stored = _pull(call, values)
    stored["draft"] = False
    pulls.tell_pull(project, call.user, "ready_for_review", stored)
    return {"pullRequest": {"id": stored["node_id"], "isDraft": False, "number": stored["number"]}}


def _draft(call: Call, values: Mapping[str, Any]) -> Json:
    project, stored = _pull(call, values)
    stored["draft"] = True
    pulls.tell_pull(project, call.user, "converted_to_draft", stored)
    return {"pullRequest": {"id": stored["node_id"], "isDraft": True, "number": stored["number"]}}


def _enqueue(call: Call, values: Mapping[str, Any]) -> Json:
    project, stored = _pull(call, values)
    return {"mergeQueueEntry": merging.enqueue(project, stored, values.get("expectedHeadOid"))}


def _dequeue(call: Call, values: Mapping[str, Any]) -> Json:
    project, stored = _pull(call, values, "id")
    return {"mergeQueueEntry": merging.dequeue(project, stored)}


def _is_queued(call: Call, values: Mapping[str, Any]) -> Json:
    project, stored = _pull(call, values, "id")
    return {"node": {"isInMergeQueue": stored["number"] in project.queue}}


def _threads_of(project: Project, number: int) -> list[Json]:
    comments = reviews.of_pull(project, number)
    found = []
    for first in comments:
        if first["in_reply_to_id"] is None:
            replies = [c for c in comments if c["in_reply_to_id"] == first["id"]]
            nodes = [_line_comment(c) for c in (first, *replies)]
            found.append({
                "id": f"PRRT_{first['id']}", "isResolved": first["id"] in project.resolved,
                "isOutdated": False,
                "path": first["path"], "line": first["line"], "comments": _nodes(nodes),
            })  # fmt: skip
    return found


def _line_comment(stored: Json) -> Json:
    return {
        "id": stored["node_id"], "databaseId": stored["id"], "body": stored["body"],
        "createdAt": stored["created_at"], "author": {"login": stored["user"]["login"]},
        "path": stored["path"], "url": stored["html_url"],
    }  # fmt: skip


def _nodes(nodes: list[Any]) -> Json:
    return {"nodes": nodes, "totalCount": len(nodes), "pageInfo": {"hasNextPage": False, "endCursor": None}}


def _resolve(call: Call, values: Mapping[str, Any]) -> Json:
    return _set_resolved(call, values, resolved=True)


def _unresolve(call: Call, values: Mapping[str, Any]) -> Json:
    return _set_resolved(call, values, resolved=False)


def _set_resolved(call: Call, values: Mapping[str, Any], *, resolved: bool) -> Json:
    node = str(values.get("threadId", ""))
    number = int(node.removeprefix("PRRT_")) if node.startswith("PRRT_") else 0
    for project in call.hub.projects.values():
        if number in project.review_comments:
            (project.resolved.add if resolved else project.resolved.discard)(number)
            return {"thread": {"id": node, "isResolved": resolved}}
    raise Refused(404, f"Could not resolve to a node with the global id of '{node}'")


def _named(call: Call, values: Mapping[str, Any]) -> Project:
    name = f"{values.get('owner')}/{values.get('name', values.get('repo'))}".lower()
    project = call.hub.projects.get(name)
    if project is None or call.hub.allows(project, call.token) == "none":
        raise Refused(404, f"Could not resolve to a Repository with the name '{name}'.")
    return project


def _number(values: Mapping[str, Any]) -> int:
    return int(values.get("number", values.get("pr", 0)))


def _review_threads(call: Call, values: Mapping[str, Any]) -> Json:
    project, number = _named(call, values), _number(values)
    threads, start = _threads_of(project, number), int(values.get("after") or 0)
    end = start + PAGE
    page = {"hasNextPage": end < len(threads), "endCursor": str(min(end, len(threads)))}
    found = {**_nodes(threads[start:end]), "totalCount": len(threads), "pageInfo": page}
    return {"repository": {"pullRequest": {"reviewThreads": found}}}


def _edits(call: Call, values: Mapping[str, Any]) -> Json:
    """Of an issue or pull request: its text now, and each text that an edit replaced."""
    project, number = _named(call, values), _number(values)
    if number not in project.issues:
        raise Refused(404, f"Could not resolve to an issue or pull request with the number of {number}.")
    stored = project.issues[number]
    node = {
        "body": stored["body"], "title": stored["title"], "lastEditedAt": stored.get("last_edited"),
        "number": number, "createdAt": stored["created_at"], "userContentEdits": _nodes(stored["edits"]),
    }  # fmt: skip
    return {"repository": {"issueOrPullRequest": node, "issue": node, "pullRequest": node}}


_MUTATIONS: Mapping[str, Field] = {
    "markPullRequestReadyForReview": _ready,
    "convertPullRequestToDraft": _draft,
    "enqueuePullRequest": _enqueue,
    "dequeuePullRequest": _dequeue,
    "unresolveReviewThread": _unresolve,
    "resolveReviewThread": _resolve,
}
_QUERIES: Mapping[str, Field] = {
    "reviewThreads": _review_threads, "lastEditedAt": _edits, "isInMergeQueue": _is_queued,
}  # fmt: skip
