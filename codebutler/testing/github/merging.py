"""Merging pull requests: what stands in the way, squash merges, and the merge queue."""

from __future__ import annotations

import re

from codebutler.testing.github import shapes
from codebutler.testing.github.calls import Answer, Call
from codebutler.testing.github.hub import User
from codebutler.testing.github.project import Project, Rules
from codebutler.testing.github.refusals import Refused
from codebutler.types import Json

_CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s+#(\d+)", re.IGNORECASE)


def joined(project: Project, stored: Json) -> str:
    """The tree of base and head together; "" when they conflict."""
    base, head = stored["base"]["sha"], stored["head"]["sha"]
    out = project.git("merge-tree", "--write-tree", "--no-messages", base, head, ok=(0, 1))
    clean = len(out.splitlines()) == 1
    return out if clean else ""


def missing_checks(project: Project, stored: Json) -> list[str]:
    """Required checks that have not succeeded on the head."""
    rules = project.rules.get(stored["base"]["ref"], Rules())
    sha = stored["head"]["sha"]
    good = {s["context"] for s in _newest(project, sha) if s["state"] == "success"}
    good |= {
        run["name"] for run in project.check_runs.values()
        if run["head_sha"] == sha and run["conclusion"] in {"success", "neutral", "skipped"}
    }  # fmt: skip
    return [name for name in rules.checks if name not in good]


def _newest(project: Project, sha: str) -> list[Json]:
    newest: dict[str, Json] = {}
    for status in project.statuses.get(sha, []):
        newest[status["context"]] = status
    return list(newest.values())


def _approvals(project: Project, number: int) -> int:
    last: dict[str, str] = {}
    for review in project.reviews.values():
        if review["number"] == number and review["state"] != "COMMENTED":
            last[review["user"]["login"]] = review["state"]
    return -1 if "CHANGES_REQUESTED" in last.values() else list(last.values()).count("APPROVED")


def standing(project: Project, stored: Json) -> tuple[bool | None, str]:
    """``mergeable`` and ``mergeable_state``."""
    if stored["state"] != "open":
        return None, "unknown"
    if not joined(project, stored):
        return False, "dirty"
    if stored["draft"]:
        return True, "draft"
    return (True, "blocked") if _block(project, stored) else (True, "clean")


def _block(project: Project, stored: Json) -> str:
    rules = project.rules.get(stored["base"]["ref"], Rules())
    if lacking := missing_checks(project, stored):
        if len(lacking) > 1:
            return f"{len(lacking)} of {len(rules.checks)} required status checks are expected."
        return f'Required status check "{lacking[0]}" is expected.'
    given = _approvals(project, stored["number"])
    if rules.approvals and given < rules.approvals:
        return (
            "Changes have been requested."
            if given < 0
            else f"At least {rules.approvals} approving review is required by reviewers with write access."
        )
    return ""


def merge(call: Call) -> Answer:
    """PUT …/merge."""
    project, stored = call.project, call.pull
    call.writes()
    method = call.body.get("merge_method", "merge")
    if stored["state"] != "open":
        raise Refused(405, "Pull Request is not mergeable")
    if stored["draft"]:
        raise Refused(405, "Pull Request is still a draft")
    if method == "squash" and not project.squash_allowed:
        raise Refused(405, "Squash merges are not allowed on this repository.")
    if call.body.get("sha") not in (None, stored["head"]["sha"]):
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    if project.rules.get(stored["base"]["ref"], Rules()).queue:
        raise Refused(405, "Repository rule violations found\n\nChanges must be made through the merge queue")
    if words := _block(project, stored):
        raise Refused(405, words)
    title = call.body.get("commit_title") or f"{call.issue['title']} (#{stored['number']})"
    message = f"{title}\n\n{call.body.get('commit_message') or ''}".strip() + "\n"
    land(project, call.user, stored, message)
    words = "Pull Request successfully merged"
    return Answer({"sha": stored["merge_commit_sha"], "merged": True, "message": words})


def land(project: Project, user: User, stored: Json, message: str) -> None:
    """One commit on the base branch. 405 on a conflict."""
    tree = joined(project, stored)
    if not tree:
        raise Refused(405, "Pull Request is not mergeable")
    base = stored["base"]
    sha = project.git("commit-tree", "-p", base["sha"], "-F", "-", tree, stdin=message)
    project.git("update-ref", f"refs/heads/{base['ref']}", sha, base["sha"])
    now = project.hub.stamp()
    stored |= {"state": "closed", "merged_at": now, "closed_at": now, "merge_commit_sha": sha}
    stored["merged_by"] = user.json(project.hub.url)
    project.issues[stored["number"]] |= {"state": "closed", "closed_at": now, "updated_at": now}
    if project.delete_on_merge and not stored["head"]["fork"]:
        project.git("update-ref", "-d", f"refs/heads/{stored['head']['ref']}")
    if base["ref"] == project.default_branch:
        for number in _CLOSES.findall(f"{project.issues[stored['number']]['body']}\n{message}"):
            if int(number) in project.issues:
                project.issues[int(number)] |= {
                    "state": "closed",
                    "closed_at": now,
                    "state_reason": "completed",
                }
    said = {
        "action": "closed", "number": stored["number"], "pull_request": shapes.pull(project, stored),
        "repository": shapes.repository(project), "sender": user.json(project.hub.url),
    }  # fmt: skip
    project.hub.tell(project, "pull_request", said)


def is_merged(call: Call) -> Answer:
    """204 when it is."""
    if not call.pull["merged_at"]:
        raise Refused(404, "Not Found")
    return Answer(status=204)


def enqueue(project: Project, stored: Json, expected: str | None) -> Json:
    """Put a pull request into the merge queue."""
    if not project.rules.get(stored["base"]["ref"], Rules()).queue:
        raise Refused(422, "The base branch does not have a merge queue enabled")
    if expected is not None and expected != stored["head"]["sha"]:
        raise Refused(422, "Head sha didn't match expected value")
    if stored["number"] not in project.queue:
        project.queue.append(stored["number"])
    return {
        "id": f"MQE_{stored['number']}",
        "state": "QUEUED",
        "position": project.queue.index(stored["number"]) + 1,
    }


def dequeue(project: Project, stored: Json) -> Json:
    """Take a pull request out of the merge queue."""
    if stored["number"] not in project.queue:
        raise Refused(422, "Pull request is not in the merge queue")
    position = project.queue.index(stored["number"]) + 1
    project.queue.remove(stored["number"])
    return {"id": f"MQE_{stored['number']}", "position": position}


def run_queue(project: Project, number: int) -> None:
    """The queue merges what is asked about once its checks have passed."""
    stored = project.pulls[number]
    if number not in project.queue or missing_checks(project, stored):
        return
    project.queue.remove(number)
    title = f"{project.issues[number]['title']} (#{number})\n"
    land(project, project.hub.user("github-merge-queue[bot]", "Bot"), stored, title)
