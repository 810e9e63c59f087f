"""Pull requests, reviews and review comments."""

from __future__ import annotations

from codebutler.testing.github import merging, shapes
from codebutler.testing.github.calls import Answer, Call, Route, route
from codebutler.testing.github.hub import User
from codebutler.testing.github.issues import REPO, change_issue, payload
from codebutler.testing.github.project import Project
from codebutler.testing.github.refusals import Refused, invalid
from codebutler.types import Json


def shown(project: Project, stored: Json) -> Json:
    """A pull request with what it says of merging."""
    mergeable, state = merging.standing(project, stored)
    return shapes.pull(project, stored, mergeable=mergeable, state=state)


def open_pull(
    project: Project, user: User, *, title: str, body: str, head: str, base: str, draft: bool = False,
    fork: str = "", sha: str = "",
) -> Json:  # fmt: skip
    """A new pull request. ``fork`` with ``sha``: from another repository, whose commit is here already."""
    heads = project.heads()
    number = project.new_number()
    issue = shapes.new_issue(project, user, title, body, number=number)
    issue["pull_request"] = {
        "url": f"{project.api}/pulls/{number}",
        "html_url": f"{project.web}/pull/{number}",
    }
    issue["html_url"] = f"{project.web}/pull/{number}"
    project.issues[number] = issue
    tip = sha or heads[head]
    stored: Json = {
        "id": project.hub.new_id(), "node_id": f"PR_{project.id}_{number}", "number": number, "state": "open",
        "draft": draft, "head": shapes.end(project, head, tip, fork=fork),
        "base": shapes.end(project, base, heads[base]), "merged_at": None, "merge_commit_sha": None,
        "closed_at": None, "requested_reviewers": [], "requested_teams": [], "maintainer_can_modify": False,
        "updated_at": issue["updated_at"], "merged_by": None,
    }  # fmt: skip
    project.pulls[number] = stored
    project.git("update-ref", f"refs/pull/{number}/head", tip)
    tell_pull(project, user, "opened", stored)
    return stored


def tell_pull(project: Project, sender: User, action: str, stored: Json, **more: object) -> None:
    """An event of a pull request."""
    body = shown(project, stored)
    said = payload(project, sender, action=action, number=stored["number"], pull_request=body, **more)
    project.hub.tell(project, "pull_request", said)


def _list(call: Call) -> Answer:
    call.project.look()
    state, head, base = (call.query.get(k, "") for k in ("state", "head", "base"))
    rows = []
    for row in call.project.pulls.values():
        fits = (state or "open") in ("all", row["state"]) and (not base or row["base"]["ref"] == base)
        if fits and (not head or row["head"]["label"] == head):
            rows.append(shapes.pull(call.project, row))
    key, up = call.query.get("sort", "created"), call.query.get("direction", "desc") == "asc"
    return Answer(sorted(rows, key=lambda r: (r[f"{key}_at"], r["number"]), reverse=not up))


def _create(call: Call) -> Answer:
    project = call.project
    call.writes()
    head, base = call.text("head").rpartition(":")[2], call.text("base")
    heads = project.heads()
    for name, ref in (("head", head), ("base", base)):
        if ref not in heads:
            raise invalid("PullRequest", "invalid", field=name)
    if any(p["state"] == "open" and p["head"]["ref"] == head and p["base"]["ref"] == base
           for p in project.pulls.values()):  # fmt: skip
        words = f"A pull request already exists for {project.owner}:{head}."
        raise invalid("PullRequest", "custom", message=words)
    if project.git("rev-list", "--count", f"{heads[base]}..{heads[head]}") == "0":
        raise invalid("PullRequest", "custom", message=f"No commits between {base} and {head}")
    made = open_pull(
        project, call.user, title=call.text("title", most=256), body=call.body.get("body") or "", head=head,
        base=base, draft=bool(call.body.get("draft")),
    )  # fmt: skip
    return Answer(shown(project, made), 201)


def _get(call: Call) -> Answer:
    stored = call.pull
    merging.run_queue(call.project, stored["number"])
    if "diff" in call.accept:
        start = call.project.git("merge-base", stored["base"]["sha"], stored["head"]["sha"])
        text = call.project.git("diff", start, stored["head"]["sha"])
        return Answer(text=text + "\n", media="application/vnd.github.diff")
    return Answer(shown(call.project, stored))


def _change(call: Call) -> Answer:
    stored = call.pull
    call.writes()
    if call.body.get("state") == "open" and stored["merged_at"]:
        raise invalid("PullRequest", "invalid", field="state")
    if len(call.body.get("body") or "") > 65_536:
        raise invalid("PullRequest", "custom", message="body is too long (maximum is 65536 characters)")
    changes = {k: v for k, v in call.body.items() if k in ("title", "body", "state")}
    change_issue(call.project, call.user, call.issue, changes)
    if "base" in call.body:
        stored["base"]["ref"] = call.body["base"]
    return Answer(shown(call.project, stored))


def _files(call: Call) -> Answer:
    stored, project = call.pull, call.project
    start = project.git("merge-base", stored["base"]["sha"], stored["head"]["sha"])
    names = {"A": "added", "M": "modified", "D": "removed", "R": "renamed"}
    rows: list[Json] = []
    for line in project.git(
        "diff", "--no-renames", "--name-status", start, stored["head"]["sha"]
    ).splitlines():
        kind, _, path = line.partition("\t")
        patch = project.git("diff", start, stored["head"]["sha"], "--", path)
        rows.append(
            {"filename": path, "status": names.get(kind[0], "changed"), "patch": patch.partition("\n@@")[2]}
        )
    return Answer(rows)


def _commits(call: Call) -> Answer:
    stored, project = call.pull, call.project
    out = project.git(
        "log",
        "--reverse",
        "--format=%H%x00%an%x00%ae%x00%s",
        f"{stored['base']['sha']}..{stored['head']['sha']}",
    )
    rows = []
    for line in out.splitlines():
        sha, name, mail, subject = line.split("\0")
        rows.append({"sha": sha, "commit": {"message": subject, "author": {"name": name, "email": mail}}})
    return Answer(rows)


def _ask_review(call: Call) -> Answer:
    stored = call.pull
    call.writes()
    for login in call.body.get("reviewers") or []:
        if login == stored_author(call):
            raise Refused(422, "Review cannot be requested from pull request author.")
        if login not in call.project.collaborators and login != call.project.owner:
            words = (
                "Reviews may only be requested from collaborators. One or more of the users or teams you "
                "specified is not a collaborator"
            )
            raise Refused(422, f"{words} of the {call.project.full_name} repository.")
        person = call.hub.user(login).json(call.hub.url)
        if person not in stored["requested_reviewers"]:
            stored["requested_reviewers"].append(person)
    stored["requested_teams"] += [{"slug": slug} for slug in call.body.get("team_reviewers") or []]
    return Answer(shown(call.project, stored), 201)


def stored_author(call: Call) -> str:
    """Who opened the pull request in the path."""
    return str(call.issue["user"]["login"])


ROUTES: list[Route] = [
    route("GET", f"{REPO}/pulls", _list),
    route("POST", f"{REPO}/pulls", _create),
    route("GET", f"{REPO}/pulls/{{number}}", _get),
    route("PATCH", f"{REPO}/pulls/{{number}}", _change),
    route("GET", f"{REPO}/pulls/{{number}}/files", _files),
    route("GET", f"{REPO}/pulls/{{number}}/commits", _commits),
    route("POST", f"{REPO}/pulls/{{number}}/requested_reviewers", _ask_review),
    route("PUT", f"{REPO}/pulls/{{number}}/merge", merging.merge),
    route("GET", f"{REPO}/pulls/{{number}}/merge", merging.is_merged),
]
