"""Another model in the middle of a thread: it gets all that was said, and nothing only the old one can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.agent.voices import Said, fitted
from codebutler.testing.doubles import Asked, Door, says
from codebutler.thread.points import points
from codebutler.types import ModelReply, ToolCall, Usage

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

KIMI, CLAUDE = "moonshotai/kimi-k2", "anthropic/claude-sonnet-4-5"


async def thinking(asked: Asked) -> ModelReply:
    """Answers with reasoning in a dialect of its own, and looks around first when told to."""
    reasoning = {"reasoning_content": f"secret thoughts of {asked.model}"}
    usage = Usage(input=10, output=5)
    if asked.heard.endswith("look"):
        call = ToolCall(id="functions.list_threads:0", name="list_threads", arguments="{}")
        return ModelReply("", (call,), usage, 0.001, asked.model, reasoning=reasoning)
    return ModelReply(f"{asked.model} says", (), usage, 0.001, asked.model, reasoning=reasoning)


def card(door: Door) -> str:
    return [shown.message.text for shown in door.shown if shown.message.slot == "status"][-1]


async def test_a_swapped_model_gets_the_whole_talk_without_the_others_reasoning(room: Room) -> None:
    async with room.engine(thinking, door := Door()) as scene:
        thread = (await scene.talk("a", "look")).id
        assert "secret thoughts" in str(scene.asked[-1].messages), "its own thoughts go back to a model"
        await scene.talk("a", "/pm claude")
        assert f"PM: {CLAUDE}" in card(door)
        await scene.talk("a", "and now?")
        asked = scene.asked[-1]
        assert asked.model == CLAUDE
        assert "secret thoughts" not in str(asked.messages)
        assert [m["role"] for m in asked.messages] == [
            "system", "user", "assistant", "tool", "assistant", "user",
        ]  # fmt: skip
        call, result = asked.messages[2]["tool_calls"][0], asked.messages[3]
        assert call["id"] == result["tool_call_id"]
        assert ":" not in call["id"]
        state = await scene.talk("a", "/pm kimi")
        assert state.model_of("pm") == KIMI
        await scene.talk("a", "back again?")
        assert "functions.list_threads:0" in str(scene.asked[-1].messages)
        assert str(scene.asked[-1].messages).count("secret thoughts") == 2, "of Kimi, not of Claude"
        assert {model for _, model in (await scene.state(thread)).spend} == {KIMI, CLAUDE}


async def test_a_swap_while_a_role_works_takes_effect_at_its_next_step(room: Room) -> None:
    async def mind(asked: Asked) -> ModelReply:
        if len(scene.asked) == 1:
            await scene.say("a", "/pm claude")
        return await thinking(asked)

    async with room.engine(mind) as scene:
        thread = (await scene.talk("a", "look")).id
        assert [asked.model for asked in scene.asked] == [KIMI, CLAUDE]
        assert f"{CLAUDE} says" in await scene.posts(thread)


async def test_a_swap_outlives_the_process_and_a_rewind(room: Room) -> None:
    async with room.engine(thinking) as scene:
        thread = (await scene.talk("a", "hello")).id
        await scene.talk("a", "/pm claude")
    async with room.engine(thinking) as scene:
        await scene.talk("a", "again")
        assert scene.asked[-1].model == CLAUDE
        first = points(await scene.state(thread))[0]
        await scene.talk("a", f"rewind {first.number}")
        await scene.talk("a", "once more")
        assert scene.asked[-1].model == CLAUDE
        assert [m["role"] for m in scene.asked[-1].messages][:3] == ["system", "user", "assistant"]


@pytest.mark.parametrize("wish", ["/pm gemini", "/pm two words/x", "/coder nothing", f"/pm x/{'y' * 5_000}"])
async def test_an_unknown_name_lists_the_pool_and_changes_nothing(room: Room, wish: str) -> None:
    async with room.engine(thinking) as scene:
        await scene.talk("a", "hello")
        state = await scene.talk("a", wish)
        said = (await scene.posts(state.id))[-1]
        assert f"kimi ({KIMI})" in said
        assert f"claude ({CLAUDE})" in said
        assert len(said) < 1_000
        assert state.models == {}


async def test_an_id_that_the_host_has_not_opened_changes_nothing(room: Room) -> None:
    async with room.engine(thinking) as scene:
        await scene.talk("a", "hello")
        state = await scene.talk("a", "/pm litellm/oobabooga/http://127.0.0.1:9/x")
        assert "is no id for litellm: nothing was changed" in (await scene.posts(state.id))[-1]
        state = await scene.talk("a", "/coder litellm/petals/x")
        assert "the host has not chosen it: nothing was changed" in (await scene.posts(state.id))[-1]
        assert state.models == {}


@pytest.mark.parametrize("role", ["pm", "coder", "lead", "researcher", "artist"])
async def test_every_role_has_its_command_and_takes_names_and_ids(room: Room, role: str) -> None:
    async with room.engine(thinking) as scene:
        await scene.talk("a", "hello")
        state = await scene.talk("a", f"/{role} Claude")
        assert state.models == {role: CLAUDE}
        state = await scene.talk("a", f"/{role} some/other-model")
        assert state.models == {role: "some/other-model"}
        await scene.talk("a", f"/{role}")
        assert "uses some/other-model. " in (await scene.posts(state.id))[-1]


async def test_model_alone_shows_what_each_role_uses(room: Room) -> None:
    async with room.engine(thinking) as scene:
        state = await scene.talk("a", "/model")
        said = (await scene.posts(state.id))[-1]
        for role in ("pm", "coder", "lead", "researcher", "artist"):
            assert f"**/{role} NAME**" in said


def test_ids_that_every_provider_takes_stay_and_all_others_get_one_name_each() -> None:
    def call(name: str) -> dict[str, object]:
        return {"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}}

    odd, long, fine = "functions.f:0", "toolu_01-A", "D681PevKs"
    said = Said(
        {"role": "assistant", "content": None, "tool_calls": [call(odd), call(long), call(fine)]}, "a/b"
    )
    results = [{"role": "tool", "tool_call_id": name, "content": name} for name in (odd, long, fine)]
    assert fitted([said, *results], "a/b") == [said, *results]
    assert fitted([said, *results], "a/b")[0] is said, "what is sent before is not made anew"
    there, *back = fitted([said, *results], "c/d")
    ids = [c["id"] for c in there["tool_calls"]]
    assert [m["tool_call_id"] for m in back] == ids
    assert ids[2] == fine
    assert len(set(ids)) == 3
    assert all(len(name) == 9 and name.isascii() and name.isalnum() for name in ids), "as Mistral wants them"
    assert fitted([said, *results], "c/d") == [there, *back], "equal calls are equal bytes"


async def test_a_fallback_is_another_voice_too(room: Room) -> None:
    """What ``says`` gives has the author twin/m, whoever was asked."""
    async with room.engine(lambda _: _said()) as scene:
        await scene.talk("a", "one")
        await scene.talk("a", "two")
        assert [type(m) for m in scene.asked[-1].messages if m["role"] == "assistant"] == [dict]


async def _said() -> ModelReply:
    return says("well")
