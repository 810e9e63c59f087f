"""The twin's HTTP server: the API at ``/`` and, as on Enterprise, at ``/api/v3``; GraphQL, git, logs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from codebutler.testing.ending import end
from codebutler.testing.github import checks, graphql, issues, people, pulls, reviews, smart
from codebutler.testing.github.calls import Answer, Call, find
from codebutler.testing.github.faults import Fault
from codebutler.testing.github.hooks import Hooks
from codebutler.testing.github.hub import Hub, Token
from codebutler.testing.github.refusals import Refused, missing
from codebutler.types import Json

if TYPE_CHECKING:
    from aiohttp import web

ROUTES = [*issues.ROUTES, *pulls.ROUTES, *reviews.ROUTES, *checks.ROUTES, *people.ROUTES]
DOCS = "https://docs.github.com/rest"
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID."
)


class GitHubTwin:
    """``async with GitHubTwin(folder) as github``: repositories are made with ``github.hub.project(…)``.

    ``calls`` is every call as (method, path, body).
    """

    def __init__(self, folder: Path) -> None:
        """Repositories are kept in ``folder``. Nothing is served before it is entered."""
        self.hub = Hub(folder)
        self.hooks = Hooks(self.hub.faults)
        self.hub.tell = self.hooks.tell
        self.calls: list[tuple[str, str, Json]] = []
        self.not_modified = 0
        self.routes = list(ROUTES)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it is: base URL, web URL and the host of its remotes at once."""
        return self.hub.url

    def settings(self, login: str, **more: object) -> Json:
        """A ``github`` section of the configuration that knows this twin only."""
        return {"baseUrl": self.url, "webUrl": self.url, "token": self.hub.token(login), **more}

    async def __aenter__(self) -> Self:
        """Serve on a free port."""
        from aiohttp import web

        app = web.Application(client_max_size=256 * 1024 * 1024)
        app.router.add_route("*", "/{owner}/{repo:[^/]+\\.git}/{rest:.+}", self._git)
        app.router.add_get("/logs/{owner}/{repo}/{id}", self._log)
        app.router.add_post("/graphql", self._graphql)
        app.router.add_post("/api/graphql", self._graphql)
        app.router.add_route("*", "/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.hub.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.hooks.stop()
        if self._runner is not None:
            await end(self._runner)

    # ---------------------------------------------------------------------------------- the API

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v3")
        return await self._answered(request, path, lambda call: self._routed(request.method, path, call))

    async def _graphql(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, "/graphql", lambda call: Answer(graphql.answer(call)))

    def _routed(self, method: str, path: str, call: Call) -> Answer:
        found = find(self.routes, method, path)
        if found is None:
            raise missing()
        handler, call.words = found
        return handler(call)

    async def _answered(
        self, request: web.Request, path: str, work: Callable[[Call], Answer]
    ) -> web.StreamResponse:
        body = await _body(request)
        self.calls.append((request.method, path, body))
        fault = self.hub.faults.of_call(request.method, path)
        if fault is not None and (early := await self._before(fault, request)) is not None:
            return early
        try:
            call = Call(
                self.hub, {}, request.query, body, self._token(request), request.headers.get("Accept", ""),
                smart.basic_token(request.headers.get("Authorization", "")),
            )  # fmt: skip
            self._count()
            response = self._shown(request, work(call))
        except Refused as no:
            response = self._error(no)
        if fault is not None and fault.act is not None:
            fault.act()
        if fault is not None and fault.kind in {"done_500", "done_close"}:
            return _broken(fault.kind.removeprefix("done_"), request)
        return response

    def _token(self, request: web.Request) -> Token | None:
        sent = smart.basic_token(request.headers.get("Authorization", ""))
        if not sent or sent.count(".") == 2:  # an App's JWT, which its own calls check
            return None
        token = self.hub.tokens.get(sent)
        if token is None or (token.expires is not None and token.expires <= self.hub.now()):
            raise Refused(401, "Bad credentials")
        return token

    def _count(self) -> None:
        if self.hub.reset and self.hub.reset <= self.hub.now():
            self.hub.core, self.hub.reset = 5000, 0.0
        if self.hub.core <= 0:
            raise Refused(403, "API rate limit exceeded for user ID 1.")
        self.hub.core -= 1

    def _limits(self) -> dict[str, str]:
        reset = self.hub.reset or self.hub.now() + 3600
        return {
            "x-ratelimit-limit": "5000", "x-ratelimit-remaining": str(self.hub.core),
            "x-ratelimit-used": str(5000 - self.hub.core), "x-ratelimit-reset": str(math.ceil(reset)),
            "x-ratelimit-resource": "core", "x-github-media-type": "github.v3; format=json",
            "x-github-request-id": f"TWIN:{self.hub.new_id():x}",
        }  # fmt: skip

    def _shown(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        from aiohttp import web

        limits = self._limits()
        if answer.text is not None:
            return web.Response(text=answer.text, content_type=answer.media, headers=limits)
        if answer.status == 204:
            return web.Response(status=204, headers=limits)
        if answer.status == 302:
            return web.Response(status=302, headers={**limits, "Location": str(answer.body)})
        body = answer.body
        if isinstance(body, list):
            body, links = _page(request, body)
            limits |= {"Link": links} if links else {}
        data = json.dumps(body).encode()
        if request.method == "GET":
            etag = f'W/"{hashlib.sha256(data).hexdigest()}"'
            limits["ETag"] = etag
            if request.headers.get("If-None-Match") == etag:
                self.hub.core += 1  # what has not changed costs nothing
                self.not_modified += 1
                return web.Response(status=304, headers=limits)
        headers = {**limits, "Content-Type": "application/json; charset=utf-8"}
        return web.Response(status=answer.status, body=data, headers=headers)

    def _error(self, no: Refused) -> web.StreamResponse:
        from aiohttp import web

        body: Json = {"message": no.message, "documentation_url": DOCS, "status": str(no.status)}
        if no.errors:
            body["errors"] = no.errors
        return web.json_response(body, status=no.status, headers={**self._limits(), **no.headers})

    async def _before(self, fault: Fault, request: web.Request) -> web.StreamResponse | None:
        """What the caller gets in place of the call; None lets it go on."""
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault.kind in {"secondary", "429"}:
            status = 403 if fault.kind == "secondary" else 429
            wait = {"Retry-After": str(math.ceil(fault.seconds))}
            return self._error(Refused(status, SECONDARY, **wait))
        if fault.kind == "primary":
            kept, self.hub.core, self.hub.reset = self.hub.core, 0, self.hub.now() + fault.seconds
            response = self._error(Refused(403, "API rate limit exceeded for user ID 1."))
            self.hub.core = kept
            return response
        if fault.kind == "gone":
            return self._error(missing())
        if fault.kind == "forbidden":
            return self._error(Refused(403, "Resource not accessible by integration"))
        return _broken(fault.kind, request) if fault.kind in {"500", "502", "close"} else None

    # ------------------------------------------------------------------------------ git and logs

    async def _git(self, request: web.Request) -> web.StreamResponse:
        fault = self.hub.faults.of_call(request.method, request.path)
        self.calls.append((request.method, request.path, {}))
        if fault is not None and fault.kind in {"500", "502", "close"}:
            return _broken(fault.kind, request)
        response = await smart.serve(self.hub, request)
        if fault is not None and fault.act is not None:
            fault.act()
        if fault is not None and fault.kind in {"done_500", "done_close"}:
            return _broken(fault.kind.removeprefix("done_"), request)
        return response

    async def _log(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        words = request.match_info
        project = self.hub.projects[f"{words['owner']}/{words['repo']}".lower()]
        return web.Response(text=project.logs.get(int(words["id"]), ""))


async def _body(request: web.Request) -> Json:
    data = await request.read()
    try:
        found = json.loads(data) if data else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {"_": found}


def _page(request: web.Request, rows: list[Any]) -> tuple[list[Any], str]:
    """One page of a list, and the Link header that leads to the others."""
    size = min(100, max(1, int(request.query.get("per_page", "30"))))
    page = max(1, int(request.query.get("page", "1")))
    last = max(1, math.ceil(len(rows) / size))
    links: dict[str, int] = {}
    if page < last:
        links |= {"next": page + 1, "last": last}
    if page > 1:
        links |= {"first": 1, "prev": page - 1}
    shown = ", ".join(f'<{request.url.update_query(page=str(n))}>; rel="{rel}"' for rel, n in links.items())
    return rows[(page - 1) * size : page * size], shown


def _broken(kind: str, request: web.Request) -> web.StreamResponse:
    from aiohttp import web

    if kind == "close" and request.transport is not None:
        request.transport.abort()
    status = int(kind) if kind.isdigit() else 500
    return web.Response(status=status, text="<html><title>Unicorn!</title></html>", content_type="text/html")
