"""Who people of a chat are at GitHub: proved by a comment or a gist of that account, with that code."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from codebutler.repo.words import signature
from codebutler.thread.identity import HOURS, WISHES, known, unlink
from codebutler.thread.linking import ask
from codebutler.types import Person

if TYPE_CHECKING:
    from tests.twins.github.conftest import Desk, Shop

ROBIN = Person(surface="slack", id="U7", name="Robin")
CODE = "codebutler-0123456789abcdef"


@pytest.fixture
async def wish(desk: Desk) -> Desk:
    """Robin says to be eve, who may only read."""
    said = {"code": CODE, "login": "Eve", "surface": "slack", "id": "U7", "thread": "t", "at": time.time()}
    await desk.store.note(WISHES + CODE, json.dumps(said))
    return desk


async def test_a_comment_of_the_account_proves_it_once(wish: Desk, shop: Shop) -> None:
    number = shop.ann.opens("A bug")
    shop.ann.says(number, f"@bot link {CODE}")
    await wish.look()
    assert (await known(wish.store, ROBIN)).login == ""
    shop.eve.says(number, "@bot link codebutler-fedcba9876543210")
    await wish.look()
    assert (await known(wish.store, ROBIN)).login == ""
    said = [c["body"].split("\n")[0] for c in shop.ann.comments(number) if c["user"]["login"] == "butler"]
    assert said[0].startswith("@ann: That is no code that I gave out for `ann` within")
    assert said[1].startswith("That is no code that I gave out for `eve` within")
    shop.eve.says(number, f"@bot link: `{CODE}`.")
    await wish.look()
    assert (await known(wish.store, ROBIN)).login == "eve"
    answer = [c["body"].split("\n")[0] for c in shop.ann.comments(number) if c["user"]["login"] == "butler"][
        -1
    ]
    assert answer == "`eve` is linked now: the code proves it."
    assert await wish.store.notes(WISHES) == []
    signed = signature(await known(wish.store, ROBIN))
    number = shop.eve.user.json(shop.twin.url)["id"]
    assert signed == f"Robin <{number}+eve@users.noreply.127.0.0.1>"
    await unlink(wish.store, "slack", "U7")
    assert (await known(wish.store, ROBIN)).login == ""


@pytest.mark.parametrize(
    ("owner", "words", "proved"), [("Eve", CODE, True), ("ann", CODE, False), ("Eve", "", False)]
)
async def test_a_gist_of_the_account_proves_it(
    wish: Desk, shop: Shop, owner: str, words: str, *, proved: bool
) -> None:
    shop.twin.hub.gists.append({"owner": {"login": owner}, "description": f"for you: {words}"})
    await wish.hearing.proofs.look()
    assert ((await known(wish.store, ROBIN)).login == "eve") is proved


async def test_an_old_code_proves_nothing(desk: Desk, shop: Shop) -> None:
    at = time.time() - HOURS * 3600 - 1
    said = {"code": CODE, "login": "eve", "surface": "slack", "id": "U7", "thread": "t", "at": at}
    await desk.store.note(WISHES + CODE, json.dumps(said))
    shop.eve.says(shop.ann.opens("A bug"), f"@bot link {CODE}")
    await desk.look()
    assert (await known(desk.store, ROBIN)).login == ""
    assert await desk.store.notes(WISHES) == []


async def test_a_wrong_code_in_a_thread_is_answered_in_one_line(desk: Desk, shop: Shop) -> None:
    number = shop.ann.opens("A bug")
    for words in ("plan", "link WRONG"):
        shop.ann.says(number, f"@bot {words}")
        heard = await desk.look()
    assert len(heard) == 1
    said = shop.ann.comments(number)[-1]["body"].split("\n")[0]
    assert said == (
        "@ann: That is no code that I gave out for `ann` within the last day. `/link NAME` in a chat gives "
        "one, with `ann` for NAME; comment `@bot link CODE` here then."
    )


async def test_a_code_that_is_said_in_a_chat_is_no_name_of_an_account(desk: Desk) -> None:
    said = await ask(desk.store, ROBIN, CODE, mention="bot", thread="t")
    assert f"comment `@bot link {CODE}` on an issue or pull request" in said
    assert await desk.store.notes(WISHES) == []
