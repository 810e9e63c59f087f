"""What issues, pull requests and their parts look like in answers and payloads."""

from __future__ import annotations

from codebutler.testing.github.hub import User
from codebutler.testing.github.project import Project
from codebutler.types import Json


def association(project: Project, login: str) -> str:
    """What an author is to the repository."""
    if login == project.owner:
        return "OWNER"
    return "COLLABORATOR" if login in project.collaborators else "NONE"


def repository(project: Project, *, permissions: Json | None = None) -> Json:
    """A repository."""
    shown: Json = {
        "id": project.id, "node_id": f"R_{project.id}", "name": project.name, "full_name": project.full_name,
        "private": project.private, "fork": project.fork, "archived": project.archived, "url": project.api,
        "owner": project.hub.user(project.owner).json(project.hub.url), "html_url": project.web,
        "clone_url": project.clone_url, "default_branch": project.default_branch,
        "allow_squash_merge": project.squash_allowed, "allow_merge_commit": True, "allow_rebase_merge": True,
        "delete_branch_on_merge": project.delete_on_merge, "has_issues": True,
    }  # fmt: skip
    return shown if permissions is None else {**shown, "permissions": permissions}


def new_issue(project: Project, user: User, title: str, body: str, *, number: int) -> Json:
    """An issue, or the issue side of a pull request, as it is stored."""
    now = project.hub.stamp()
    return {
        "id": project.hub.new_id(), "node_id": f"I_{project.id}_{number}", "number": number, "state": "open",
        "title": title, "body": body, "user": user.json(project.hub.url), "labels": [], "assignees": [],
        "comments": 0, "created_at": now, "updated_at": now, "closed_at": None, "state_reason": None,
        "author_association": association(project, user.login), "locked": False,
        "url": f"{project.api}/issues/{number}", "html_url": f"{project.web}/issues/{number}",
        "comments_url": f"{project.api}/issues/{number}/comments", "edits": [],
    }  # fmt: skip


def issue(stored: Json) -> Json:
    """An issue as it is answered."""
    shown = {key: value for key, value in stored.items() if key != "edits"}
    return {**shown, "assignee": (stored["assignees"] or [None])[0]}


def new_comment(project: Project, user: User, number: int, body: str) -> Json:
    """A comment on an issue or pull request."""
    now, identity = project.hub.stamp(), project.hub.new_id()
    kind = "pull" if number in project.pulls else "issues"
    return {
        "id": identity, "node_id": f"IC_{identity}", "body": body, "user": user.json(project.hub.url),
        "created_at": now, "updated_at": now, "author_association": association(project, user.login),
        "url": f"{project.api}/issues/comments/{identity}",
        "html_url": f"{project.web}/{kind}/{number}#issuecomment-{identity}",
        "issue_url": f"{project.api}/issues/{number}",
    }  # fmt: skip


def end(project: Project, ref: str, sha: str, *, fork: str = "") -> Json:
    """One end of a pull request."""
    owner = fork.partition("/")[0] or project.owner
    repo = repository(project) if not fork else {"full_name": fork, "fork": True, "name": project.name}
    return {
        "ref": ref, "sha": sha, "label": f"{owner}:{ref}", "repo": repo, "fork": fork,
        "user": project.hub.user(owner).json(project.hub.url),
    }  # fmt: skip


def pull(project: Project, stored: Json, *, mergeable: bool | None = None, state: str = "unknown") -> Json:
    """A pull request: its issue side, and what only it has."""
    side = issue(project.issues[stored["number"]])
    number = stored["number"]
    parts = {name: {k: v for k, v in stored[name].items() if k != "fork"} for name in ("head", "base")}
    return {
        **{key: value for key, value in side.items() if key not in {"pull_request", "state_reason"}},
        **stored, **parts, "merged": bool(stored["merged_at"]),
        "html_url": f"{project.web}/pull/{number}", "url": f"{project.api}/pulls/{number}",
        "issue_url": f"{project.api}/issues/{number}", "mergeable": mergeable, "mergeable_state": state,
        "diff_url": f"{project.web}/pull/{number}.diff",
        "statuses_url": f"{project.api}/statuses/{stored['head']['sha']}",
    }  # fmt: skip


def new_review_comment(project: Project, user: User, number: int, fields: Json) -> Json:
    """A comment on a line of a pull request. ``fields``: body, path, line, commit_id, in_reply_to_id …"""
    now, identity = project.hub.stamp(), project.hub.new_id()
    line = fields.get("line")
    return {
        "id": identity, "node_id": f"PRRC_{identity}", "user": user.json(project.hub.url), "line": line,
        "original_line": line, "side": fields.get("side", "RIGHT"), "body": fields["body"],
        "path": fields.get("path", ""), "commit_id": fields.get("commit_id", ""),
        "original_commit_id": fields.get("commit_id", ""),
        "diff_hunk": fields.get("diff_hunk", "@@ -1 +1 @@"),
        "pull_request_review_id": fields.get("review"), "in_reply_to_id": fields.get("in_reply_to_id"),
        "start_line": fields.get("start_line"), "subject_type": fields.get("subject_type", "line"),
        "created_at": now, "updated_at": now, "author_association": association(project, user.login),
        "url": f"{project.api}/pulls/comments/{identity}",
        "pull_request_url": f"{project.api}/pulls/{number}",
        "html_url": f"{project.web}/pull/{number}#discussion_r{identity}",
    }  # fmt: skip


def new_review(project: Project, user: User, number: int, *, state: str, body: str, sha: str) -> Json:
    """A review of a pull request."""
    identity = project.hub.new_id()
    return {
        "id": identity, "node_id": f"PRR_{identity}", "user": user.json(project.hub.url), "body": body,
        "state": state, "commit_id": sha, "submitted_at": project.hub.stamp(), "number": number,
        "author_association": association(project, user.login),
        "html_url": f"{project.web}/pull/{number}#pullrequestreview-{identity}",
        "pull_request_url": f"{project.api}/pulls/{number}",
    }  # fmt: skip
