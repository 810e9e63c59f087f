"""Connections that are refreshed, cut or half-open, and what was said meanwhile."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

from codebutler.config import Config
from codebutler.errors import ConfigError
from codebutler.service.doors import open_links
from codebutler.surfaces.slack.catchup import CatchUp
from codebutler.surfaces.slack.link import Link
from codebutler.testing.slack.sockets import signed
from codebutler.testing.slack.workspace import BOT_USER

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "CSHOP0001"


async def looked(desk: Any) -> None:
    await CatchUp(desk.link).look(desk.door.hearing)


async def test_an_outage_of_ten_minutes_loses_no_message(desk: Any) -> None:
    desk.slack.workspace.moved = -7_200
    desk.human.say("before anybody looked")
    await desk.slack.sockets.settle()
    desk.slack.workspace.moved = -3_600
    ts = desk.human.say("before")
    await desk.slack.sockets.settle()
    await looked(desk)
    desk.slack.sockets.retries = ()
    desk.slack.faults.next_envelope(*["drop"] * 6)
    desk.slack.sockets.ack_seconds = 0.05
    reply = desk.human.say("a reply meanwhile", thread=ts)
    root = desk.human.say("a request meanwhile")
    desk.human.say("and more of it", thread=root)
    desk.slack.workspace.channel("COTHER001", "general")
    called = desk.human.say(f"<@{BOT_USER}> and here", channel="COTHER001")
    await desk.slack.sockets.settle()
    assert len(desk.received) == 2
    desk.slack.workspace.moved = -3_000
    await looked(desk)
    await looked(desk)
    assert [m.text for m in await desk.heard(f"{CHANNEL}:{ts}")] == ["before", "a reply meanwhile"]
    assert [m.text for m in await desk.heard(f"{CHANNEL}:{root}")] == [
        "a request meanwhile",
        "and more of it",
    ]
    assert [i.key for i in desk.received[2:]].count(f"{CHANNEL}:{reply}") == 1
    assert called


async def test_the_cursor_moves_only_when_a_look_is_complete(desk: Any) -> None:
    desk.slack.workspace.moved = -3_600
    desk.human.say("one")
    await desk.slack.sockets.settle()
    await looked(desk)
    before = await desk.store.noted(f"slack:{CHANNEL}")
    desk.human.say("two")
    await desk.slack.sockets.settle()
    await looked(desk)
    assert float(await desk.store.noted(f"slack:{CHANNEL}")) > float(before) > 0


@pytest.mark.parametrize("way", ["refresh", "close", "freeze"])
async def test_a_connection_that_ends_is_made_anew(desk: Any, way: str) -> None:
    desk.link.hello.clear()
    if way == "refresh":
        await desk.slack.sockets.refresh()
    elif way == "close":
        await desk.slack.sockets.close()
    else:
        desk.slack.sockets.freeze()
    await asyncio.wait_for(desk.link.hello.wait(), 30)
    ts = desk.human.say("still there?")
    await desk.slack.sockets.settle()
    assert len(await desk.heard(f"{CHANNEL}:{ts}")) == 1


async def test_a_token_that_is_refused_at_the_start_is_said_at_once(desk: Any) -> None:
    desk.slack.workspace.revoked = "token_revoked"
    link = Link(desk.link.settings)
    with pytest.raises(ConfigError, match=r"token_revoked.*slack\.botToken"):
        await link.run()
    await link.close()


@pytest.mark.parametrize("more", [{}, {"signingSecret": ""}, {"signingSecret": " "}, {"appToken": None}])
def test_without_a_signing_secret_it_does_not_listen(more: dict[str, str | None]) -> None:
    given = {"botToken": "xoxb-1", "appToken": "xapp-1", "listen": "127.0.0.1:3000", **more}
    with pytest.raises(ConfigError, match=r"without slack\.signingSecret.*SLACK_SIGNING"):
        open_links(Config.model_validate({"slack": given}))


async def test_over_http_signed_requests_count_and_others_do_not(
    desks: Callable[..., Any], free_port: int
) -> None:
    desk = await desks(listen=f"127.0.0.1:{free_port}", signingSecret="twin-signing-secret-0123456789")
    url = f"http://127.0.0.1:{free_port}/slack/events"
    desk.slack.sockets.request_url = url
    ts = desk.human.say("over http")
    helped = desk.human.command("help")
    await desk.slack.sockets.settle()
    assert [m.text for m in await desk.heard(f"{CHANNEL}:{ts}")] == ["over http"]
    assert "/approve" in helped.answer["text"]
    body = json.dumps({"type": "url_verification", "challenge": "c"})
    stale = str(int(desk.slack.workspace.now()) - 600)
    async with ClientSession() as session:
        for headers in ({}, signed(body, stale), signed(body, stale, "wrong")):
            async with session.post(
                url, data=body, headers={**headers, "Content-Type": "application/json"}
            ) as r:
                assert r.status == 401
