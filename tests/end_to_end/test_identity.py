"""/link in a chat: who may say whom they are, what they are told, and what commits then name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codebutler.testing.cast import Cast, lead, plan, write
from codebutler.testing.doubles import Asked, Mind, says
from codebutler.thread import render
from codebutler.thread.identity import known, settle, wishes
from codebutler.types import Inbound, Person

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene


def nobody() -> Mind:
    async def mind(asked: Asked) -> object:
        raise AssertionError(asked)

    return mind  # type: ignore[return-value] # it never answers


async def test_link_hands_out_a_code_and_only_admins_speak_for_others(room: Room) -> None:
    async with room.engine(nobody()) as scene:
        state = await scene.talk("a", "/link")
        assert state.speaker is not None
        assert "not linked with a GitHub account" in (await scene.posts(state.id))[-1]
        await scene.talk("a", "/link not/a/name")
        assert "no name of a GitHub account" in (await scene.posts(state.id))[-1]
        await scene.talk("a", "/link @ann-gh")
        said = (await scene.posts(state.id))[-1]
        code = re.search(r"codebutler-[0-9a-f]{16}", said)
        assert code is not None
        [wish] = await wishes(scene.host.store, 0.0)
        assert (wish["code"], wish["login"], wish["id"]) == (code[0], "ann-gh", state.speaker.id)
        other = Person(surface="slack", id="U9")
        said = await _from_slack(scene, "/link eve slack:U9")
        assert "Only an admin" in said
        assert (await known(scene.host.store, other)).login == ""
        await scene.talk("a", "/link eve slack:U9")  # whoever is at the host's terminal
        assert (await known(scene.host.store, other)).login == "eve"


async def test_approval_merge_and_commits_name_the_account(room: Room) -> None:
    cast = Cast(pm=[plan()], coder=[write("NOTE", "a\n"), says("Wrote it.")], lead=lead())
    async with room.engine(cast) as scene:
        mail = "7+Eve@users.noreply.github.com"
        store = scene.host.store
        await settle(store, surface="terminal", id="robin", login="Eve", by="a comment", mail=mail)
        state = await scene.shipped()
        assert state.approval is not None
        assert (state.approval.by.login, state.approval.by.mail) == ("Eve", mail)
        trailer = f"Co-authored-by: robin <{mail}>"
        assert scene.git("log", "-1", "--format=%B", state.pushed).splitlines()[-1] == trailer
        assert "approved by robin (`Eve` at GitHub)" in render.pr_body(state)
        state = await scene.talk("a", "merge")
        assert state.merged is not None
        assert (state.merged.by.label, state.merged.by.login) == ("robin", "Eve")


async def _from_slack(scene: Scene, text: str) -> str:
    robin = Person(surface="slack", id="U7")
    inbound = Inbound(surface="slack", external_id="C1:1.0", key="s1", author=robin, text=text)
    thread = await scene.engine.receive(inbound)
    await scene.rest(thread)
    return (await scene.posts(thread))[-1]
