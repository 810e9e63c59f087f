"""Issues, comments, labels, assignees and reactions."""

from __future__ import annotations

from typing import Any

from codebutler.testing.github import shapes
from codebutler.testing.github.calls import Answer, Call, Route, route
from codebutler.testing.github.hub import User
from codebutler.testing.github.project import Project
from codebutler.testing.github.refusals import Refused, invalid
from codebutler.types import Json

REPO = "/repos/{owner}/{repo}"
CONTENTS = {"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}


def payload(project: Project, sender: User, **more: object) -> Json:
    """What a webhook says of every event."""
    return {**more, "repository": shapes.repository(project), "sender": sender.json(project.hub.url)}


def tell_issue(project: Project, sender: User, action: str, stored: Json, **more: object) -> None:
    """An event of an issue, or of a pull request's issue side."""
    number = stored["number"]
    if number in project.pulls:
        body = shapes.pull(project, project.pulls[number])
        project.hub.tell(
            project,
            "pull_request",
            payload(project, sender, action=action, number=number, pull_request=body, **more),
        )
    else:
        body = shapes.issue(stored)
        project.hub.tell(project, "issues", payload(project, sender, action=action, issue=body, **more))


def note(project: Project, actor: User, event: str, stored: Json, **more: object) -> None:
    """A line of the issue's history."""
    identity = project.hub.new_id()
    project.events.append(
        {"id": identity, "event": event, "actor": actor.json(project.hub.url),
         "created_at": project.hub.stamp(), "issue": shapes.issue(stored),
         "url": f"{project.api}/issues/events/{identity}", **more}
    )  # fmt: skip


def open_issue(project: Project, user: User, title: str, body: str) -> Json:
    """A new issue."""
    stored = shapes.new_issue(project, user, title, body, number=project.new_number())
    project.issues[stored["number"]] = stored
    tell_issue(project, user, "opened", stored)
    return stored


def change_issue(project: Project, user: User, stored: Json, changes: Json) -> Json:
    """Edit title, body, state, labels or assignees."""
    if "body" in changes and changes["body"] != stored["body"]:
        stored["edits"].append({"editedAt": project.hub.stamp(), "diff": stored["body"] or ""})
        stored["last_edited"] = project.hub.stamp()
    if changes.get("title", stored["title"]) != stored["title"]:
        renamed = {"from": stored["title"], "to": changes["title"]}
        note(project, user, "renamed", stored, rename=renamed)
    for name in ("title", "body", "state_reason"):
        if name in changes:
            stored[name] = changes[name]
    stored["updated_at"] = project.hub.stamp()
    if changes.get("state", stored["state"]) != stored["state"]:
        stored["state"] = changes["state"]
        stored["closed_at"] = project.hub.stamp() if stored["state"] == "closed" else None
        if stored["number"] in project.pulls:
            project.pulls[stored["number"]]["state"] = stored["state"]
        word = "closed" if stored["state"] == "closed" else "reopened"
        note(project, user, word, stored, commit_id=None)
        tell_issue(project, user, word, stored)
    elif {"title", "body"} & set(changes):
        tell_issue(project, user, "edited", stored)
    if "labels" in changes:
        stored["labels"] = []
        add_labels(project, user, stored, changes["labels"])
    return stored


def add_labels(project: Project, user: User, stored: Json, names: list[Any]) -> None:
    """Labels that are new to the repository are made."""
    for given in names:
        name = given["name"] if isinstance(given, dict) else str(given)
        label = project.labels.setdefault(
            name,
            {
                "id": project.hub.new_id(),
                "name": name,
                "color": "ededed",
                "description": None,
                "default": False,
            },
        )
        if label not in stored["labels"]:
            stored["labels"].append(label)
            stored["updated_at"] = project.hub.stamp()
            note(project, user, "labeled", stored, label=label)
            tell_issue(project, user, "labeled", stored, label=label)


def assign(project: Project, user: User, stored: Json, logins: list[str]) -> None:
    """Who cannot be assigned is left out, as on GitHub."""
    for login in logins:
        if login not in project.collaborators and login != project.owner:
            continue
        person = project.hub.user(login).json(project.hub.url)
        if person not in stored["assignees"]:
            stored["assignees"].append(person)
            stored["updated_at"] = project.hub.stamp()
            note(project, user, "assigned", stored, assignee=person)
            tell_issue(project, user, "assigned", stored, assignee=person)


def add_comment(project: Project, user: User, number: int, body: str) -> Json:
    """A comment on an issue or pull request."""
    made = shapes.new_comment(project, user, number, body)
    project.comments[made["id"]] = made
    stored = project.issues[number]
    stored["comments"] += 1
    stored["updated_at"] = made["updated_at"]
    said = payload(project, user, action="created", issue=shapes.issue(stored), comment=dict(made))
    project.hub.tell(project, "issue_comment", said)
    return made


def _of(project: Project, number: int) -> list[Json]:
    end = f"/issues/{number}"
    return [c for c in project.comments.values() if c["issue_url"].endswith(end)]


def _since(rows: list[Json], call: Call, *, default: str = "created") -> list[Json]:
    rows = [row for row in rows if row["updated_at"] >= call.query.get("since", "")]
    key = f"{call.query.get('sort', default)}_at"
    return sorted(rows, key=lambda r: (r[key], r["id"]), reverse=call.query.get("direction", "desc") != "asc")


def _list(call: Call) -> Answer:
    state, rows = call.query.get("state", "open"), list(call.project.issues.values())
    rows = [shapes.issue(row) for row in rows if state in ("all", row["state"])]
    labels = {name for name in call.query.get("labels", "").split(",") if name}
    return Answer(_since([r for r in rows if labels <= {each["name"] for each in r["labels"]}], call))


def _create(call: Call) -> Answer:
    call.need("read")
    title = call.text("title", most=256)
    made = open_issue(call.project, call.user, title, call.body.get("body") or "")
    add_labels(call.project, call.user, made, call.body.get("labels") or [])
    return Answer(shapes.issue(made), 201)


def _change(call: Call) -> Answer:
    stored = call.issue
    if stored["user"]["login"] != call.user.login:
        call.writes()
    return Answer(shapes.issue(change_issue(call.project, call.user, stored, call.body)))


def _comments(call: Call) -> Answer:
    number = call.issue["number"]
    rows = [row for row in _of(call.project, number) if row["updated_at"] >= call.query.get("since", "")]
    return Answer(sorted(rows, key=lambda row: row["id"]))


def _all_comments(call: Call) -> Answer:
    rows = list(call.project.comments.values())
    if "sort" not in call.query:
        return Answer([row for row in rows if row["updated_at"] >= call.query.get("since", "")])
    return Answer(_since(rows, call))


def _comment(call: Call) -> Answer:
    call.need("read")
    call.takes_changes()
    number = call.issue["number"]
    if call.issue["locked"]:
        raise Refused(403, "Unable to create comment because issue is locked.")
    return Answer(add_comment(call.project, call.user, number, call.text("body")), 201)


def change_comment(project: Project, user: User, stored: Json, body: str) -> Json:
    """Edit a comment."""
    stored["body"], stored["updated_at"] = body, project.hub.stamp()
    number = int(stored["issue_url"].rsplit("/", 1)[1])
    said = payload(
        project, user, action="edited", issue=shapes.issue(project.issues[number]), comment=dict(stored)
    )
    project.hub.tell(project, "issue_comment", said)
    return stored


def _change_comment(call: Call) -> Answer:
    stored = call.found(call.project.comments)
    if stored["user"]["login"] != call.user.login:
        call.writes()
    return Answer(change_comment(call.project, call.user, stored, call.text("body")))


def _drop_comment(call: Call) -> Answer:
    stored = call.found(call.project.comments)
    if stored["user"]["login"] != call.user.login:
        call.writes()
    del call.project.comments[stored["id"]]
    return Answer(status=204)


def _label(call: Call) -> Answer:
    call.need("triage")
    given = call.body.get("labels")
    if not isinstance(given, list):
        raise invalid("Label", "missing_field", field="labels")
    add_labels(call.project, call.user, call.issue, given)
    return Answer(call.issue["labels"])


def _unlabel(call: Call) -> Answer:
    call.need("triage")
    name = call.words["rest"]
    if name not in {label["name"] for label in call.issue["labels"]}:
        raise Refused(404, "Label does not exist")
    call.issue["labels"] = [label for label in call.issue["labels"] if label["name"] != name]
    return Answer(call.issue["labels"])


def _assign(call: Call) -> Answer:
    call.need("triage")
    assign(call.project, call.user, call.issue, call.body.get("assignees") or [])
    return Answer(shapes.issue(call.issue), 201)


def _react(call: Call, where: str, about: int) -> Answer:
    if call.body.get("content") not in CONTENTS:
        raise invalid("Reaction", "invalid", field="content")
    made = {
        "id": call.hub.new_id(), "content": call.body["content"], "user": call.user.json(call.hub.url),
        "created_at": call.hub.stamp(), "on": (where, about),
    }  # fmt: skip
    for known in call.project.reactions:
        if all(known[key] == made[key] for key in ("content", "user", "on")):
            return Answer({k: v for k, v in known.items() if k != "on"}, 200)
    call.project.reactions.append(made)
    return Answer({k: v for k, v in made.items() if k != "on"}, 201)


def _react_issue(call: Call) -> Answer:
    return _react(call, "issue", call.issue["number"])


def _react_comment(call: Call) -> Answer:
    return _react(call, "comment", call.found(call.project.comments)["id"])


def _react_review_comment(call: Call) -> Answer:
    return _react(call, "review_comment", call.found(call.project.review_comments)["id"])


def _events(call: Call) -> Answer:
    return Answer(call.project.events[::-1])


def _events_of(call: Call) -> Answer:
    number = call.issue["number"]
    return Answer([event for event in call.project.events if event["issue"]["number"] == number])


ROUTES: list[Route] = [
    route("GET", f"{REPO}/issues", _list),
    route("POST", f"{REPO}/issues", _create),
    route("GET", f"{REPO}/issues/comments", _all_comments),
    route("GET", f"{REPO}/issues/events", _events),
    route("GET", f"{REPO}/issues/comments/{{id}}", lambda call: Answer(call.found(call.project.comments))),
    route("PATCH", f"{REPO}/issues/comments/{{id}}", _change_comment),
    route("DELETE", f"{REPO}/issues/comments/{{id}}", _drop_comment),
    route("POST", f"{REPO}/issues/comments/{{id}}/reactions", _react_comment),
    route("POST", f"{REPO}/pulls/comments/{{id}}/reactions", _react_review_comment),
    route("GET", f"{REPO}/issues/{{number}}", lambda call: Answer(shapes.issue(call.issue))),
    route("PATCH", f"{REPO}/issues/{{number}}", _change),
    route("GET", f"{REPO}/issues/{{number}}/comments", _comments),
    route("POST", f"{REPO}/issues/{{number}}/comments", _comment),
    route("GET", f"{REPO}/issues/{{number}}/events", _events_of),
    route("GET", f"{REPO}/issues/{{number}}/labels", lambda call: Answer(call.issue["labels"])),
    route("POST", f"{REPO}/issues/{{number}}/labels", _label),
    route("DELETE", f"{REPO}/issues/{{number}}/labels/{{rest}}", _unlabel),
    route("POST", f"{REPO}/issues/{{number}}/assignees", _assign),
    route("POST", f"{REPO}/issues/{{number}}/reactions", _react_issue),
    route("GET", f"{REPO}/labels", lambda call: Answer(list(call.project.labels.values()))),
]
