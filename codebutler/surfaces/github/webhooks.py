"""Signed deliveries at ``/webhooks/github``: checked before they are read, each heard once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qs

from codebutler.errors import ConfigError, RepoError
from codebutler.surfaces.github.hearing import Hearing
from codebutler.surfaces.github.inbound import of_delivery
from codebutler.surfaces.github.saying import marks_in
from codebutler.types import Json

if TYPE_CHECKING:
    from aiohttp import web

log = logging.getLogger("codebutler.github")
PATH = "/webhooks/github"
MOST = 5 * 1024 * 1024
"""Bytes of one delivery. GitHub's own limit is 25 MB; what is for us is far smaller."""
KEPT = 10_000
"""Delivery ids that are remembered; an older one is recognised by what it is about."""
CHECKS = frozenset({"check_run", "check_suite", "status", "workflow_run"})
FORM = "application/x-www-form-urlencoded"
"""What a new webhook sends unless told otherwise: the JSON stands in ``payload``."""
SECONDS = 9.0
"""GitHub waits ten."""


def is_signed(secret: str, body: bytes, header: str) -> bool:
    """Whether the delivery was signed with our secret; compared in constant time."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace"))


_Door: TypeAlias = tuple[Hearing, Callable[[], None]]


class Webhooks:
    """One server for all repositories of the process."""

    def __init__(self, listen: str, secret: str) -> None:
        """``listen`` is host:port. A secret is needed: unsigned deliveries are never taken."""
        self._listen = listen
        self._secret = secret
        self._doors: dict[str, _Door] = {}
        self._numbers: dict[str, object] = {}
        """By name: the number of a repository, once another name has come in."""
        self._seen: OrderedDict[str, None] = OrderedDict()
        self.port = 0
        self.ready = asyncio.Event()

    def join(self, hearing: Hearing, nudge: Callable[[], None]) -> None:
        """Deliveries for its repository go to ``hearing``; what needs a look calls ``nudge``."""
        self._doors[hearing.full_name.lower()] = (hearing, nudge)

    def leave(self, hearing: Hearing) -> None:
        """It hears no more."""
        self._doors.pop(hearing.full_name.lower(), None)

    async def run(self) -> None:
        """Answer until cancelled. ConfigError when the port is taken."""
        from aiohttp import web

        app = web.Application(client_max_size=MOST)
        app.router.add_post(PATH, self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        host, _, port = self._listen.rpartition(":")
        try:
            await web.TCPSite(runner, host, int(port)).start()
            self.port = int(runner.addresses[0][1])
            self.ready.set()
            await asyncio.Event().wait()
        except OSError as error:
            raise ConfigError(
                f"github.listen {self._listen} cannot be used: {error.strerror}", fix="Name another port."
            ) from error
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        from aiohttp import web

        if (request.content_length or 0) > MOST:
            return web.Response(status=413)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        if not is_signed(self._secret, body, request.headers.get("X-Hub-Signature-256", "")):
            log.warning("a delivery without a good signature came from %s", request.remote)
            return web.Response(status=401)
        delivery, event = (
            request.headers.get("X-GitHub-Delivery", ""),
            request.headers.get("X-GitHub-Event", ""),
        )
        payload = _parsed(_unpacked(body) if request.content_type == FORM else body)
        if not delivery or not event or payload is None:
            return web.Response(status=400)
        if delivery in self._seen:
            return web.Response(status=200, text="known")
        try:
            async with asyncio.timeout(SECONDS):
                await self._hear(event, payload)
        except (RepoError, TimeoutError) as error:
            log.warning("delivery %s is left to the next look: %s", delivery[:40], error)
            return web.Response(status=503)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("delivery %s is not as GitHub's are: %r", delivery[:40], error)
            return web.Response(status=400)
        self._seen[delivery] = None
        while len(self._seen) > KEPT:
            self._seen.popitem(last=False)
        return web.Response(status=202)

    async def _door(self, repository: Json) -> _Door | None:
        """The door of a repository, also after it was renamed: its number stays."""
        name, number = str(repository.get("full_name") or "").lower(), repository.get("id")
        if name in self._doors or number is None:
            return self._doors.get(name)
        for known, door in list(self._doors.items()):
            if known not in self._numbers:
                found: Json = await door[0].calls.get(f"/repos/{door[0].full_name}")
                self._numbers[known] = found.get("id")
            if self._numbers[known] == number:
                return door
        return None

    async def _hear(self, event: str, payload: Json) -> None:
        door = await self._door(payload.get("repository") or {})
        if door is None:
            return
        hearing, nudge = door
        if event in CHECKS or (
            event == "pull_request" and payload.get("action") in ("closed", "synchronize")
        ):
            nudge()
            return
        if event in ("issues", "pull_request") and payload.get("action") in ("assigned", "labeled"):
            nudge()  # the history of the repository says who did it, under an id
            return
        heard = of_delivery(event, payload)
        if heard is not None:
            try:
                if not (await hearing.hear(heard) or heard.bot or marks_in(heard.text)):
                    nudge()  # not for us, but it may speak against a merge that waits
            except RepoError:
                nudge()
                raise


def _unpacked(body: bytes) -> bytes:
    try:
        return parse_qs(body, max_num_fields=10).get(b"payload", [b""])[0]
    except ValueError:
        return b""


def _parsed(body: bytes) -> Json | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
