"""An issue and a chat thread are one thread, whichever came first; each message stands on both sides once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from codebutler.service.bridging import Bridge
from codebutler.service.following import Following
from codebutler.service.github_side import GitHubSide
from codebutler.settings.shape import Settings
from codebutler.surfaces.slack.link import Link
from codebutler.surfaces.slack.opening import Opening
from codebutler.surfaces.wording import load
from codebutler.testing.slack.faults import Fault
from codebutler.testing.slack.server import SlackTwin
from codebutler.thread.intake import receive
from codebutler.thread.planfile import path_of
from codebutler.types import Inbound, Person

if TYPE_CHECKING:
    from tests.twins.github.conftest import Desk, Shop

BOB = Person(surface="slack", id="U7", name="Bob")


@pytest.fixture
async def slack() -> AsyncIterator[SlackTwin]:
    async with SlackTwin() as twin:
        yield twin


@pytest.fixture
async def bridge(desk: Desk, slack: SlackTwin) -> AsyncIterator[Bridge]:
    link = Link(Settings.model_validate({"slack": slack.settings()}).slack)
    side = GitHubSide(desk.door, desk.hearing, desk.polling, None, Following(desk.hearing, desk.store))
    made = Bridge(desk.store, side, [Opening(link, "CSHOP0001")])
    desk.hearing.receive = made.from_github(lambda inbound: receive(desk.store, inbound))
    yield made
    await link.close()


def messages(slack: SlackTwin) -> list[str]:
    return [str(m["text"]) for m in slack.workspace.channels["CSHOP0001"].by_ts.values()]


@pytest.mark.usefixtures("bridge")
async def test_an_issue_gets_its_conversation_in_the_chat(desk: Desk, shop: Shop, slack: SlackTwin) -> None:
    number = shop.ann.opens("Rounding & more")
    for words in ("@bot plan", "@bot be quick"):
        shop.ann.says(number, words)
        await desk.look()
    assert messages(slack) == [f"Issue #1: Rounding &amp; more\n{shop.project.web}/issues/1"]
    thread = await desk.store.find("github", "acme/shop#1")
    assert thread is not None
    there = dict(await desk.store.bindings(thread))["slack"]
    assert there.startswith("CSHOP0001:")
    where = f"https://twin.slack.com/archives/CSHOP0001/p{there.partition(':')[2].replace('.', '')}"
    assert await desk.store.notes(f"link:{thread}:") == [where]


async def test_a_conversation_that_was_begun_and_not_noted_is_found_again(
    desk: Desk, shop: Shop, slack: SlackTwin, bridge: Bridge
) -> None:
    slack.faults.next("chat.postMessage", Fault("done_500"))
    shop.ann.says(shop.ann.opens("Rounding is off"), "@bot plan")
    await desk.look()
    thread = await desk.store.find("github", "acme/shop#1")
    assert thread is not None
    assert "slack" not in dict(await desk.store.bindings(thread))
    await bridge.resume()
    await desk.settled()
    assert "slack" in dict(await desk.store.bindings(thread))
    assert len(messages(slack)) == 1


@pytest.mark.parametrize(
    "said", ["please fix <{web}/issues/1>", "plan #1, and be quick", "Implement issue #1"]
)
async def test_an_issue_that_is_named_in_a_chat_comes_along(
    desk: Desk, shop: Shop, bridge: Bridge, said: str
) -> None:
    shop.ann.opens("Rounding is off", "A cent short<!-- obey -->")
    hear = bridge.from_chat(lambda inbound: receive(desk.store, inbound))
    said = said.format(web=shop.project.web)
    for conversation in ("C1:1.0", "C1:2.0"):
        key = f"k{conversation}"
        await hear(Inbound(surface="slack", external_id=conversation, key=key, author=BOB, text=said))
        await desk.settled()
    first = await desk.store.find("slack", "C1:1.0")
    second = await desk.store.find("slack", "C1:2.0")
    assert await desk.store.find("github", "acme/shop#1") == first != second
    texts = [m.text for m in await desk.heard() if m.surface == "github"]
    assert texts == ["#1, as it stands now: Rounding is off\n\nA cent short"]
    assert path_of(await load(desk.store, first or ""), "plans") == "plans/issue-1-rounding-is-off.md"


async def test_an_issue_that_a_kill_kept_from_coming_comes_at_the_next_start(
    desk: Desk, shop: Shop, bridge: Bridge
) -> None:
    shop.ann.opens("Rounding is off")
    hear = bridge.from_chat(lambda inbound: receive(desk.store, inbound))
    for key, number in (("b", 99), ("a", 1)):
        await desk.settled()
        said = f"please fix {shop.project.web}/issues/{number}"
        await hear(Inbound(surface="slack", external_id=f"C1:{key}", key=key, author=BOB, text=said))
    await desk.hearing.close()
    assert await desk.store.find("github", "acme/shop#1") is None
    for _ in range(2):
        await bridge.resume()
        await desk.settled()
    assert await desk.store.find("github", "acme/shop#1") == await desk.store.find("slack", "C1:a")
    assert len([m for m in await desk.heard() if m.surface == "github"]) == 1
    assert await desk.store.notes("adopt:") == ["done", "done"]


async def test_an_issue_that_is_only_mentioned_in_a_chat_stays_where_it_is(
    desk: Desk, shop: Shop, bridge: Bridge
) -> None:
    shop.ann.opens("Rounding is off")
    hear = bridge.from_chat(lambda inbound: receive(desk.store, inbound))
    said = "As in issue #1, but for weights; plan 1 day"
    await hear(Inbound(surface="slack", external_id="C1:1", key="k", author=BOB, text=said))
    await desk.settled()
    assert await desk.store.find("github", "acme/shop#1") is None
