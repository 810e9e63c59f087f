"""Reviews and comments on lines of pull requests."""

from __future__ import annotations

from codebutler.testing.github import shapes
from codebutler.testing.github.calls import Answer, Call, Route, route
from codebutler.testing.github.hub import User
from codebutler.testing.github.issues import REPO, payload
from codebutler.testing.github.project import Project
from codebutler.testing.github.pulls import stored_author
from codebutler.testing.github.refusals import Refused
from codebutler.types import Json

STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def add_review(
    project: Project, user: User, number: int, event: str, body: str, *, comments: list[Json] | None = None
) -> Json:
    """A submitted review with its line comments."""
    project.look()
    stored = project.pulls[number]
    made = shapes.new_review(project, user, number, state=STATES[event], body=body, sha=stored["head"]["sha"])
    project.reviews[made["id"]] = made
    stored["requested_reviewers"] = [r for r in stored["requested_reviewers"] if r["login"] != user.login]
    touch(project, number)
    tell_pull_review(project, user, made)
    for fields in comments or []:
        add_review_comment(
            project, user, number, {"commit_id": made["commit_id"], **fields, "review": made["id"]}
        )
    return made


def tell_pull_review(project: Project, user: User, made: Json) -> None:
    """A review was submitted."""
    body = {**made, "state": made["state"].lower()}
    pull = shapes.pull(project, project.pulls[made["number"]])
    said = payload(project, user, action="submitted", review=body, pull_request=pull)
    project.hub.tell(project, "pull_request_review", said)


def add_review_comment(project: Project, user: User, number: int, fields: Json) -> Json:
    """A comment on a line, or an answer to one."""
    made = shapes.new_review_comment(project, user, number, fields)
    project.review_comments[made["id"]] = made
    touch(project, number)
    pull = shapes.pull(project, project.pulls[number])
    said = payload(project, user, action="created", comment=dict(made), pull_request=pull)
    project.hub.tell(project, "pull_request_review_comment", said)
    return made


def touch(project: Project, number: int) -> None:
    """It changed now."""
    now = project.hub.stamp()
    project.issues[number]["updated_at"] = project.pulls[number]["updated_at"] = now


def _review(call: Call) -> Answer:
    call.need("read")
    event = call.body.get("event")
    if event not in STATES:
        raise Refused(422, "Unprocessable Entity: pending reviews are not kept here; give an event")
    if event != "COMMENT" and stored_author(call) == call.user.login:
        words = (
            "Can not approve your own pull request"
            if event == "APPROVE"
            else "Can not request changes on your own pull request"
        )
        raise Refused(422, f"Review {words}")
    body, comments = call.body.get("body") or "", call.body.get("comments") or []
    if event != "APPROVE" and not body and not comments:
        raise Refused(422, "Unprocessable Entity")
    for each in comments:
        _on_diff(call, each)
    made = add_review(call.project, call.user, call.pull["number"], event, body, comments=comments)
    return Answer({k: v for k, v in made.items() if k != "number"})


def _on_diff(call: Call, fields: Json) -> None:
    """422 unless the comment's file is part of the pull request."""
    stored = call.pull
    start = call.project.git("merge-base", stored["base"]["sha"], stored["head"]["sha"])
    changed = call.project.git("diff", "--name-only", start, stored["head"]["sha"]).splitlines()
    if fields.get("path") not in changed:
        raise Refused(422, "Unprocessable Entity", {"message": "Path could not be resolved"})
    if "line" not in fields and "position" not in fields and fields.get("subject_type") != "file":
        raise Refused(422, "Unprocessable Entity", {"message": "Line could not be resolved"})


def _reviews(call: Call) -> Answer:
    rows = [row for row in call.project.reviews.values() if row["number"] == call.pull["number"]]
    return Answer([{k: v for k, v in row.items() if k != "number"} for row in rows])


def of_pull(project: Project, number: int) -> list[Json]:
    """The line comments of a pull request."""
    return [c for c in project.review_comments.values() if c["pull_request_url"].endswith(f"/pulls/{number}")]


def _line_comments(call: Call) -> Answer:
    return Answer(of_pull(call.project, call.pull["number"]))


def _review_comments(call: Call) -> Answer:
    identity = int(call.words["id"])
    return Answer([c for c in of_pull(call.project, call.number) if c["pull_request_review_id"] == identity])


def _all_line_comments(call: Call) -> Answer:
    rows = [
        r for r in call.project.review_comments.values() if r["updated_at"] >= call.query.get("since", "")
    ]
    key, up = f"{call.query.get('sort', 'created')}_at", call.query.get("direction", "desc") == "asc"
    return Answer(sorted(rows, key=lambda r: (r[key], r["id"]), reverse=not up))


def _line_comment(call: Call) -> Answer:
    call.need("read")
    number, body = call.pull["number"], call.text("body")
    if "in_reply_to" in call.body:
        return _answer(call, number, int(call.body["in_reply_to"]), body)
    _on_diff(call, call.body)
    return Answer(add_review_comment(call.project, call.user, number, call.body), 201)


def _reply(call: Call) -> Answer:
    call.need("read")
    return _answer(call, call.pull["number"], int(call.words["id"]), call.text("body"))


def _answer(call: Call, number: int, about: int, body: str) -> Answer:
    """Answers hang on the first comment of their thread."""
    first = next((c for c in of_pull(call.project, number) if c["id"] == about), None)
    if first is None:
        raise Refused(404, "Not Found")
    root = first["in_reply_to_id"] or first["id"]
    fields = {"body": body, "in_reply_to_id": root, **{k: first[k] for k in ("path", "line", "commit_id")}}
    return Answer(add_review_comment(call.project, call.user, number, fields), 201)


def _get_line_comment(call: Call) -> Answer:
    return Answer(call.found(call.project.review_comments))


def _change_line_comment(call: Call) -> Answer:
    stored = call.found(call.project.review_comments)
    if stored["user"]["login"] != call.user.login:
        call.writes()
    stored["body"], stored["updated_at"] = call.text("body"), call.hub.stamp()
    return Answer(stored)


ROUTES: list[Route] = [
    route("GET", f"{REPO}/pulls/comments", _all_line_comments),
    route("GET", f"{REPO}/pulls/comments/{{id}}", _get_line_comment),
    route("PATCH", f"{REPO}/pulls/comments/{{id}}", _change_line_comment),
    route("GET", f"{REPO}/pulls/{{number}}/reviews", _reviews),
    route("POST", f"{REPO}/pulls/{{number}}/reviews", _review),
    route("GET", f"{REPO}/pulls/{{number}}/reviews/{{id}}/comments", _review_comments),
    route("GET", f"{REPO}/pulls/{{number}}/comments", _line_comments),
    route("POST", f"{REPO}/pulls/{{number}}/comments", _line_comment),
    route("POST", f"{REPO}/pulls/{{number}}/comments/{{id}}/replies", _reply),
]
