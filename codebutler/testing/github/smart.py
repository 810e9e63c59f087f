"""Real git over HTTP: ``git http-backend`` behind basic authentication."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from codebutler.processes import captured
from codebutler.testing.github.hub import RANK, Hub, Token
from codebutler.testing.github.project import Project

if TYPE_CHECKING:
    from aiohttp import web

_SECONDS = 120.0


def basic_token(header: str) -> str:
    """The token in an Authorization header: as a password, or as it is."""
    kind, _, rest = header.partition(" ")
    if kind.lower() != "basic":
        return rest.strip()
    try:
        user, _, password = base64.b64decode(rest).decode().partition(":")
    except ValueError:
        return ""
    return user if password in ("", "x-oauth-basic") else password


async def serve(hub: Hub, request: web.Request) -> web.StreamResponse:
    """``/owner/name.git/…``: fetches for whoever may read, pushes for whoever may write."""
    from aiohttp import web

    rest = request.match_info["rest"]
    service = request.query.get("service") or rest.rpartition("/")[2]
    name = f"{request.match_info['owner']}/{request.match_info['repo'].removesuffix('.git')}".lower()
    sent = basic_token(request.headers.get("Authorization", ""))
    token, project = hub.tokens.get(sent), hub.projects.get(name)
    if sent and token is None:
        return _ask("Invalid username or token. Password authentication is not supported for Git operations.")
    if project is None or hub.allows(project, token) == "none":
        return (
            _ask("Repository not found.")
            if token is None
            else web.Response(status=404, text="Repository not found.\n")
        )
    if service == "git-receive-pack":
        if token is None:
            return _ask("No anonymous write access.")
        if project.archived:
            return web.Response(status=403, text="This repository was archived so it is read-only.\n")
        if RANK[hub.allows(project, token)] < RANK["write"]:
            words = f"Permission to {project.full_name}.git denied to {token.user.login}.\n"
            return web.Response(status=403, text=words)
    response = await _backend(project, request, rest, token)
    if rest == "git-receive-pack":
        before = {number: pull["head"]["sha"] for number, pull in project.pulls.items()}
        project.look()
        _tell(hub, project, token, before)
    return response


def _ask(words: str) -> web.Response:
    from aiohttp import web

    headers = {"WWW-Authenticate": 'Basic realm="GitHub"'}
    return web.Response(status=401, text=f"{words}\n", headers=headers)


def _tell(hub: Hub, project: Project, token: Token | None, before: dict[int, str]) -> None:
    from codebutler.testing.github.pulls import tell_pull

    for number, sha in before.items():
        pull = project.pulls[number]
        if pull["head"]["sha"] != sha and token is not None:
            tell_pull(project, token.user, "synchronize", pull, before=sha, after=pull["head"]["sha"])


async def _backend(
    project: Project, request: web.Request, rest: str, token: Token | None
) -> web.StreamResponse:
    from aiohttp import web

    env = {
        "PATH": os.environ.get("PATH", os.defpath), "GIT_PROJECT_ROOT": str(project.path.parent),
        "GIT_HTTP_EXPORT_ALL": "1", "REQUEST_METHOD": request.method, "QUERY_STRING": request.query_string,
        "PATH_INFO": f"/{project.path.name}/{rest}", "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""), "REMOTE_ADDR": "127.0.0.1",
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
    }  # fmt: skip
    if token is not None:
        env["REMOTE_USER"] = token.user.login
    done = await captured("git", "http-backend", seconds=_SECONDS, stdin=await request.read(), env=env)
    head, _, body = done.out.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    status = int(headers.pop("Status", "200").split(" ")[0])
    return web.Response(status=status, body=body, headers=headers)
