"""What a model gets of the pictures in a transcript."""

from __future__ import annotations

import json

import pytest

from codebutler.agent.frame import Frame
from codebutler.agent.pictures import picture_message, shown
from codebutler.config import load_config
from codebutler.events import ModelReplied, ToolFinished, parse
from codebutler.models.catalogue import Catalogue
from codebutler.models.routing import Router
from codebutler.types import Attachment, Message, ToolCall

SHOT = Attachment(name="read", sha256="ab12", media_type="image/png")


async def _load(sha: str) -> bytes | None:
    return {"ab12": b"small", "big": bytes(7 * 1024 * 1024)}.get(sha)


def _said(message: Message) -> str:
    return (
        message["content"]
        if isinstance(message["content"], str)
        else message["content"][1]["image_url"]["url"]
    )


async def test_the_first_ones_are_sent_as_far_as_a_request_may_go() -> None:
    big = SHOT.model_copy(update={"sha256": "big"})
    gone = SHOT.model_copy(update={"sha256": "none"})
    messages = [picture_message("read", each) for each in (SHOT, big, big, SHOT, gone)]
    said = [_said(message) for message in await shown(messages, _load, sees=True)]
    assert said[0] == said[3] == "data:image/png;base64,c21hbGw="
    assert said[1].startswith("data:image/png;base64,AAAA")
    assert said[2].endswith("There are too many pictures already to send this one.")
    assert said[4].endswith("It is no longer kept.")
    assert [_said(message) for message in messages] == [
        f"blob:image/png,{sha}" for sha in ("ab12", "big", "big", "ab12", "none")
    ]


async def test_other_messages_stay_themselves() -> None:
    messages: list[Message] = [
        {"role": "user", "content": "blob:image/png,ab12"},
        {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]},
        {"role": "assistant", "content": None},
    ]
    assert await shown(messages, _load, sees=True) == messages


def test_pictures_come_after_all_results_and_do_not_wake_a_role_that_waits() -> None:
    frame = Frame("f", "pm")
    calls = [ToolCall(id="a", name="read"), ToolCall(id="b", name="propose_plan")]
    frame.reply(ModelReplied(frame="f", step=1, model="m", tool_calls=calls))
    seen = ToolFinished(frame="f", call_id="a", name="read", text="shot", pictures=[SHOT])
    frame.result(seen, ends_turn=False)
    frame.result(ToolFinished(frame="f", call_id="b", name="propose_plan", text="shown"), ends_turn=True)
    assert [message["role"] for message in frame.messages] == ["assistant", "tool", "tool", "user"]
    assert not frame.due


def test_an_old_logs_picture_still_folds_and_is_not_shown() -> None:
    row = {"kind": "tool_finished", "frame": "f", "call_id": "a", "name": "read", "text": "shot"}
    old = parse(json.dumps({**row, "details": {"images": [{"media_type": "image/png", "data": "AAAA"}]}}))
    assert isinstance(old, ToolFinished)
    frame = Frame("f", "pm")
    frame.result(old, ends_turn=False)
    assert [message["role"] for message in frame.messages] == ["tool"]


@pytest.mark.parametrize(
    ("model", "sees"),
    [
        ("anthropic/claude-sonnet-4.5", True),
        ("openai/gpt-4o-mini", True),
        ("moonshotai/kimi-k2", False),
        ("somebody/unheard-of", False),
        ("qwen2.5vl:7b", True),
        ("qwen/qwen3-vl-8b", True),
        ("gemma3:12b", True),
        ("llava", True),
        ("qwen3:14b", False),
        ("mistral-small3.2", True),
    ],
)
def test_who_sees_by_the_table(model: str, sees: bool) -> None:
    config = load_config(None, env={"OPENROUTER_API_KEY": "k", "HOME": "/nonexistent"}, repo_text="")
    assert Router(config).sees(model) is sees


def test_a_servers_own_word_wins() -> None:
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "HOME": "/nonexistent"}
    router = Router(load_config(None, env=env, repo_text=""))
    router._catalogue = Catalogue("listed", ("own", "gpt-4o"), sight={"own": True, "gpt-4o": False})
    assert router.sees("own")
    assert not router.sees("gpt-4o")
