"""Commits and what is known of them: statuses, check runs, jobs and logs; refs, contents, comparisons."""

from __future__ import annotations

import base64

from codebutler.errors import CodeButlerError
from codebutler.testing.github import shapes
from codebutler.testing.github.calls import Answer, Call, Route, route
from codebutler.testing.github.hub import RANK, User
from codebutler.testing.github.issues import REPO, payload
from codebutler.testing.github.project import Project
from codebutler.testing.github.refusals import Refused, missing
from codebutler.types import Json


def _commit(call: Call, ref: str) -> str:
    name = ref.removeprefix("heads/")
    sha = call.project.git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", ok=(0, 1, 128))
    if not sha:
        raise Refused(422, f"No commit found for SHA: {ref}")
    return sha


def set_status(project: Project, user: User, sha: str, context: str, state: str, *, words: str = "") -> Json:
    """A commit status."""
    made = {
        "id": project.hub.new_id(), "context": context, "state": state, "description": words,
        "target_url": None, "created_at": project.hub.stamp(), "updated_at": project.hub.stamp(),
        "creator": user.json(project.hub.url),
    }  # fmt: skip
    project.statuses.setdefault(sha, []).append(made)
    branches = [{"name": name, "commit": {"sha": tip}} for name, tip in project.heads().items() if tip == sha]
    project.hub.tell(project, "status", payload(project, user, sha=sha, branches=branches, **made))
    return made


def set_check(
    project: Project, user: User, sha: str, name: str, conclusion: str | None, *, log: str = "",
    identity: int = 0, run: int = 0,
) -> Json:  # fmt: skip
    """A check run, as an Actions job makes it; ``conclusion`` None: it runs. ``identity`` changes one."""
    number = identity or project.hub.new_id()
    run = run or project.check_runs.get(number, {}).get("run_id") or project.hub.new_id()
    done = conclusion is not None
    pulls = [
        {"number": p["number"], "head": {"ref": p["head"]["ref"], "sha": p["head"]["sha"]}}
        for p in project.pulls.values() if p["head"]["sha"] == sha and p["state"] == "open"
    ]  # fmt: skip
    made: Json = {
        "id": number, "name": name, "head_sha": sha, "status": "completed" if done else "in_progress",
        "conclusion": conclusion, "run_id": run, "run_attempt": 1, "started_at": project.hub.stamp(),
        "completed_at": project.hub.stamp() if done else None, "pull_requests": pulls,
        "html_url": f"{project.web}/actions/runs/{run}/job/{number}", "external_id": "",
        "details_url": f"{project.web}/actions/runs/{run}/job/{number}",
        "url": f"{project.api}/check-runs/{number}", "app": {"slug": "github-actions", "id": 15368},
        "output": {"title": None, "summary": None, "text": None, "annotations_count": 0},
        "check_suite": {"id": run},
    }  # fmt: skip
    project.check_runs[number] = made
    project.logs[number] = log
    action = "completed" if done else "created"
    project.hub.tell(project, "check_run", payload(project, user, action=action, check_run=made))
    return made


def _status(call: Call) -> Answer:
    call.writes()
    state = call.body.get("state")
    if state not in {"error", "failure", "pending", "success"}:
        raise Refused(422, "Validation Failed", {"resource": "Status", "code": "custom", "field": "state"})
    words = {"words": call.body.get("description") or ""}
    name = call.body.get("context") or "default"
    return Answer(set_status(call.project, call.user, call.words["sha"], name, state, **words), 201)


def _combined(call: Call) -> Answer:
    sha = _commit(call, call.words["ref"])
    newest = {s["context"]: s for s in call.project.statuses.get(sha, [])}
    states = {s["state"] for s in newest.values()}
    worst = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    rows = list(newest.values())
    return Answer({"state": worst, "sha": sha, "total_count": len(rows), "statuses": rows})


def _runs(call: Call) -> Answer:
    sha, name = _commit(call, call.words["ref"]), call.query.get("check_name")
    rows = [r for r in call.project.check_runs.values() if r["head_sha"] == sha and name in (None, r["name"])]
    if call.query.get("filter", "latest") == "latest":
        rows = list({row["name"]: row for row in rows}.values())
    return Answer({"total_count": len(rows), "check_runs": rows})


def _make_run(call: Call) -> Answer:
    call.writes()
    made = set_check(
        call.project, call.user, call.text("head_sha"), call.text("name"), call.body.get("conclusion")
    )
    made["output"] = {**made["output"], **(call.body.get("output") or {})}
    return Answer(made, 201)


def _change_run(call: Call) -> Answer:
    call.writes()
    stored = call.found(call.project.check_runs)
    stored |= {k: v for k, v in call.body.items() if k in {"status", "conclusion", "output", "name"}}
    if call.body.get("conclusion"):
        stored |= {"status": "completed", "completed_at": call.hub.stamp()}
    return Answer(stored)


def _job(call: Call) -> Answer:
    stored = call.found(call.project.check_runs)
    steps = [{"name": "Run tests", "status": "completed", "conclusion": stored["conclusion"], "number": 1}]
    return Answer({**stored, "steps": steps, "workflow_name": "CI"})


def _jobs(call: Call) -> Answer:
    rows = [r for r in call.project.check_runs.values() if r["run_id"] == int(call.words["id"])]
    return Answer({"total_count": len(rows), "jobs": rows})


def _log(call: Call) -> Answer:
    """GitHub redirects to a place that needs no token."""
    stored = call.found(call.project.check_runs)
    return Answer(f"{call.hub.url}/logs/{call.project.full_name}/{stored['id']}", 302)


def _rerun(call: Call) -> Answer:
    """The failed jobs of a run, or one job, go again; what they end with is set by ``hub.rerun``."""
    call.writes()
    identity = int(call.words["id"])
    again = [r for r in call.project.check_runs.values() if identity in (r["id"], r["run_id"])]
    if not again:
        raise missing()
    runs = {row["run_id"] for row in again}
    if any(r["run_id"] in runs and r["status"] != "completed" for r in call.project.check_runs.values()):
        raise Refused(403, "The workflow run containing this job is already running")
    for stored in again:
        if stored["id"] == identity or stored["conclusion"] == "failure":
            stored |= {"status": "queued", "conclusion": None, "run_attempt": stored["run_attempt"] + 1}
    return Answer({}, 201)


def _ref(call: Call) -> Answer:
    name = call.words["rest"]
    sha = call.project.git("rev-parse", "--verify", "--quiet", f"refs/{name}", ok=(0, 1, 128))
    if not sha:
        raise missing()
    return Answer(
        {
            "ref": f"refs/{name}",
            "object": {"type": "commit", "sha": sha},
            "url": f"{call.project.api}/git/refs/{name}",
        }
    )


def _drop_ref(call: Call) -> Answer:
    call.writes()
    name = call.words["rest"]
    if name.removeprefix("heads/") in call.project.rules:
        raise Refused(422, "Cannot delete this protected branch")
    if not call.project.git("rev-parse", "--verify", "--quiet", f"refs/{name}", ok=(0, 1, 128)):
        raise Refused(422, "Reference does not exist")
    call.project.git("update-ref", "-d", f"refs/{name}")
    call.project.look()
    return Answer(status=204)


def _make_ref(call: Call) -> Answer:
    call.writes()
    ref, sha = call.text("ref"), call.text("sha")
    call.project.git("update-ref", ref, sha)
    return Answer({"ref": ref, "object": {"type": "commit", "sha": sha}}, 201)


def _branch(call: Call) -> Answer:
    name = call.words["rest"]
    heads = call.project.heads()
    if name not in heads:
        raise Refused(404, "Branch not found")
    rules = call.project.rules.get(name)
    return Answer({"name": name, "commit": {"sha": heads[name]}, "protected": rules is not None})


def _rules(call: Call) -> Answer:
    rules, found = call.project.rules.get(call.words["rest"]), []
    if rules is not None:
        contexts = [{"context": name} for name in rules.checks]
        found.append(
            {"type": "pull_request", "parameters": {"required_approving_review_count": rules.approvals}}
        )
        found.append({"type": "required_status_checks", "parameters": {"required_status_checks": contexts}})
        found += [{"type": "merge_queue", "parameters": {"merge_method": "SQUASH"}}] if rules.queue else []
    return Answer(found)


def _contents(call: Call) -> Answer:
    ref, path = call.query.get("ref") or call.project.default_branch, call.words["rest"].strip("/")
    try:
        text = call.project.git("show", f"{ref}:{path}")
        sha = call.project.git("rev-parse", f"{ref}:{path}")
    except CodeButlerError:
        raise missing() from None
    data = base64.encodebytes(f"{text}\n".encode()).decode()
    return Answer(
        {
            "type": "file",
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": sha,
            "encoding": "base64",
            "content": data,
        }
    )


def _compare(call: Call) -> Answer:
    base, _, head = call.words["rest"].partition("...")
    project, a, b = call.project, _commit(call, base), _commit(call, head)
    start = project.git("merge-base", a, b)
    ahead, behind = (int(project.git("rev-list", "--count", f"{x}..{y}")) for x, y in ((a, b), (b, a)))
    names = project.git("diff", "--name-only", start, b).splitlines()
    status = (
        "identical"
        if not ahead and not behind
        else "diverged"
        if ahead and behind
        else "ahead"
        if ahead
        else "behind"
    )
    return Answer({
        "status": status, "ahead_by": ahead, "behind_by": behind, "total_commits": ahead,
        "merge_base_commit": {"sha": start}, "files": [{"filename": n} for n in names],
    })  # fmt: skip


def _repo(call: Call) -> Answer:
    rank = call.hub.allows(call.project, call.token)
    ladder = {"pull": 1, "triage": 2, "push": 3, "maintain": 4, "admin": 5}
    allowed = {name: RANK[rank] >= level for name, level in ladder.items()}
    return Answer(shapes.repository(call.project, permissions=allowed if call.token else None))


ROUTES: list[Route] = [
    route("GET", REPO, _repo),
    route("POST", f"{REPO}/statuses/{{sha}}", _status),
    route("GET", f"{REPO}/commits/{{ref}}/status", _combined),
    route("GET", f"{REPO}/commits/{{ref}}/check-runs", _runs),
    route("POST", f"{REPO}/check-runs", _make_run),
    route("PATCH", f"{REPO}/check-runs/{{id}}", _change_run),
    route("GET", f"{REPO}/check-runs/{{id}}", lambda call: Answer(call.found(call.project.check_runs))),
    route("GET", f"{REPO}/actions/jobs/{{id}}", _job),
    route("GET", f"{REPO}/actions/jobs/{{id}}/logs", _log),
    route("POST", f"{REPO}/actions/jobs/{{id}}/rerun", _rerun),
    route("GET", f"{REPO}/actions/runs/{{id}}/jobs", _jobs),
    route("POST", f"{REPO}/actions/runs/{{id}}/rerun-failed-jobs", _rerun),
    route("GET", f"{REPO}/git/ref/{{rest}}", _ref),
    route("POST", f"{REPO}/git/refs", _make_ref),
    route("DELETE", f"{REPO}/git/refs/{{rest}}", _drop_ref),
    route("GET", f"{REPO}/branches/{{rest}}", _branch),
    route("GET", f"{REPO}/rules/branches/{{rest}}", _rules),
    route("GET", f"{REPO}/contents/{{rest}}", _contents),
    route("GET", f"{REPO}/compare/{{rest}}", _compare),
]
