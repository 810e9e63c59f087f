"""Pictures and speech over OpenAI's endpoints: pictures of one colour, recordings that hold their words."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
import zlib
from dataclasses import dataclass, field

from aiohttp import web

from codebutler.testing import wire
from codebutler.types import Json

_FORMS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
_SPOKEN = b"\0SAYS:"
OGG = b"OggS\0\x02"


@dataclass(slots=True)
class Sent:
    """One request: the fields of its form or body, and its files as (field, name, bytes)."""

    path: str
    fields: Json
    files: list[tuple[str, str, bytes]] = field(default_factory=list)
    key: str = ""


class MediaTwin:
    """The endpoints. ``faults`` are answered first, one a request: (status, JSON, text, or raw bytes)."""

    def __init__(self) -> None:
        """``sent`` is what came in, ``url`` the base of the server that this is part of.

        While ``hold`` is an event that is not set, an answer waits for it; ``reached``: a request came in.
        """
        self.url = ""
        self.sent: list[Sent] = []
        self.hold: asyncio.Event | None = None
        self.reached = asyncio.Event()
        self.faults: list[tuple[int, Json | str | bytes]] = []
        self.usage: Json | None = None
        """What is counted; None: a picture of medium quality, a minute of sound."""

    def settings(self) -> dict[str, Json]:
        """The configuration of a host that draws and transcribes here."""
        at = {"baseUrl": self.url, "apiKey": "sk-canary-0123456789abcdefghij"}
        return {"images": at, "speech": at}

    def serve(self, app: web.Application) -> None:
        """Add the endpoints."""
        app.router.add_post("/v1/images/generations", self._generate)
        app.router.add_post("/v1/images/edits", self._edit)
        app.router.add_post("/v1/audio/transcriptions", self._transcribe)

    async def _generate(self, request: web.Request) -> web.Response:
        body = await request.json()
        return await self._picture(request, Sent("generations", body))

    async def _edit(self, request: web.Request) -> web.Response:
        sent = await _form("edits", request)
        if not any(name.startswith("image") for name, _, _ in sent.files):
            return _refused("an image is required")
        return await self._picture(request, sent)

    async def _picture(self, request: web.Request, sent: Sent) -> web.Response:
        fault = await self._heard(request, sent)
        if fault is not None:
            return fault
        if not sent.fields.get("prompt") or not sent.fields.get("model"):
            return _refused("prompt and model are required")
        size = str(sent.fields.get("size", "64x64"))
        wide, _, high = size.partition("x")
        data = png(int(wide), int(high), str(sent.fields["prompt"]))
        counted = {
            "input_tokens": 50,
            "input_tokens_details": {"text_tokens": 50, "image_tokens": 0},
            "output_tokens": 1056,
            "total_tokens": 1106,
        }
        row = {"b64_json": base64.b64encode(data).decode()}
        return web.json_response({"created": 0, "data": [row], "usage": self.usage or counted})

    async def _transcribe(self, request: web.Request) -> web.Response:
        sent = await _form("transcriptions", request)
        fault = await self._heard(request, sent)
        if fault is not None:
            return fault
        data = next((data for name, _, data in sent.files if name == "file"), b"")
        if _SPOKEN not in data:
            return _refused("the audio file could not be decoded")
        text = data.partition(_SPOKEN)[2].decode()
        usage = self.usage or {"type": "duration", "seconds": 60}
        return web.json_response({"text": text, "usage": usage})

    async def _heard(self, request: web.Request, sent: Sent) -> web.Response | None:
        sent.key = request.headers.get("Authorization", "")
        self.sent.append(sent)
        self.reached.set()
        if self.hold is not None:
            await self.hold.wait()
        if not self.faults:
            return None
        status, body = self.faults.pop(0)
        if isinstance(body, bytes):
            return web.Response(status=status, body=body, content_type="application/json")
        return web.Response(status=status, text=body if isinstance(body, str) else json.dumps(body))


async def _form(path: str, request: web.Request) -> Sent:
    sent = Sent(path, {})
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            with value.file as file:
                sent.files.append((name, value.filename, file.read()))
        else:
            sent.fields[name] = value
    return sent


def _refused(why: str) -> web.Response:
    return web.json_response(wire.error(why, kind="invalid_request_error"), status=400)


def png(wide: int, high: int, seed: str = "") -> bytes:
    """A picture of one colour, which follows from ``seed``."""
    colour = hashlib.sha256(seed.encode()).digest()[:3]
    rows = (b"\0" + colour * wide) * high
    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def voice(text: str) -> bytes:
    """A recording in which the twin hears ``text``."""
    return OGG + _SPOKEN + text.encode()
