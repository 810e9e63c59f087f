"""Roles and people in one thread: who gets which words, and what must not get out."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from codebutler.events import EscalationAnswered, MessageTaken, Posted
from codebutler.testing.doubles import Asked, Door, Mind, says
from codebutler.types import ModelReply, ToolCall

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

CANARY = "sk-canary-0123456789abcdefghij"
PLAN = {"title": "Add a note", "summary": "One line.", "steps": [{"text": "Write it"}], "files": ["NOTE"]}


def call(name: str, /, **arguments: object) -> ToolCall:
    return ToolCall(id=f"call_{name}", name=name, arguments=json.dumps(arguments))


def team(*, pm: Mind | None = None, coder: list[ModelReply], leak: str = "") -> Mind:
    """A PM that proposes the plan first (then ``pm`` answers), a Coder by script, a Lead that sums up."""
    left = list(coder)

    async def mind(asked: Asked) -> ModelReply:
        said = [m for m in asked.messages if m["role"] == "assistant"]
        if asked.role == "pm":
            if said and pm is not None:
                return await pm(asked)
            return says("", call("propose_plan", **PLAN))
        if asked.role == "coder":
            return left.pop(0)
        if said:
            return says(f"That is all {leak}.".strip())
        return says(
            "", call("write_summary", title="Add a note", summary=f"A note. {leak}", changes=["NOTE"])
        )

    return mind


async def test_words_of_a_person_do_not_become_the_pms_answer_to_the_coder(room: Room) -> None:
    """They come in while the PM answers the Coder: each gets an answer of its own."""
    answering = asyncio.Event()
    go_on = asyncio.Event()

    async def pm(asked: Asked) -> ModelReply:
        if "asks you" in asked.heard:
            answering.set()
            await go_on.wait()
            return says("Use tabs.")
        return says("It is nearly done.")

    coder = [
        says("", call("ask_pm", question="Tabs or spaces?")),
        says("", call("write", path="NOTE", content="noted\n")),
        says("Wrote it."),
    ]
    async with room.engine(team(pm=pm, coder=coder)) as scene:
        thread = (await scene.talk("a", "Add a note")).id
        await scene.say("a", "go")
        await scene.until(answering)
        await scene.say("a", "How far are you?")
        go_on.set()
        state = await scene.rest(thread)
        events = await scene.events(thread)
        assert [e.text for e in events if isinstance(e, EscalationAnswered)] == ["Use tabs."]
        assert state.pr is not None
        taken = [e for e in events if isinstance(e, MessageTaken) and "How far" in e.content]
        assert [e.frame for e in taken] == ["coder-1"]  # the Coder is at work, so it hears them
        posts = [e.post for e in events if isinstance(e, Posted)]
        assert "Use tabs." not in [p.text for p in posts]


async def test_a_secret_that_a_model_repeats_gets_out_nowhere(room: Room) -> None:
    room.env["OPENAI_API_KEY"] = CANARY
    coder = [
        says("", call("bash", command=f"echo {CANARY} {CANARY[::-1]}")),
        says("", call("write", path="NOTE", content="noted\n")),
        says("", call("notify", text=f"The key is {CANARY}")),
        says("", call("create_pr", title=f"Add a note {CANARY}", body=f"With {CANARY}")),
        says(f"Done with {CANARY}."),
    ]
    door = Door()
    async with room.engine(team(coder=coder, leak=CANARY), door) as scene:
        await scene.talk("a", "Add a note")
        await scene.talk("a", "go")
        state = await scene.talk("a", "merge")
        assert state.phase == "closed"
        await scene.engine.delivery.flush(force=True)
    assert any(CANARY[::-1] in str(m) for asked in scene.asked for m in asked.messages)
    results = [m["content"] for asked in scene.asked for m in asked.messages if m["role"] == "tool"]
    assert CANARY not in str(results)
    assert len(door.texts("a")) == 4, door.texts("a")  # plan, note, pull request, report
    assert CANARY not in str(door.shown)
    cards = [shown.message.text for shown in door.shown if shown.message.slot == "status"]
    assert cards[-1].startswith("**closed** · ")
    assert "PR #1 merged · $" in cards[-1]
    landed = subprocess.run(
        ["git", "-C", str(room.sample.remote), "log", "-p", "--all", "--format=%an %ae %s %b"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "journals/thread-" in landed
    assert "calls `bash`" in landed
    assert CANARY not in landed


@pytest.mark.parametrize("text", ["half a smiley \ud83d", "\udfff", "nul \x00 and bell \x07"])
async def test_odd_characters_of_a_model_do_not_break_the_thread(room: Room, text: str) -> None:
    async def mind(asked: Asked) -> ModelReply:
        return says(text) if asked.heard == "robin: hello?" else says("", call("propose_plan", **plan))

    plan = {**PLAN, "summary": text}

    async with room.engine(mind) as scene:
        state = await scene.talk("a", "hello")
        assert state.outcome == "plan"
        assert state.plan is not None
        assert state.plan.plan.summary == text.encode("utf-8", "replace").decode()
        assert (await scene.talk("a", "hello?")).outcome == "plan"


@pytest.mark.parametrize("text", ["half a smiley \ud83d", "x" * 300_000])
async def test_odd_words_of_a_person_do_not_break_the_thread(room: Room, text: str) -> None:
    async def mind(_asked: Asked) -> ModelReply:
        return says("hm")

    async with room.engine(mind) as scene:
        assert (await scene.talk("a", text)).outcome == "answered"
