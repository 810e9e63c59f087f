"""A model server with a script: real HTTP, OpenAI's chat completions, and demands on what it is sent.

async with ScriptedModel("demo") as server:
    client = AsyncOpenAI(base_url=server.url, api_key="none")
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from codebutler.testing import wire
from codebutler.testing.ending import end
from codebutler.testing.judge import Mismatch, Place, Verdict, judge, place_of, role_of
from codebutler.testing.media import MediaTwin
from codebutler.testing.scenario import Scenario, Step, load_scenario
from codebutler.testing.strict import fault
from codebutler.types import Json

ROLE_HEADER = "X-CodeButler-Role"
_MAX_REQUEST = 64 * 1024 * 1024


@dataclass(slots=True)
class Asked:
    """One request for a completion, as it went. ``step`` counts from 1; 0 = it belongs to no script."""

    role: str = ""
    script: str = ""
    step: int = 0
    turn: int = 0
    conversation: str = ""
    status: int = 0
    complete: bool = False
    """The whole answer was handed to the network."""
    body: Json = field(default_factory=dict)
    """The request, if the server keeps bodies."""

    def as_json(self) -> Json:
        """What GET /_log shows."""
        names = ("role", "script", "step", "turn", "conversation", "status", "complete")
        return {name: getattr(self, name) for name in names}


class ScriptedModel:
    """The server. ``requests`` is all it was asked, ``failures`` every demand that was not met.

    ``media`` draws and transcribes.
    """

    def __init__(
        self,
        scenario: Scenario | str | Path,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        pace: float = 0,
        keep_bodies: bool = False,
    ) -> None:
        """``scenario``: parsed, a file, or a shipped one's name. Port 0 takes any free port.

        ``pace``: seconds between streamed pieces, for people who watch; a step's own wins.
        """
        self.scenario = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
        self.requests: list[Asked] = []
        self.failures: list[str] = []
        self.media = MediaTwin()
        self._host, self._port, self._pace, self._keep = host, port, pace, keep_bodies
        self._faulted: Counter[tuple[str, str, int]] = Counter()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """The base URL for clients, known once the server runs."""
        return f"http://{self._host}:{self._port}/v1"

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        app = web.Application(client_max_size=_MAX_REQUEST)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/_log", self._log)
        self.media.serve(app)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, self._host, self._port)
            await site.start()
        except OSError:
            await self.stop()
            raise
        self._port = self._runner.addresses[0][1]
        self.media.url = self.url

    async def stop(self) -> None:
        """Stop listening and drop what is under way. Harmless when not running."""
        if self._runner is not None:
            await end(self._runner)
            self._runner = None

    def counts(self) -> dict[tuple[str, int], int]:
        """How often each (script, step) was answered completely; a detour counts for the step it serves."""
        return dict(Counter((a.script, a.step) for a in self.requests if a.complete))

    def bought_twice(self) -> list[Asked]:
        """Requests that got a complete answer although the same place in the same conversation had one."""
        seen: set[tuple[str, str, int]] = set()
        twice = []
        for asked in (a for a in self.requests if a.complete):
            key = (asked.script, asked.conversation, asked.turn)
            if key in seen:
                twice.append(asked)
            seen.add(key)
        return twice

    async def _models(self, _request: web.Request) -> web.Response:
        return web.json_response(
            wire.models(self.scenario.role_names(), self.scenario.window, sees=self.scenario.sees)
        )

    async def _log(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "scenario": self.scenario.name,
                "requests": [a.as_json() for a in self.requests],
                "failures": self.failures,
            }
        )

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        asked = Asked()
        self.requests.append(asked)
        try:
            body: Any = json.loads(await request.read())
        except ValueError:
            return self._refuse(asked, "the body is not JSON")
        wrong = fault(body)
        if wrong:
            return self._refuse(asked, wrong)
        if self._keep:
            asked.body = body
        try:
            verdict = self._judge(request, body, asked)
        except Mismatch as mismatch:
            self.failures.append(str(mismatch))
            asked.status = 422
            kind = "scenario_mismatch"
            return web.json_response(wire.error(str(mismatch), kind=kind, code=kind), status=422)
        return await self._answer(request, body, asked, verdict)

    def _refuse(self, asked: Asked, wrong: str) -> web.Response:
        """The request itself is broken: what a strict provider answers, and a failure of the scenario."""
        self.failures.append(f"scenario {self.scenario.name}: invalid request: {wrong}")
        asked.status = 400
        return web.json_response(wire.error(wrong, kind="invalid_request_error"), status=400)

    def _judge(self, request: web.Request, body: Json, asked: Asked) -> Verdict:
        asked.role = role_of(self.scenario, request.headers.get(ROLE_HEADER, ""), body)
        place = place_of(self.scenario, asked.role, body["messages"])
        asked.script, asked.step, asked.turn = place.label, place.step + 1, place.turn
        asked.conversation = place.conversation
        return judge(place, body)

    async def _answer(
        self, request: web.Request, body: Json, asked: Asked, verdict: Verdict
    ) -> web.StreamResponse:
        step = verdict.step
        faulty = self._fault_is_due(step, verdict.place)
        if step.delay and faulty:
            await asyncio.sleep(step.delay)
        if step.status and faulty:
            asked.status = step.status
            return _failed(step)
        asked.status = 200
        empty = step.empty and faulty
        cut = step.cut if faulty else None
        if body.get("stream"):
            pieces = _events(wire.chunks(verdict, body, empty=empty))
            headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
        else:
            pieces = iter([json.dumps(wire.completion(verdict, body, empty=empty)).encode()])
            headers = {"Content-Type": "application/json"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        asked.complete = await _send(request, response, pieces, pace=step.pace or self._pace, cut=cut)
        return response

    def _fault_is_due(self, step: Step, place: Place) -> bool:
        """Faults with ``times`` pass; this counter is the one thing that is not read from the request."""
        key = (place.label, place.conversation, place.turn)
        self._faulted[key] += 1
        return step.times is None or self._faulted[key] <= step.times


def _failed(step: Step) -> web.Response:
    status = step.status or 500
    kind = {429: "rate_limit_exceeded", 401: "invalid_api_key", 402: "insufficient_quota"}.get(
        status, "server_error" if status >= 500 else "invalid_request_error"
    )
    text = step.body or json.dumps(wire.error(f"scripted error {status}", kind=kind, code=kind))
    headers = {} if step.retry_after is None else {"Retry-After": f"{step.retry_after:g}"}
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)


def _events(chunks: Iterator[Json]) -> Iterator[bytes]:
    for chunk in chunks:
        yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()
    yield b"data: [DONE]\n\n"


async def _send(
    request: web.Request,
    response: web.StreamResponse,
    pieces: Iterator[bytes],
    *,
    pace: float,
    cut: int | None,
) -> bool:
    """Write all pieces; with ``cut`` break the connection after so many bytes. True when all went out."""
    room = cut
    for piece in pieces:
        part = piece if room is None else piece[:room]
        await response.write(part)
        if room is not None:
            room -= len(part)
            if room <= 0:
                break
        if pace:
            await asyncio.sleep(pace)
    else:
        await response.write_eof()
        return True
    if request.transport is not None:
        request.transport.close()  # sends what was written, then closes without the stream's end
    return False
