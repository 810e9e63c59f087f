"""Socket Mode: envelopes out, acknowledgements in, redelivery; or signed HTTP requests to a request URL."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout, WSMsgType, web

from codebutler.testing.slack.faults import Faults
from codebutler.testing.slack.workspace import APP, SIGNING_SECRET, Workspace
from codebutler.types import Json

HELLO: Json = {
    "type": "hello",
    "num_connections": 1,
    "debug_info": {"host": "applink-twin", "build_number": 1, "approximate_connection_time": 18060},
    "connection_info": {"app_id": APP},
}


@dataclass
class Delivered:
    """An envelope's way: how often it was sent, and what the acknowledgement carried."""

    kind: str
    payload: Json
    sent: int = 0
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Json | None = None
    lost: bool = False


class Sockets:
    """The app's connections. ``ack_seconds`` and ``retries`` are Slack's, faster."""

    def __init__(self, workspace: Workspace, faults: Faults) -> None:
        """No connection yet."""
        self._workspace = workspace
        self._faults = faults
        self.connections: list[web.WebSocketResponse] = []
        self.frozen: set[web.WebSocketResponse] = set()
        """Half-open: nothing comes out of them, and no ping is answered."""
        self.opened = 0
        self.ack_seconds = 1.0
        """Slack gives an app three."""
        self.retries: tuple[float, ...] = (0.05, 0.2, 0.5)
        """Seconds before each redelivery; after the last one an event is lost."""
        self.request_url = ""
        """HTTP mode: where signed requests go in place of envelopes."""
        self.delivered: list[Delivered] = []
        self.greets = True
        """Whether a connection begins with a hello."""
        self.keep = True
        """Remember what was delivered; a soak turns it off."""
        self._waiting: dict[str, Delivered] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[tuple[Delivered, str, int]] = []
        self._count = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, until it closes."""
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.opened += 1
        if self.greets:
            await socket.send_json({**HELLO, "num_connections": len(self.connections) + 1})
        self.connections.append(socket)
        try:
            async for message in socket:
                if socket in self.frozen:
                    continue
                if message.type == WSMsgType.PING:
                    await socket.pong(message.data)
                elif message.type == WSMsgType.TEXT:
                    self._acknowledge(json.loads(message.data))
        finally:
            if socket in self.connections:
                self.connections.remove(socket)
        return socket

    def _acknowledge(self, said: Json) -> None:
        waiting = self._waiting.get(said.get("envelope_id", ""))
        if waiting is not None:
            waiting.answer = said.get("payload")
            waiting.acked.set()

    def send(self, kind: str, payload: Json) -> Delivered:
        """Deliver an envelope, again if it is not acknowledged. ``kind``: events_api, interactive…"""
        way = Delivered(kind, payload)
        if self.keep:
            self.delivered.append(way)
        self._go(self._deliver(way))
        return way

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, way: Delivered) -> None:
        self._count += 1
        envelope = f"e-{self._count}"
        self._waiting[envelope] = way
        try:
            for attempt, pause in enumerate((0.0, *self.retries)):
                await asyncio.sleep(pause)
                if self.request_url:
                    await self._request(way, attempt)
                else:
                    await self._attempt(way, envelope, attempt)
                try:
                    async with asyncio.timeout(self.ack_seconds):
                        await way.acked.wait()
                except TimeoutError:
                    continue
                return
            way.lost = True
        finally:
            del self._waiting[envelope]

    async def _attempt(self, way: Delivered, envelope: str, attempt: int) -> None:
        fault = self._faults.of_envelope()
        if fault == "drop":
            return
        if fault == "delay":
            await asyncio.sleep(0.1)
        if fault == "swap":  # the next envelope overtakes this one
            self._held.append((way, envelope, attempt))
            await asyncio.sleep(0.02)
            if (way, envelope, attempt) not in self._held:
                return
            self._held.remove((way, envelope, attempt))
        await self._write(way, envelope, attempt)
        if fault == "duplicate":
            await self._write(way, envelope, attempt)
        if fault == "close":
            await self.close()
        held, self._held = self._held, []
        for late in held:
            await self._write(*late)

    async def _write(self, way: Delivered, envelope: str, attempt: int) -> None:
        live = [c for c in self.connections if not c.closed]
        if not live:
            return
        socket = live[self._count % len(live)]
        way.sent += 1
        frame: Json = {"envelope_id": envelope, "type": way.kind, "payload": way.payload}
        frame["accepts_response_payload"] = way.kind != "events_api"
        if way.kind == "events_api":
            frame |= {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
        if socket not in self.frozen:
            try:
                await socket.send_json(frame)
            except (ConnectionError, RuntimeError):  # it closed this moment: the event comes again
                return

    async def _request(self, way: Delivered, attempt: int) -> None:
        """The same over HTTP, signed."""
        if way.kind == "events_api":
            body, kind = json.dumps(way.payload), "application/json"
        elif way.kind == "slash_commands":
            body, kind = urlencode(way.payload), "application/x-www-form-urlencoded"
        else:
            body, kind = urlencode({"payload": json.dumps(way.payload)}), "application/x-www-form-urlencoded"
        stamp = str(int(self._workspace.now()))
        headers = {"Content-Type": kind, **signed(body, stamp)}
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"}
        way.sent += 1
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=self.ack_seconds)) as session,
                session.post(self.request_url, data=body.encode(), headers=headers) as answer,
            ):
                text = await answer.text()
        except (ClientError, TimeoutError):
            return
        if answer.status == 200:
            way.answer = json.loads(text) if text.startswith("{") else ({"text": text} if text else None)
            way.acked.set()

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask the app to connect anew, and close the old connections a moment later, as Slack does."""
        for socket in list(self.connections):
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "twin"}})
            self._go(self._close_later(socket))

    async def _close_later(self, socket: web.WebSocketResponse) -> None:
        await asyncio.sleep(0.1)
        await socket.close()

    async def close(self) -> None:
        """Cut every connection without a word."""
        for socket in list(self.connections):
            if socket in self.connections:
                self.connections.remove(socket)
            self._go(self._drop(socket))

    async def _drop(self, socket: web.WebSocketResponse) -> None:
        await socket.close()

    def freeze(self) -> None:
        """The connections of now become half-open."""
        self.frozen |= set(self.connections)
        self.connections.clear()

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:  # noqa: ASYNC110 - tasks begin others
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """End everything."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in [*self.connections, *self.frozen]:
            await socket.close()


def signed(body: str, stamp: str, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """The headers by which an app knows that a request is Slack's."""
    digest = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}
