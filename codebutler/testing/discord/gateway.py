"""The gateway: hello, identify, heartbeats, resume, and what goes wrong on the way when asked for."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from codebutler.testing.discord.guild import APP, BOT, DM, GUILD, TOKEN, Guild
from codebutler.testing.slack.faults import Faults
from codebutler.types import Json

CONTENT = 1 << 15
NEEDS = {
    "MESSAGE": 1 << 9, "MESSAGE_REACTION": 1 << 10, "GUILD": 1, "THREAD": 1, "CHANNEL": 1, "INTERACTION": 0,
}  # fmt: skip


@dataclass
class Session:
    """A bot's session: what it was told stays, so that it can be resumed."""

    id: str
    intents: int
    sent: list[Json] = field(default_factory=list)
    socket: web.WebSocketResponse | None = None


class Gateway:
    """Sessions by id. Events go to those that are connected; a lost session must identify again."""

    def __init__(self, guild: Guild, faults: Faults, *, heartbeat: float = 41.25) -> None:
        """``heartbeat``: seconds between two of a client's."""
        self._guild = guild
        self._faults = faults
        self._heartbeat = heartbeat
        self.sessions: dict[str, Session] = {}
        self.resumed = 0
        self.identified = 0
        self.beats = 0
        self.down = False
        """Nobody gets a connection."""
        self._queue: asyncio.Queue[tuple[str, Json]] = asyncio.Queue()
        self._held: tuple[str, Json] | None = None

    @property
    def connected(self) -> list[Session]:
        """Sessions with a socket."""
        return [s for s in self.sessions.values() if s.socket is not None and not s.socket.closed]

    def emit(self, kind: str, data: Json) -> None:
        """Tell everybody, in order."""
        self._queue.put_nowait((kind, json.loads(json.dumps(data))))

    async def pump(self) -> None:
        """Hand events out until cancelled."""
        while True:
            event = await self._queue.get()
            await self._hand_out(event)
            self._queue.task_done()

    async def _hand_out(self, event: tuple[str, Json]) -> None:
        wrong = self._faults.of_envelope()
        if wrong == "drop":
            return
        if wrong in {"swap", "delay"} and self._held is None:
            self._held = event  # it goes after the next one
            asyncio.get_running_loop().call_later(0.05, self._release)
            return
        for each in (event, event) if wrong == "duplicate" else (event,):
            await self._dispatch(*each)
        if wrong == "close":
            await self.close(4000)
        if self._held is not None:
            held, self._held = self._held, None
            await self._dispatch(*held)

    def _release(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._queue.put_nowait(held)

    async def _dispatch(self, kind: str, data: Json) -> None:
        for session in self.sessions.values():
            if self._hears(session, kind, data):
                await self._send(session, kind, self._seen(session, kind, data))

    def _hears(self, session: Session, kind: str, data: Json) -> bool:
        direct = "guild_id" not in data and kind.startswith("MESSAGE")
        need = next((bit for name, bit in sorted(NEEDS.items(), reverse=True) if kind.startswith(name)), 0)
        need = need << 3 if direct and need else need
        return need == 0 or bool(session.intents & need)

    def _seen(self, session: Session, kind: str, data: Json) -> Json:
        """Without the intent for it, what messages say is only seen where the bot is called or written to."""
        if not kind.startswith("MESSAGE_CREATE") and kind != "MESSAGE_UPDATE":
            return data
        ours = data.get("author", {}).get("id") == BOT
        channel = self._guild.channels.get(str(data.get("channel_id")))
        called = any(user["id"] == BOT for user in data.get("mentions", []))
        if session.intents & CONTENT or ours or called or (channel is not None and channel.type == DM):
            return data
        return {**data, "content": "", "embeds": [], "attachments": [], "components": []}

    async def _send(self, session: Session, kind: str, data: Json) -> None:
        payload = {"op": 0, "t": kind, "s": len(session.sent) + 1, "d": data}
        session.sent.append(payload)
        await _write(session, payload)

    async def close(self, code: int = 4000, *, forget: bool = False) -> None:
        """Close every socket; ``forget``: sessions cannot be resumed."""
        for session in list(self.sessions.values()):
            socket, session.socket = session.socket, None
            if forget:
                self.sessions.pop(session.id)
            if socket is not None:
                await socket.close(code=code)

    async def reconnect(self) -> None:
        """Ask every client to come again (op 7)."""
        for session in self.connected:
            await _write(session, {"op": 7, "d": None})

    async def invalidate(self, *, resumable: bool = False) -> None:
        """Tell every client that its session is invalid (op 9)."""
        for session in self.connected:
            await _write(session, {"op": 9, "d": resumable})
            if not resumable:
                self.sessions.pop(session.id)

    # ------------------------------------------------------------------------------ one socket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One client's socket."""
        if self.down:
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=1 << 22)
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": int(self._heartbeat * 1000)}})
        session: Session | None = None
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                session = await self._told(socket, json.loads(message.data), session)
        finally:
            if session is not None and session.socket is socket:
                session.socket = None
        return socket

    async def _told(
        self, socket: web.WebSocketResponse, told: Json, session: Session | None
    ) -> Session | None:
        if told["op"] == 1:
            self.beats += 1
            await socket.send_json({"op": 11})
        elif told["op"] == 2:
            return await self._identify(socket, told["d"])
        elif told["op"] == 6:
            return await self._resume(socket, told["d"])
        return session

    async def _identify(self, socket: web.WebSocketResponse, told: Json) -> Session | None:
        guild = self._guild
        if told.get("token") != TOKEN or guild.revoked:
            await socket.close(code=4004, message=b"Authentication failed.")
            return None
        intents = int(told.get("intents", 0))
        if intents & CONTENT and not guild.content_intent:
            await socket.close(code=4014, message=b"Disallowed intent(s).")
            return None
        self.identified += 1
        session = Session(guild.new_id(), intents, socket=socket)
        self.sessions = {session.id: session}  # one shard has one session
        ready = {
            "v": 10, "user": guild.users[BOT], "guilds": [{"id": GUILD, "unavailable": True}],
            "session_id": session.id, "resume_gateway_url": guild.url.replace("http", "ws") + "/gateway",
            "application": {"id": APP, "flags": 0}, "session_type": "normal", "private_channels": [],
        }  # fmt: skip
        await self._send(session, "READY", ready)
        await self._send(session, "GUILD_CREATE", guild.described())
        return session

    async def _resume(self, socket: web.WebSocketResponse, told: Json) -> Session | None:
        session = self.sessions.get(str(told.get("session_id")))
        if session is None or told.get("token") != TOKEN:
            await socket.send_json({"op": 9, "d": False})
            return None
        self.resumed += 1
        session.socket = socket
        for payload in session.sent[int(told.get("seq") or 0) :]:
            await _write(session, payload)
        await self._send(session, "RESUMED", {"_trace": []})
        return session


async def _write(session: Session, payload: Json) -> None:
    if session.socket is None or session.socket.closed:
        return
    try:
        await session.socket.send_json(payload)
    except (ConnectionError, RuntimeError):
        session.socket = None
