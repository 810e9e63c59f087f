"""Mail on its way to a role: bursts, changes of what was said, and who hears it while others work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from codebutler.events import MessageTaken, ModelRequested, TurnEnded
from codebutler.testing.cast import PROPOSES, SUMS_UP, WRITES, Held, call, does, team
from codebutler.testing.doubles import Asked, Door, says
from codebutler.thread.intake import receive
from codebutler.types import Inbound, Person

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

ROBIN = Person(surface="terminal", id="robin")


async def heard(scene: Scene, thread: str) -> list[tuple[str, str]]:
    """Which role was given which words, in order."""
    return [(e.frame, e.content) for e in await scene.events(thread) if isinstance(e, MessageTaken)]


async def change(scene: Scene, key: str, *, of: str, text: str = "", by: Person = ROBIN) -> None:
    """A person edits the message ``of``, or deletes it when no text is given."""
    inbound = Inbound(surface="terminal", external_id="a", key=key, author=by, text=text)
    await scene.engine.receive(inbound.model_copy(update={"edits" if text else "deletes": of}))


async def coding(scene: Scene) -> str:
    """A thread whose plan was just approved."""
    thread = (await scene.talk("a", "Add a note")).id
    await scene.say("a", "go")
    return thread


# ---------------------------------------------------------------------------- bursts


async def test_a_request_typed_in_several_messages_is_read_as_one(room: Room) -> None:
    room.configure(threads={"burstSeconds": 0.5})
    door = Door()
    door.capabilities = structs.replace(door.capabilities, bursts=True)
    async with room.engine(team(pm=[says("Both.")]), door) as scene:
        thread = await scene.say("a", "Make it faster")
        await scene.say("a", "and smaller")
        await scene.rest(thread)
        assert len(scene.asked) == 1
        assert await heard(scene, thread) == [("pm", "robin: Make it faster"), ("pm", "robin: and smaller")]
    room.configure(threads={"burstSeconds": 60})
    async with room.engine(team(pm=[says("At once.")]), door) as scene:
        await scene.talk("a", "And this?")  # a reply is never held back
        assert await scene.posts(thread) == ["Both.", "At once."]


async def test_a_door_without_bursts_does_not_wait(room: Room) -> None:
    room.configure(threads={"burstSeconds": 60})
    async with room.engine(team(pm=[says("Hello.")])) as scene:
        await scene.talk("a", "Hello?")


async def test_cancel_cuts_the_wait_for_more_short(room: Room) -> None:
    room.configure(threads={"burstSeconds": 60})
    door = Door()
    door.capabilities = structs.replace(door.capabilities, bursts=True)
    async with room.engine(team(pm=[]), door) as scene:
        thread = await scene.say("a", "Make it faster")
        state = await scene.talk("a", "cancel")
        assert (state.id, state.outcome, scene.asked) == (thread, "cancelled", [])


# ------------------------------------------------------------- edited and taken back


async def test_a_message_that_is_changed_before_it_is_read_is_read_as_it_is_now(room: Room) -> None:
    held = Held(says("First."))
    async with room.engine(team(pm=[held, says("Second.")])) as scene:
        thread = await scene.say("a", "hello", key="m1")
        await scene.until(held.reached)
        await scene.say("a", "use tabs", key="m2")
        await scene.say("a", "forget it all", key="m3")
        await change(scene, "e1", of="m2", text="use spaces")
        await change(scene, "d1", of="m3")
        held.let_go.set()
        await scene.rest(thread)
        assert await heard(scene, thread) == [("pm", "robin: hello"), ("pm", "robin: use spaces")]
        assert await scene.posts(thread) == ["First.", "Second."]
        await scene.say("a", "forget it all", key="m3")  # the platform delivers the deleted one again
        assert len(await heard(scene, thread)) == 2


async def test_a_thread_of_which_everything_is_taken_back_is_closed_until_somebody_speaks(room: Room) -> None:
    secret = Inbound(surface="terminal", external_id="a", key="m1", author=ROBIN, text="SECRET oops")
    back = secret.model_copy(update={"key": "d1", "text": "", "deletes": "m1"})
    async with room.engine(team(pm=[says("Hello.")])) as scene:
        thread = await receive(scene.host.store, secret)
        await receive(scene.host.store, back)
        scene.engine.kick(thread)
        await scene.rest(thread)
        [row] = await scene.host.store.threads()
        assert (row.title, row.phase, row.status) == ("(taken back)", "closed", "closed")
        state = await scene.talk("a", "hello")
        [row] = await scene.host.store.threads()
        assert (state.phase, row.phase, row.status, scene.asked[0].role) == ("pm", "pm", "answered", "pm")


async def test_a_change_after_the_reading_is_told_and_one_that_changes_nothing_is_not(room: Room) -> None:
    async with room.engine(team(pm=[says("First.")])) as scene:
        thread = (
            await scene.talk(
                "a",
                "hello",
            )
        ).id
        await change(scene, "e0", of="k1", text="hello")  # such as an unfolded link
        await change(scene, "e1", of="k1", text="goodbye")
        await change(scene, "e1", of="k1", text="goodbye")
        await change(scene, "d1", of="k1")
        await change(scene, "d2", of="never seen")
        state = await scene.rest(thread)
        posts = await scene.posts(thread)
        assert [("read before it was changed" in p, "read before it was deleted" in p) for p in posts] == [
            (False, False), (True, False), (False, True),
        ]  # fmt: skip
        assert (len(scene.asked), state.outcome) == (1, "answered")


async def test_who_edits_a_message_does_not_speak_in_its_authors_name(room: Room) -> None:
    held = Held(says("Hm."))
    async with room.engine(team(pm=[PROPOSES, held])) as scene:
        thread = (await scene.talk("a", "hello")).id
        await scene.say("a", "wait a moment")
        await scene.until(held.reached)
        await scene.say("a", "hm", key="m2")
        await change(scene, "e1", of="m2", text="/approve", by=Person(surface="terminal", id="mallory"))
        held.let_go.set()
        state = await scene.rest(thread)
        assert state.approval is None
        assert "Only robin may approve in this thread." in await scene.posts(thread)


async def test_a_change_of_a_message_of_no_thread_is_nothing(room: Room) -> None:
    async with room.engine(team(pm=[])) as scene:
        inbound = Inbound(surface="terminal", external_id="x", key="e", author=ROBIN, text="t", edits="m")
        assert await scene.engine.receive(inbound) == ""
        assert await scene.host.store.threads() == []


# --------------------------------------------------------------------- who hears it


async def test_words_during_an_escalation_reach_the_pm_and_then_the_coder(room: Room) -> None:
    looking = Held(says("", call("list_threads")))
    answers: list[Asked] = []

    async def answer(asked: Asked) -> object:
        answers.append(asked)
        return says("Tabs.")

    pm = [
        does("propose_plan", title="t", summary="s", steps=[{"text": "x"}], files=["NOTE"]),
        looking,
        answer,
    ]
    coder = [does("ask_pm", question="Tabs or spaces?"), WRITES, says("Wrote it.")]
    async with room.engine(team(pm=pm, coder=coder)) as scene:  # type: ignore[arg-type] # a reply
        thread = await coding(scene)
        await scene.until(looking.reached)
        await scene.say("a", "tabs, as everywhere")
        looking.let_go.set()
        state = await scene.rest(thread)
        assert state.pr is not None
        assert answers[0].heard == "robin: tabs, as everywhere"
        after = [a for a in scene.asked if a.role == "coder"][1].messages
        assert after[-2]["content"] == "Tabs."
        assert "tabs, as everywhere" in after[-1]["content"]
        assert [frame for frame, _ in await heard(scene, thread)] == ["pm", "pm", "coder-1"]


async def test_words_while_the_lead_looks_back_are_for_the_pm(room: Room) -> None:
    summing = Held(SUMS_UP[0])
    mind = team(pm=[PROPOSES, says("I will.")], coder=[WRITES, says("Wrote it.")], lead=[summing, SUMS_UP[1]])
    async with room.engine(mind) as scene:
        thread = await coding(scene)
        await scene.until(summing.reached)
        await scene.say("a", "rename it, too")
        summing.let_go.set()
        await scene.rest(thread)
        assert (await heard(scene, thread))[-1] == ("pm", "robin: rename it, too")
        assert (await scene.posts(thread))[-1] == "I will."


async def test_the_same_reply_is_not_bought_again_because_somebody_spoke(room: Room) -> None:
    held = Held(says("First."))
    async with room.engine(team(pm=[held, says("Second.")])) as scene:
        thread = await scene.say("a", "hello")
        await scene.until(held.reached)
        await scene.say("a", "more")
        held.let_go.set()
        await scene.rest(thread)
        events = await scene.events(thread)
        assert sum(isinstance(e, ModelRequested) for e in events) == 2
        assert sum(isinstance(e, TurnEnded) for e in events) == 1
