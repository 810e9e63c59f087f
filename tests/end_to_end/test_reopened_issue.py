"""A closed thread that is reopened in its issue hands the issue over, with all that is said there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.testing.cast import Cast, lead, plan, write
from codebutler.testing.doubles import says
from codebutler.types import Inbound, Person

if TYPE_CHECKING:
    import pytest

    from tests.end_to_end.conftest import Room, Scene

ISSUE, PULL = "acme/shop#12", "acme/shop/pull/13"
ANN = Person(surface="github", id="ann")


def _said(text: str) -> Inbound:
    return Inbound(surface="github", external_id=ISSUE, key=f"comment:{text}", author=ANN, text=text)


async def _told(scene: Scene, thread: str) -> dict[str, list[str]]:
    """What a thread has said at GitHub, by conversation."""
    found: dict[str, list[str]] = {}
    for post in await scene.host.store.posts(thread):
        if post.surface == "github":
            found.setdefault(post.conversation, []).append(post.payload)
    return found


async def test_a_thread_that_is_reopened_in_an_issue_is_the_issues_thread(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    mind = Cast(
        pm=[plan("Notes"), plan("More notes"), says("A class, then.")],
        coder=[write("A", "a\n"), says("Wrote.")],
        lead=[*lead("Notes"), says("Nothing more.")],
    )
    async with room.engine(mind) as scene:
        store, state = scene.host.store, await scene.shipped()
        for place in (ISSUE, PULL):
            await store.bind(state.id, "github", place)
        await scene.talk("a", "merge")
        late = _said("a class, please")  # in the same look: the issue is still the old thread's
        assert await scene.engine.receive(_said("/reopen and add more")) == state.id
        assert await scene.engine.receive(late) == state.id
        old = await scene.rest(state.id)
        assert old.phase == "closed"
        new = await store.find("github", ISSUE) or ""
        assert new != state.id
        assert await store.bindings(new) == [("github", ISSUE)]
        again = await scene.rest(new)
        assert (again.phase, again.issue) == ("pm", 12)
        heard = str(again.frames["pm"].messages)
        assert "and add more" in heard
        assert "a class, please" in heard
        told = await _told(scene, new)
        assert list(told) == [ISSUE]
        assert f"This goes on from thread `{state.id}`" in told[ISSUE][0]
        assert "Say what to do" not in told[ISSUE][0]
        assert f"Thread `{new}` goes on from here, with a branch of its own, in {ISSUE}." in str(
            (await _told(scene, state.id))[PULL]
        )
        assert "This thread is closed" not in str(await _told(scene, state.id))
        assert await store.heard_before("github", ISSUE, f"github:{late.key}")
        await scene.engine.receive(_said("/fork"))
        await scene.rest(new)
        assert "An issue or pull request has one thread" in (await scene.posts(new))[-1]
        assert len(await store.threads()) == 2
    assert "no copy is kept" not in caplog.text
