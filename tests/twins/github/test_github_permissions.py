"""Who may do what: every role at GitHub with every command, and every kind of person with every decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from codebutler.commands.builtin import REGISTRY
from codebutler.events import ThreadOpened
from codebutler.settings.shape import Access
from codebutler.surfaces.github.wishes import BEGINS
from codebutler.testing.github.apps import make_app
from codebutler.thread.access import Act, elsewhere, may
from codebutler.thread.state import ThreadState
from codebutler.types import Person

if TYPE_CHECKING:
    from tests.twins.github.conftest import Desk, Shop

NAMES = sorted({name for d in REGISTRY.definitions for name in (d.name, *d.aliases)} | BEGINS)
SAID = {
    "implement": "/approve",
    "plan": "Plan this anew.",
    "respond": "Answer the review.",
    "review": "review",
}
"""What some are called in a thread; all others keep their names."""


@pytest.mark.parametrize("role", ["none", "read", "triage", "write", "maintain", "admin"])
async def test_every_command_by_every_role(desk: Desk, shop: Shop, role: Any) -> None:
    number = shop.ann.opens("A bug")
    shop.ann.says(number, "@bot plan")
    [opened] = await desk.look()
    shop.project.collaborators["eve"] = role
    for name in NAMES:
        shop.eve.says(number, f"@bot {name}")
    heard = [said for said in await desk.look() if said.key != opened.key]
    writes = role in {"write", "maintain", "admin"}
    expected = [SAID.get(name, f"/{name}") for name in NAMES] if writes else []
    assert [said.text for said in heard] == expected
    assert {said.author.admin for said in heard} == ({role != "write"} if writes else set())
    lines = [c for c in shop.ann.comments(number) if "only people with write access" in c["body"]]
    assert len(lines) == (0 if writes else 1)
    assert len(await desk.store.notes("audit:")) == (0 if writes else len(NAMES))


OWNER = Person(surface="slack", id="U1")
ADMIN = Person(surface="slack", id="U2", admin=True)
CHAT = Person(surface="slack", id="U3")
WRITER = Person(surface="github", id="ann")


@pytest.mark.parametrize(
    ("act", "allowed"),
    [
        ("approve", {"owner", "admin", "writer"}),
        ("merge", {"owner", "admin", "writer"}),
        ("memory", {"owner", "admin", "writer"}),
        ("raise", {"owner", "admin"}),
    ],
)
def test_every_decision_by_every_kind_of_person(act: Act, allowed: set[str]) -> None:
    state = ThreadState("t", opened=ThreadOpened(title="T", owner=OWNER))
    people = {"owner": OWNER, "admin": ADMIN, "chat": CHAT, "writer": WRITER}
    assert {name for name, person in people.items() if may(Access(), state, person, act)} == allowed


def test_who_is_linked_to_somebody_who_may_is_told_where_to_say_it() -> None:
    state = ThreadState("t", opened=ThreadOpened(title="T", owner=WRITER))
    linked = CHAT.model_copy(update={"login": "ann"})
    assert not may(Access(), state, linked, "merge"), "a link gives nobody rights"
    assert elsewhere(Access(), state, linked, "merge").endswith("say it at GitHub.")
    assert elsewhere(Access(), state, CHAT, "merge") == ""
    assert elsewhere(Access(), state, linked.model_copy(update={"login": "eve"}), "raise") == ""
    ours = ThreadState("t", opened=ThreadOpened(title="T", owner=OWNER))
    assert elsewhere(Access(), ours, linked, "merge") == ""


@pytest.mark.parametrize("name", ["handy", "handy[bot]", "Handy"])
async def test_an_app_is_called_by_its_own_name(desk: Desk, shop: Shop, name: str) -> None:
    app = make_app(shop.twin.hub, 7, "handy")
    app.installations["acme/shop"] = 70
    ours = type(desk)(shop, desk.store, token=None, appId=7, privateKey=app.private)
    await ours.open()
    shop.ann.says(shop.ann.opens("A bug"), f"@{name} plan")
    assert len(await ours.look()) == 1
    assert await ours.hearing.people.wrote({"login": "handy[bot]", "type": "Bot"})
    assert not await ours.hearing.people.wrote({"login": "other[bot]", "type": "Bot"})
    await ours.hearing.close()
