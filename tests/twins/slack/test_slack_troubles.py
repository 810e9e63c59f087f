"""What only an admin can mend: said to them once, and what waits is delivered when it is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler.surfaces.slack.catchup import CatchUp
from codebutler.testing.slack.faults import Fault
from codebutler.testing.slack.workspace import BOT_USER
from codebutler.thread.log import ThreadLog
from codebutler.types import Outbound

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "CSHOP0001"
ADMINS = "CADMIN001"


def broken(desk: Any, how: str) -> None:
    workspace = desk.slack.workspace
    if how == "is_archived":
        workspace.channels[CHANNEL].archived = True
    elif how == "not_in_channel":
        workspace.channels[CHANNEL].members.remove(BOT_USER)
    else:
        workspace.revoked = how


def mended(desk: Any) -> None:
    workspace = desk.slack.workspace
    workspace.channels[CHANNEL].archived = False
    workspace.channels[CHANNEL].members.add(BOT_USER)
    workspace.revoked = ""


async def thread_of(desk: Any) -> tuple[str, ThreadLog]:
    ts = desk.human.say("2 kg costs too much")
    await desk.slack.sockets.settle()
    thread = await desk.store.find("slack", f"{CHANNEL}:{ts}")
    return ts, await ThreadLog.claim(desk.store, thread, str)


@pytest.mark.parametrize(
    "how", ["is_archived", "not_in_channel", "token_revoked", "invalid_auth", "account_inactive"]
)
async def test_it_is_said_once_and_delivered_when_mended(
    desks: Callable[..., Any], caplog: pytest.LogCaptureFixture, how: str
) -> None:
    desk = await desks(adminChannel=ADMINS)
    desk.slack.workspace.channel(ADMINS, "admins")
    ts, log = await thread_of(desk)
    for times in (1, 2):
        broken(desk, how)
        for n in range(2):
            await log.post(Outbound(text=f"line {times}.{n}"), key=f"p{times}.{n}")
            await desk.delivery.flush(force=True)
        assert len(await desk.store.pending_posts("slack")) == 2
        said = [r.message for r in caplog.records if r.message.startswith("ADMINS") and how in r.message]
        assert len(said) == times
        if "token" not in how and "auth" not in how and "account" not in how:
            assert (
                len([m for m in desk.slack.workspace.channels[ADMINS].messages if how in m["text"]]) == times
            )
        mended(desk)
        await desk.delivery.flush(force=True)
    assert [m["text"] for m in desk.human.thread(ts)] == ["line 1.0", "line 1.1", "line 2.0", "line 2.1"]


async def test_a_broken_app_token_is_said_once_whatever_else_works(
    desk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    _, log = await thread_of(desk)
    for times in (1, 2):
        desk.slack.faults.always("apps.connections.open", Fault("error", error="invalid_auth"))
        await desk.slack.sockets.close()
        opened = len(opens(desk))
        for n in range(3):
            await log.post(Outbound(text="still here"), key=f"p{times}.{n}")
            await desk.delivery.flush(force=True)
            await desk.until(lambda more=opened + 3 + 3 * n: len(opens(desk)) >= more)
        said = [r.message for r in caplog.records if r.message.startswith("ADMINS")]
        assert len(said) == times
        assert "slack.appToken" in said[-1]
        desk.link.hello.clear()
        desk.slack.faults.always("apps.connections.open", None)
        await desk.until(desk.link.hello.is_set)


def opens(desk: Any) -> list[str]:
    return [method for method, _ in desk.slack.calls if method == "apps.connections.open"]


async def test_a_channel_that_cannot_be_read_is_said_until_it_can(
    desks: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    desk = await desks()
    look = CatchUp(desk.link).look
    for _ in range(2):
        broken(desk, "not_in_channel")
        await look(desk.door.hearing)
        await look(desk.door.hearing)
        mended(desk)
        await look(desk.door.hearing)
    said = [r.message for r in caplog.records if r.message.startswith("ADMINS")]
    assert len(said) == 2
    assert "/invite" in said[0]


async def test_a_thread_without_its_first_message_goes_on(desk: Any) -> None:
    """Its replies stay in Slack, and it keeps its place there."""
    ts, log = await thread_of(desk)
    desk.human.say("more", thread=ts)
    await desk.slack.sockets.settle()
    desk.human.delete(ts)
    await desk.slack.sockets.settle()
    await log.post(Outbound(text="Still here."), key="p1")
    await desk.delivery.flush(force=True)
    assert [m["text"] for m in desk.human.thread(ts)] == ["Still here."]


async def test_admins_see_which_channel_by_its_name(desks: Callable[..., Any]) -> None:
    desk = await desks(adminChannel=ADMINS)
    desk.slack.workspace.channel(ADMINS, "admins")
    ts, log = await thread_of(desk)
    broken(desk, "is_archived")
    await log.post(Outbound(text="line"), key="p")
    await desk.delivery.flush(force=True)
    [said] = [m["text"] for m in desk.slack.workspace.channels[ADMINS].messages]
    began = ts.partition(".")[0]
    assert f" in <#{CHANNEL}> (thread of <!date^{began}^{{date_short_pretty}} {{time}}|{began}>)" in said
    assert f"{CHANNEL}:" not in said


async def test_whom_the_settings_name_and_nobody_is_is_told_of(desks: Callable[..., Any]) -> None:
    """A name in the place of an id keeps everybody out, and they would be met by silence."""
    desk = await desks(
        lambda slack: slack.workspace.channel(ADMINS, "admins"),
        adminChannel=ADMINS, users=["UROBIN001", "robin"],
    )  # fmt: skip
    told = desk.slack.workspace.channels[ADMINS].messages
    await desk.until(lambda: told)
    assert [m["text"].partition(":")[0] for m in told] == [
        "'robin' of slack.users or slack.admins is nobody's id"
    ]
