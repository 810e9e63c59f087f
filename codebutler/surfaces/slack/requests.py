"""HTTP mode: Slack's signed requests in place of a socket. What has no fresh signature is not even parsed."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from codebutler.errors import ConfigError
from codebutler.settings.slack import Slack as Settings

if TYPE_CHECKING:
    from aiohttp import web
    from slack_bolt.async_app import AsyncApp

PATH = "/slack/events"
MOST = 4 * 1024 * 1024
"""Bytes of one request."""


def signed_with(settings: Settings) -> str:
    """What Slack signs its requests with. ConfigError when requests are taken and nobody could tell whose."""
    secret = settings.signing_secret.get_secret_value().strip() if settings.signing_secret else ""
    if settings.listen and not secret:
        raise ConfigError(
            "slack.listen is set without slack.signingSecret: whose requests come could not be told",
            fix="Set slack.signingSecret (SLACK_SIGNING_SECRET), or take slack.listen away.",
        )
    return secret or secrets.token_hex()  # over a socket nothing is signed, and nothing must fit


async def serve(
    app: AsyncApp, listen: str, secret: str, hello: asyncio.Event, connected: asyncio.Event
) -> None:
    """Answer requests at host:port until cancelled. ConfigError when the port is taken."""
    from aiohttp import web
    from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
    from slack_sdk.signature import SignatureVerifier

    verifier = SignatureVerifier(secret)

    async def answer(request: web.Request) -> web.Response:
        try:
            theirs = verifier.is_valid_request(await request.read(), dict(request.headers))
        except ValueError:  # no number in place of the time, or no text: Slack sends neither
            theirs = False
        if not theirs:
            return web.Response(status=401)
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    host, _, port = listen.rpartition(":")
    server = web.Application(client_max_size=MOST)
    server.router.add_post(PATH, answer)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, int(port)).start()
        connected.set()
        hello.set()
        await asyncio.Event().wait()
    except OSError as error:
        raise ConfigError(
            f"slack.listen {listen} cannot be used: {error.strerror}", fix="Name another port."
        ) from error
    finally:
        await runner.cleanup()
