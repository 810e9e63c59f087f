"""The workspace's HTTP server: the Web API, the WebSocket, files and response URLs."""

from __future__ import annotations

import asyncio
import json
from typing import Self

from aiohttp import web

from codebutler.testing.ending import end
from codebutler.testing.slack import limits
from codebutler.testing.slack.faults import Fault, Faults
from codebutler.testing.slack.limits import Refused, Value
from codebutler.testing.slack.methods import METHODS, own_message
from codebutler.testing.slack.sockets import Sockets
from codebutler.testing.slack.workspace import (
    APP,
    APP_TOKEN,
    BOT_TOKEN,
    BOT_USER,
    SIGNING_SECRET,
    TEAM,
    Workspace,
)
from codebutler.types import Json

_JSON = ("blocks", "metadata", "view", "attachments", "chunks", "prompts", "loading_messages")
"""Arguments that come as JSON inside of a form."""


class SlackTwin:
    """``async with SlackTwin() as slack``: point an app's base URL at ``slack.api``, its tokens as below.

    ``calls`` is every call of the Web API as (method, arguments); ``keep`` False forgets them.
    """

    bot_token, app_token, signing_secret = BOT_TOKEN, APP_TOKEN, SIGNING_SECRET

    def __init__(self, *, seed: int = 1) -> None:
        """Nothing is served before it is entered."""
        self.faults = Faults(seed)
        self.workspace = Workspace(self.event)
        self.sockets = Sockets(self.workspace, self.faults)
        self.calls: list[tuple[str, Json]] = []
        self.keep = True
        self.leaves_out: frozenset[str] = frozenset()
        """Fields that neither answers nor events have: what Slack need not send, an app cannot rely on."""
        self.scopes = (
            "app_mentions:read,assistant:write,channels:history,channels:join,channels:manage,channels:read,"
            "chat:write,commands,files:read,files:write,groups:history,groups:read,im:history,im:read,im:write,"
            "mpim:history,mpim:read,reactions:read,reactions:write,users:read"
        )
        self.moved_to = ""
        """Where files are now: whoever asks for one is sent there."""
        self._tickets: set[str] = set()
        self._runner: web.AppRunner | None = None

    @property
    def api(self) -> str:
        """What the app's base URL is to be."""
        return f"{self.workspace.url}/api"

    def settings(self, **more: object) -> Json:
        """A ``slack`` section of the configuration that knows this workspace only."""
        section = {"botToken": self.bot_token, "appToken": self.app_token, "baseUrl": self.api}
        return {**section, "channelID": "CSHOP0001", "postSeconds": 0.0, "editSeconds": 0.0, **more}

    async def __aenter__(self) -> Self:
        """Serve on a free port."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_get("/link/{ticket}", self._link)
        app.router.add_post("/upload/{file}", self._upload)
        app.router.add_get("/files/{file}/{rest:.*}", self._download)
        app.router.add_post("/respond/{id}", self._respond)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.workspace.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.sockets.stop()
        if self._runner is not None:
            await end(self._runner)

    def event(self, event: Json) -> None:
        """Tell the app of an event."""
        payload: Json = {
            "token": "twin", "team_id": TEAM, "api_app_id": APP, "type": "event_callback",
            "event": event, "event_id": self.workspace.new_id("Ev"), "event_time": int(self.workspace.now()),
            "authorizations": [{"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        }  # fmt: skip
        self.sockets.send("events_api", _without(payload, self.leaves_out))

    # ----------------------------------------------------------------------------- the Web API

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        args = await _arguments(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or str(args.pop("token", ""))
        if self.keep:
            self.calls.append((method, args))
        fault = self.faults.of_call(method)
        if fault is not None and (early := await _before(fault, request)) is not None:
            return early
        answer: Json = _without(self._answer(method, args, token), self.leaves_out)
        if fault is not None and fault.kind in {"done_500", "done_close"}:
            return _broken(fault.kind.removeprefix("done_"), request)
        retry = answer.pop("_retry_after", None)
        if retry is not None:
            return web.json_response(answer, status=429, headers={"Retry-After": str(retry)})
        headers = {"x-oauth-scopes": self.scopes} if answer["ok"] else {}
        return web.json_response(answer, headers=headers)

    def _answer(self, method: str, args: Json, token: str) -> Json:
        try:
            return {"ok": True, **self._result(method, args, token)}
        except Refused as no:
            more: Json = {"response_metadata": {"messages": no.messages}} if no.messages else {}
            if no.error == "invalid_blocks":
                more["errors"] = [m.removeprefix("[ERROR] ") for m in no.messages]
            return {"ok": False, "error": no.error, **more, **no.more}

    def _result(self, method: str, args: Json, token: str) -> Json:
        if not token:
            raise Refused("not_authed")
        if method == "apps.connections.open":
            return {"url": self._ticket(token)}
        if method not in METHODS:
            raise Refused("unknown_method", req_method=method)
        if token != self.bot_token:
            raise Refused("not_allowed_token_type" if token == self.app_token else "invalid_auth")
        if self.workspace.revoked:
            raise Refused(self.workspace.revoked)
        return METHODS[method](self.workspace, args)

    def _ticket(self, token: str) -> str:
        if token != self.app_token:
            raise Refused("not_allowed_token_type" if token == self.bot_token else "invalid_auth")
        ticket = self.workspace.new_id("ticket-")
        self._tickets.add(ticket)
        return f"{self.workspace.url.replace('http', 'ws', 1)}/link/{ticket}?app_id={APP}"

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.match_info["ticket"]
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.discard(ticket)
        return await self.sockets.serve(request)

    # ----------------------------------------------------------------- files and response URLs

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        file = self.workspace.files[request.match_info["file"]]
        if request.content_type.startswith("multipart/"):
            form = await request.post()
            part = form.get("file") or next(iter(form.values()))
            data = part.file.read() if isinstance(part, web.FileField) else str(part).encode()
        else:
            data = await request.read()
        if len(data) != file.size:
            return web.Response(status=400, text="size")
        file.data = data
        return web.Response(text=f"OK - {len(data)}")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """Without the token Slack answers with a page to sign in at, and status 200."""
        if request.headers.get("Authorization") != f"Bearer {self.bot_token}":
            return web.Response(
                text="<!DOCTYPE html><html><title>Sign in</title></html>", content_type="text/html"
            )
        file = self.workspace.files.get(request.match_info["file"])
        if file is None:
            return web.Response(status=404)
        if self.moved_to and "moved" not in request.query:
            return web.Response(status=302, headers={"Location": f"{self.moved_to}{request.path}?moved=1"})
        return web.Response(body=file.data, content_type=file.media_type)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        target = self.workspace.responses.get(request.match_info["id"])
        args = await _arguments(request)
        if target is None or target["uses"] >= 5:
            return web.Response(status=404, text="expired_url")
        target["uses"] += 1
        try:
            if not args.get("delete_original"):
                limits.message(args)
        except Refused as no:
            return web.json_response({"ok": False, "error": no.error}, status=400)
        if args.get("replace_original") and target.get("ts"):
            message = self.workspace.channels[target["channel"]].by_ts[target["ts"]]
            message.update({k: v for k, v in own_message(args).items() if k in {"text", "blocks"}})
        elif args.get("response_type", "ephemeral") == "ephemeral":
            self.workspace.ephemeral.append({**args, "channel": target["channel"], "user": target["user"]})
        else:
            self.workspace.post(self.workspace.channels[target["channel"]], own_message(args))
        return web.json_response({"ok": True})


def _without(value: Value, names: frozenset[str]) -> Value:
    """``value`` without the fields of these names, however deep."""
    if not names:
        return value
    if isinstance(value, dict):
        return {key: _without(inner, names) for key, inner in value.items() if key not in names}
    return [_without(inner, names) for inner in value] if isinstance(value, list) else value


async def _arguments(request: web.Request) -> Json:
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        body = await request.text()
        args |= json.loads(body) if body else {}
    elif request.method == "POST":
        args |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    for name in _JSON:
        if isinstance(args.get(name), str) and args[name]:
            try:
                args[name] = json.loads(args[name])
            except ValueError:
                args[name] = object()  # fits no shape
    return args


async def _before(fault: Fault, request: web.Request) -> web.StreamResponse | None:
    """What the caller gets in place of the call; None lets it go on."""
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    if fault.kind == "429":
        headers = {"Retry-After": f"{fault.seconds:g}"}
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
    if fault.kind == "error":
        return web.json_response({"ok": False, "error": fault.error})
    if fault.kind == "404":
        return web.Response(status=404, text="no such page")
    if fault.kind in {"500", "close"}:
        return _broken(fault.kind, request)
    return None


def _broken(kind: str, request: web.Request) -> web.StreamResponse:
    if kind == "close" and request.transport is not None:
        request.transport.abort()
    return web.Response(status=500, text="server error")
