"""Pictures in whole threads: who asks for one, where it goes, what it costs, and that it is bought once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import ModelRefused
from codebutler.events import ImageMade, ImageOrdered, LimitHit, ModelFailed, Posted, ToolFinished
from codebutler.testing.cast import PROPOSES, WRITES, Held, does, team
from codebutler.testing.doubles import Asked, Door, Mind, says
from codebutler.testing.media import MediaTwin, png
from codebutler.testing.scripted import ScriptedModel
from codebutler.types import Attachment, ModelReply, ToolCall

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room, Scene

KITE = "A red kite"
DRAWS = does("draw", request="A kite for the README")
MAKES = does("generate_image", prompt=KITE, path="assets/kite.png", size="32x16")
DONE = says("Here it is.")


@pytest.fixture
async def twin(room: Room) -> AsyncIterator[MediaTwin]:
    """The service that draws, which the room's host has set up."""
    async with ScriptedModel("question") as server:
        room.configure(**server.media.settings())
        yield server.media


def pm_draws(*artist: ModelReply, words: str = "A kite, as you wished.") -> Mind:
    return team(pm=[DRAWS, says(words)], artist=[*artist, DONE])


async def results(scene: Scene, thread: str, name: str) -> list[str]:
    """What calls of a tool gave."""
    return [e.text for e in await scene.events(thread) if isinstance(e, ToolFinished) and e.name == name]


async def shown(scene: Scene, thread: str) -> list[Attachment]:
    """The files that were posted."""
    return [file for e in await scene.events(thread) if isinstance(e, Posted) for file in e.post.files]


async def sent(scene: Scene, name: str, data: bytes, media_type: str) -> Attachment:
    """A file as a door hands it over."""
    return Attachment(name=name, sha256=await scene.host.store.put_blob(data), media_type=media_type)


async def test_a_picture_alone_needs_no_plan_and_lies_beside_the_repo(room: Room, twin: MediaTwin) -> None:
    async with room.engine(pm_draws(MAKES)) as scene:
        state = await scene.talk("a", "Draw me a kite")
        assert (state.outcome, state.worktree, state.plan) == ("answered", None, None)
        kept = scene.host.repo.inner / "images" / "kite.png"
        assert kept.read_bytes() == png(32, 16, KITE)
        assert [p.name for p in await shown(scene, state.id)] == ["kite.png"]
        assert (await results(scene, state.id, "draw")) == ["Here it is.\n[made: kite.png, 32x16]"]
        artist = [a for a in scene.asked if a.role == "artist"]
        assert "The PM asks you for this:\n\nA kite for the README" in artist[0].heard
        assert "The picture that generate_image showed (image/png)" in str(artist[1].messages[-1])
        assert state.spend["artist", "gpt-image-2.5-sunburst"].usd == pytest.approx(0.03193)
        assert scene.git("status", "--porcelain") == ""
        assert len(twin.sent) == 1


async def test_a_picture_that_takes_long_is_named_on_the_status_card(room: Room, twin: MediaTwin) -> None:
    twin.hold, door = asyncio.Event(), Door()
    async with room.engine(pm_draws(MAKES), door) as scene:
        scene.host.silence = 0.05
        thread = await scene.say("a", "Draw me a kite")
        async with asyncio.timeout(30):
            while not any(  # noqa: ASYNC110 - a door has no bell
                "Artist: generate_image runs since " in s.message.text for s in door.shown
            ):
                await asyncio.sleep(0.02)
        twin.hold.set()
        assert (await scene.rest(thread)).outcome == "answered"
    cards = [s.message.text for s in door.shown if s.message.kind == "status"]
    assert "runs since" not in cards[-1]


async def test_the_coders_picture_is_in_the_pull_request(room: Room, twin: MediaTwin) -> None:
    """The PM is free to answer the Artist, who draws for the Coder."""
    asks = does("ask_pm", question="Which colour?")
    mind = team(
        pm=[PROPOSES, says("Red.")],
        coder=[WRITES, DRAWS, says("Wrote and drew.")],
        artist=[asks, MAKES, DONE],
    )
    async with room.engine(mind) as scene:
        await scene.talk("a", "Write notes with a kite")
        state = await scene.talk("a", "go")
        assert state.outcome == "pr"
        assert "assets/kite.png" in scene.git("ls-tree", "-r", "--name-only", state.pushed)
        blob = scene.git("rev-parse", f"{state.pushed}:assets/kite.png")
        data = png(32, 16, KITE)
        assert blob == hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        assert [p.name for p in await shown(scene, state.id)] == ["kite.png"]
        assert not (scene.host.repo.inner / "images").exists()
        assert [(x.role, x.answer) for x in state.exchanges] == [("artist", "Red.")]


async def test_what_is_said_while_the_artist_draws_is_for_the_pm_who_asked(
    room: Room, twin: MediaTwin
) -> None:
    asks, held = does("ask_pm", question="Which colour?"), Held(DONE)
    async with room.engine(team(pm=[DRAWS, says("Blue next time.")], artist=[asks, MAKES, held])) as scene:
        thread = await scene.say("a", "Draw me a kite")
        await scene.until(held.reached)
        await scene.say("a", "A blue one, please")
        held.let_go.set()
        state = await scene.rest(thread)
        assert state.outcome == "answered"
        assert "the PM waits for you" in (await results(scene, thread, "ask_pm"))[0]
        said = {a.role: str(a.messages) for a in scene.asked}
        assert "A blue one" in said["pm"]
        assert "A blue one" not in said["artist"]


async def test_an_attached_picture_is_edited_with_a_mask_of_the_repo(room: Room, twin: MediaTwin) -> None:
    mask = png(8, 8, "mask")
    (room.sample.repo / "mask.png").write_bytes(mask)
    room_git = ["-c", "user.name=P", "-c", "user.email=p@example.invalid"]
    edits = does("edit_image", paths=["shot.png", "gone.png"], prompt="Bluer", out="blue.png")
    right = does("edit_image", paths=["shot.png"], prompt="Bluer", out="blue.webp", mask="mask.png")
    async with room.engine(pm_draws(edits, right)) as scene:
        scene.git("add", "mask.png")
        scene.git(*room_git, "commit", "-qm", "mask")
        scene.git("push", "-q", "origin", "HEAD")
        shot = await sent(scene, "../shot.png", png(8, 8, "shot"), "image/png")
        state = await scene.rest(await scene.say("a", "Make this bluer", files=[shot]))
        first, second = await results(scene, state.id, "edit_image")
        assert "no file and no attachment 'gone.png'. Attached: shot.png" in first
        assert "blue.png" in second, "the service answers PNG whatever was asked for"
        assert [(field, data) for field, _, data in twin.sent[0].files] == [
            ("image[]", png(8, 8, "shot")),
            ("mask", mask),
        ]


async def test_without_a_service_nobody_is_paid_to_write_prompts(room: Room) -> None:
    room.env["OPENAI_BASE_URL"] = ""
    room.env["OPENROUTER_API_KEY"] = "sk-or-canary-0123456789abcdef"
    async with room.engine(team(pm=[DRAWS, says("I cannot draw here.")])) as scene:
        state = await scene.talk("a", "Draw me a kite")
        assert "Set OPENAI_API_KEY, or images.apiKey" in (await results(scene, state.id, "draw"))[0]
        assert {a.role for a in scene.asked} == {"pm"}


async def test_an_order_that_was_cut_off_is_not_bought_again(room: Room, twin: MediaTwin) -> None:
    """The service has it, we have no answer: the state that a kill leaves."""
    twin.hold = asyncio.Event()
    async with room.engine(pm_draws(MAKES)) as scene:
        thread = await scene.say("a", "Draw me a kite")
        await scene.until(twin.reached)
        assert (await scene.talk("a", "cancel")).outcome == "cancelled"
        twin.hold.set()
    async with room.engine(pm_draws(words="It was interrupted.")) as scene:
        state = await scene.talk("a", "go")
        assert "may have been paid for" in (await results(scene, thread, "generate_image"))[0]
        assert len(twin.sent) == 1
        assert not state.made
        assert [order.usd for order in state.buying.values()] == [pytest.approx(0.187, abs=0.01)]
        spent = await scene.host.store.spent(f"thread:{thread}")
        assert spent >= 0.18, "the worst case counts as spent"
        lost = [e for e in await scene.events(thread) if isinstance(e, ModelFailed)]
        assert [e.usd for e in lost] == [pytest.approx(0.187, abs=0.01)], "reports have it, too, and once"
        assert state.usd == pytest.approx(spent)


async def test_a_picture_in_the_log_is_saved_and_shown_without_another_purchase(
    room: Room, twin: MediaTwin
) -> None:
    """As after a kill between purchase and delivery: the shelf could not be written, then it could."""
    held = Held(DONE)
    async with room.engine(team(pm=[DRAWS], artist=[MAKES, held])) as scene:
        thread = await scene.say("a", "Draw me a kite")
        await scene.until(held.reached)
        made = next(e for e in await scene.events(thread) if isinstance(e, ImageMade))
        assert scene.host.repo.inner.joinpath("images", made.path).exists()
    held.let_go.set()
    async with room.engine(team(pm=[says("There.")], artist=[held])) as scene:
        state = await scene.rest(thread)
        assert state.outcome == "answered"
        assert len([e for e in await scene.events(thread) if isinstance(e, ImageOrdered)]) == 1
        assert len(twin.sent) == 1
        assert len(await shown(scene, thread)) == 1


async def test_a_cap_stops_a_picture_before_it_is_bought(room: Room, twin: MediaTwin) -> None:
    room.configure(**twin.settings(), limits={"usdPerThread": 0.05})
    async with room.engine(pm_draws(MAKES)) as scene:
        state = await scene.talk("a", "Draw me a kite")
        assert (state.outcome, twin.sent) == ("paused", [])
        hit = next(e for e in await scene.events(state.id) if isinstance(e, LimitHit))
        assert (hit.cap, hit.raise_usd) == ("thread", 1)
        assert (await scene.talk("a", "raise 1")).outcome == "answered"
        assert len(twin.sent) == 1


async def test_what_the_service_refuses_or_spoils_is_told_to_the_artist(room: Room, twin: MediaTwin) -> None:
    refused = {"error": {"code": "moderation_blocked", "message": "Rejected by the safety system."}}
    twin.faults = [(400, refused), (200, {"data": [{"b64_json": "PHN2Zz4="}]})]
    async with room.engine(pm_draws(MAKES, MAKES)) as scene:
        state = await scene.talk("a", "Draw me a kite")
        said = await results(scene, state.id, "generate_image")
        assert "declines to draw this under its content policy" in said[0]
        assert "no whole PNG, JPEG, WebP or GIF" in said[1]
        assert (state.outcome, state.made) == ("answered", {})
        told = (await results(scene, state.id, "draw"))[0]
        assert told.startswith("Here it is.\n[made: nothing: "), "the PM must not take words for a picture"
        heard = [text for text in await scene.posts(state.id) if text.startswith("A picture was not made: ")]
        assert ("content policy" in heard[0], "no whole PNG" in heard[1]) == (True, True)
        assert ("count for it" in heard[0], heard[1].endswith(" $0.1872 count for it.")) == (False, True)
        spent = await scene.host.store.spent(f"thread:{state.id}")
        assert spent == pytest.approx(0.005 + 0.187, abs=0.01), "a refusal is free, what came may be billed"


async def test_a_picture_that_was_paid_for_and_bad_is_in_the_reports(room: Room, twin: MediaTwin) -> None:
    twin.faults = [(200, {"data": [{"b64_json": "bm90IGEgcGljdHVyZQ=="}]})]
    async with room.engine(pm_draws(MAKES)) as scene:
        state = await scene.talk("a", "Draw me a kite")
        spend = state.spend["artist", "gpt-image-2.5-sunburst"]
        assert (spend.calls, spend.broken, spend.input > 0, spend.output >= 408) == (0, 1, True, True)
        booked = await scene.host.store.spent(f"thread:{state.id}")
        assert 0 < spend.broken_usd < booked == pytest.approx(state.usd)
        assert sum(b.usd for b in await scene.host.store.bought()) == pytest.approx(booked)


async def test_after_a_rewind_the_same_call_buys_its_own_picture(room: Room, twin: MediaTwin) -> None:
    """Some providers count their calls, so the ids that were taken back come again."""

    def same(name: str, **arguments: str) -> ModelReply:
        return says("", ToolCall(id=f"{name}:0", name=name, arguments=json.dumps(arguments)))

    drawn = [same("generate_image", prompt=what, path="it.png", size="16x16") for what in ("Kite", "Dragon")]
    asks = same("draw", request="Draw it")
    mind = team(pm=[says("Hi."), asks, says("A kite."), asks, says("A dragon.")],
                artist=[drawn[0], DONE, drawn[1], DONE])  # fmt: skip
    async with room.engine(mind) as scene:
        await scene.talk("a", "Hello")
        await scene.talk("a", "Draw a kite")
        assert (await scene.talk("a", "rewind 1")).rewinds == 1
        state = await scene.talk("a", "Draw a dragon")
        assert state.outcome == "answered"
        assert [sent.fields["prompt"] for sent in twin.sent] == ["Kite", "Dragon"]
        kept = scene.host.repo.inner / "images"
        assert (kept / "it-2.png").read_bytes() == png(16, 16, "Dragon")
        assert state.spend["artist", "gpt-image-2.5-sunburst"].calls == 2, "paid is paid"


PATHS = {
    "../kite.png": "outside",
    ".git/kite.png": "git's own",
    "/etc/kite.png": "outside",
    "link/kite.png": "outside",
    "kite.exe": "must end in .png",
    "sub/.git/hooks/x.png": "git's own",
    "NOTE/kite.png": "NOTE",
}


async def test_no_path_leads_a_picture_out_of_the_worktree(room: Room, twin: MediaTwin) -> None:
    tries = [does("generate_image", prompt=KITE, path=path) for path in PATHS]
    coder = [WRITES, does("bash", command="ln -s /tmp link"), DRAWS, says("Done.")]
    async with room.engine(team(pm=[PROPOSES], coder=coder, artist=[*tries, DONE])) as scene:
        await scene.talk("a", "Write notes with a kite")
        state = await scene.talk("a", "go")
        said = await results(scene, state.id, "generate_image")
        assert len(said) == len(PATHS)
        for words, (path, why) in zip(said, PATHS.items(), strict=True):
            assert why in words, (path, words)
        assert scene.git("ls-tree", "-r", "--name-only", state.pushed).count(".png") == 0
        assert twin.sent == [], "nothing is paid for that has no place"


async def test_a_model_that_refuses_the_artist_is_told_to_people(room: Room, twin: MediaTwin) -> None:
    async def refuses(_asked: Asked) -> ModelReply:
        raise ModelRefused("the key is wrong", fix="Set openrouter.apiKey")

    mind = team(pm=[DRAWS, says("Not today."), DRAWS, says("Nor now.")], artist=[refuses, refuses])
    async with room.engine(mind) as scene:
        state = await scene.talk("a", "Draw me a kite")
        told = [text for text in await scene.posts(state.id) if text.startswith("The Artist could not work")]
        assert len(told) == 1
        assert "the key is wrong" in told[0]
        assert told[0].endswith('**"/artist NAME"** gives it another model.')
        assert "The Artist did not finish" in (await results(scene, state.id, "draw"))[0]
        assert (state.outcome, twin.sent) == ("answered", [])
