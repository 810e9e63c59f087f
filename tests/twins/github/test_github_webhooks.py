"""Webhooks: what is signed is heard once; what is forged, replayed or oversize is not accepted."""

from __future__ import annotations

import asyncio
import io
import json
import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from codebutler.surfaces.github.webhooks import MOST, PATH, Webhooks
from codebutler.testing.github.faults import Fault
from codebutler.testing.github.hooks import Hook, headers

if TYPE_CHECKING:
    from tests.twins.github.conftest import Desk, Shop

SECRET = "hush-0123456789"


@pytest.fixture
async def hooked(desk: Desk, shop: Shop) -> AsyncIterator[str]:
    """The URL where webhooks are taken; the twin delivers there."""
    webhooks = Webhooks("127.0.0.1:0", SECRET)
    webhooks.join(desk.hearing, desk.polling.nudge)
    running = asyncio.create_task(webhooks.run())
    await webhooks.ready.wait()
    url = f"http://127.0.0.1:{webhooks.port}{PATH}"
    shop.twin.hooks.hooks.append(Hook(url, SECRET))
    yield url
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_delivery_and_a_look_are_heard_once(desk: Desk, shop: Shop, hooked: str) -> None:
    number = shop.ann.opens("A bug", "As delivered")
    shop.twin.hub.faults.next_delivery("duplicate")
    shop.ann.says(number, "@bot plan")
    await shop.twin.hooks.settle()
    assert [said.key for said in await desk.heard()] == [said.key for said in await desk.look()]
    assert {d.status for d in shop.twin.hooks.sent} == {202} | {
        d.status for d in shop.twin.hooks.sent if d.status == 200
    }
    assert len(await desk.heard()) == 1
    assert hooked


@pytest.mark.parametrize("way", ["form", "renamed"])
async def test_other_shapes_of_a_delivery_are_heard(desk: Desk, shop: Shop, hooked: str, way: str) -> None:
    """What a new webhook sends by default, and a repository that has another name by now."""
    shop.twin.hub.faults.next_delivery("drop", "drop")
    body, kind = _payload(shop), "application/json"
    if way == "form":
        body, kind = urlencode({"payload": body.decode()}).encode(), "application/x-www-form-urlencoded"
    else:
        body = body.replace(b'"acme/shop"', b'"acme/boutique"')
    sent = {**headers("issue_comment", str(uuid.uuid4()), body, SECRET), "Content-Type": kind}
    async with shop.session.post(hooked, data=body, headers=sent) as answer:
        assert answer.status == 202
    await desk.settled()
    assert len(await desk.heard()) == 1


def _payload(shop: Shop) -> bytes:
    number = shop.ann.opens("A bug")
    shop.ann.says(number, "@bot plan")
    return next(d.body for d in shop.twin.hooks.sent if d.event == "issue_comment")


@pytest.mark.parametrize(
    ("forgery", "status"),
    [
        ("unsigned", 401), ("other secret", 401), ("changed", 401), ("sha1", 401), ("empty", 401),
        ("no id", 400), ("no json", 400), ("a list", 400), ("oversize", 413), ("endless", 413),
        ("other repository", 202), ("nonsense", 400), ("unknown event", 202),
    ],
)  # fmt: skip
async def test_what_is_forged_or_oversize_is_not_accepted(
    desk: Desk, shop: Shop, hooked: str, forgery: str, status: int
) -> None:
    shop.twin.hub.faults.next_delivery("drop", "drop")
    body, event = _payload(shop), "issue_comment"
    if forgery == "no json":
        body = b"{"
    if forgery == "a list":
        body = b"[]"
    if forgery == "other repository":
        other = {"full_name": "evil/shop", "id": shop.project.id + 1}
        body = json.dumps({**json.loads(body), "repository": other}).encode()
    if forgery == "nonsense":
        body = json.dumps(
            {"action": "created", "repository": {"full_name": "acme/shop"}, "comment": 3}
        ).encode()
    if forgery in ("oversize", "endless"):
        body = b" " * (MOST + 1)
    event = "watch" if forgery == "unknown event" else event
    sent = headers(event, str(uuid.uuid4()), body, "wrong" if forgery == "other secret" else SECRET)
    if forgery in ("unsigned", "empty"):
        sent["X-Hub-Signature-256"] = ""
    if forgery == "sha1":
        sent["X-Hub-Signature-256"] = "sha1=" + "0" * 40
    if forgery == "no id":
        del sent["X-GitHub-Delivery"]
    body = body + b" " if forgery == "changed" else b"" if forgery == "empty" else body
    data: Any = _stream(body) if forgery == "endless" else io.BytesIO(body)
    async with shop.session.post(hooked, data=data, headers=sent) as answer:
        assert answer.status == status
    await desk.settled()
    assert await desk.heard() == []


async def _stream(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


async def test_a_replay_changes_nothing(desk: Desk, shop: Shop, hooked: str) -> None:
    shop.twin.hub.faults.next_delivery("drop", "drop")
    body = _payload(shop)
    same = str(uuid.uuid4())
    answers = []
    for guid in (same, same, str(uuid.uuid4())):
        async with shop.session.post(
            hooked, data=body, headers=headers("issue_comment", guid, body, SECRET)
        ) as got:
            answers.append((got.status, await got.text()))
    await desk.settled()
    assert [status for status, _ in answers] == [202, 200, 202]
    assert len(await desk.heard()) == 1


async def test_a_delivery_that_cannot_be_checked_is_not_lost(desk: Desk, shop: Shop, hooked: str) -> None:
    shop.twin.hub.faults.next("GET */permission", *[Fault("500")] * 4)
    number = shop.ann.opens("A bug")
    shop.ann.says(number, "@bot plan")
    await shop.twin.hooks.settle()
    assert 503 in {d.status for d in shop.twin.hooks.sent}
    assert desk.polling._nudged.is_set()
    assert len(await desk.look()) == 1
    assert hooked
