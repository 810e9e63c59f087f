"""Who somebody is and what they may do; gists; Apps and their tokens."""

from __future__ import annotations

from datetime import UTC, datetime

from codebutler.testing.github import apps, shapes
from codebutler.testing.github.calls import Answer, Call, Route, route
from codebutler.testing.github.issues import REPO
from codebutler.testing.github.refusals import Refused, missing


def _me(call: Call) -> Answer:
    if call.user.kind == "Bot":
        raise Refused(403, "Resource not accessible by integration")
    return Answer(call.user.json(call.hub.url))


def _user(call: Call) -> Answer:
    found = [user for login, user in call.hub.users.items() if login.lower() == call.words["login"].lower()]
    if not found:
        raise missing()
    return Answer(found[0].json(call.hub.url))


def _permission(call: Call) -> Answer:
    """``permission`` is the old four-step word, ``role_name`` the finer one."""
    call.need("read")
    login = call.words["login"]
    user = call.hub.users.get(login)
    if user is None:
        raise missing()
    project = call.project
    role = project.collaborators.get(
        login, "admin" if login == project.owner else "read" if not project.private else "none"
    )
    old = {"maintain": "write", "triage": "read"}.get(role, role)
    return Answer({"permission": old, "role_name": role, "user": user.json(call.hub.url)})


def _is_collaborator(call: Call) -> Answer:
    call.need("read")
    login = call.words["login"]
    if login != call.project.owner and login not in call.project.collaborators:
        raise missing()
    return Answer(status=204)


def _collaborators(call: Call) -> Answer:
    call.need("write")
    return Answer([call.hub.user(login).json(call.hub.url) for login in call.project.collaborators])


def _gists(call: Call) -> Answer:
    return Answer([gist for gist in call.hub.gists if gist["owner"]["login"] == call.words["login"]])


def _limit(call: Call) -> Answer:
    core = {
        "limit": 5000,
        "remaining": call.hub.core,
        "reset": int(call.hub.reset),
        "used": 5000 - call.hub.core,
    }
    return Answer({"resources": {"core": core}, "rate": core})


def _app(call: Call) -> Answer:
    app = apps.app_of(call)
    return Answer(
        {"id": app.id, "slug": app.slug, "name": app.slug, "owner": None, "permissions": {}, "events": []}
    )


def _installation(call: Call) -> Answer:
    app = apps.app_of(call)
    name = f"{call.words['owner']}/{call.words['repo']}".lower()
    number = app.installations.get(name)
    if number is None:
        raise missing()
    return Answer(
        {"id": number, "app_id": app.id, "app_slug": app.slug, "account": {"login": call.words["owner"]}}
    )


def _installation_token(call: Call) -> Answer:
    """A token of an hour, for the installation's repositories or the fewer that are asked for."""
    app = apps.app_of(call)
    number = int(call.words["id"])
    repos = [name for name, installed in app.installations.items() if installed == number]
    if not repos:
        raise missing()
    if wanted := call.body.get("repositories"):
        repos = [name for name in repos if name.partition("/")[2] in {str(w).lower() for w in wanted}]
        if len(repos) != len(wanted):
            raise Refused(
                422,
                "There is at least one repository that does not exist or is not accessible to the parent "
                "installation.",
            )
    token = call.hub.token(f"{app.slug}[bot]", *repos, seconds=3600)
    call.hub.users[f"{app.slug}[bot]"].kind = "Bot"
    for name in repos:
        call.hub.projects[name].collaborators.setdefault(f"{app.slug}[bot]", "write")
    expires = datetime.fromtimestamp(call.hub.now() + 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = {"contents": "write", "pull_requests": "write", "issues": "write", "metadata": "read"}
    shown = [shapes.repository(call.hub.projects[name]) for name in repos]
    more = (
        {"repository_selection": "selected", "permissions": given, "repositories": shown}
        if wanted
        else {"permissions": given, "repository_selection": "selected"}
    )
    return Answer({"token": token, "expires_at": expires, **more}, 201)


ROUTES: list[Route] = [
    route("GET", "/user", _me),
    route("GET", "/users/{login}", _user),
    route("GET", "/users/{login}/gists", _gists),
    route("GET", "/rate_limit", _limit),
    route("GET", "/app", _app),
    route("GET", f"{REPO}/installation", _installation),
    route("POST", "/app/installations/{id}/access_tokens", _installation_token),
    route("GET", f"{REPO}/collaborators", _collaborators),
    route("GET", f"{REPO}/collaborators/{{login}}", _is_collaborator),
    route("GET", f"{REPO}/collaborators/{{login}}/permission", _permission),
]
