"""What is said in an issue whose thread is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.events import ThreadOpened, dump
from codebutler.store.rows import NewEvent
from codebutler.types import Person

if TYPE_CHECKING:
    from tests.twins.github.conftest import Desk, Shop


async def test_a_plan_in_the_issue_of_a_closed_thread_opens_it_again_and_is_heard_once(
    desk: Desk, shop: Shop
) -> None:
    number = shop.ann.opens("Rounding is off")
    shop.ann.says(number, "@bot plan")
    await desk.look()
    old = await desk.store.find("github", "acme/shop#1") or ""
    await desk.store.append(old, [], row={"phase": "closed"})
    for words in ("@bot plan a class", "@bot plan", "@bot status"):
        shop.ann.says(number, words)
    texts = [m.text for m in await desk.look()]
    assert texts[1:] == ["/reopen a class", "/reopen", "/status"]
    opened = ThreadOpened(owner=Person(surface="github", id="ann"), title="Rounding")
    await desk.store.open_thread(
        "t2", title="Rounding", owner="ann", bindings=[("github", "reopen-1")],
        events=[NewEvent(opened.kind, "opened", dump(opened))],
    )  # fmt: skip
    for _ in range(2):
        assert await desk.store.take_over(old, "t2", "github", "reopen-1") == "acme/shop#1"
    assert await desk.store.bindings("t2") == [("github", "acme/shop#1")]
    await desk.hearing.close()
    await desk.open()  # a start looks back, and finds all of it again
    shop.ann.says(number, "@bot a method, rather")
    assert [m.text for m in await desk.look()][len(texts) :] == ["a method, rather"]
