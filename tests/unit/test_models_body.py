"""Requests as bytes: equal calls are equal, a longer transcript begins with the shorter one's bytes."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from codebutler.models.body import Bodies, dumps
from codebutler.models.endpoints import Endpoint
from codebutler.models.quirks import REASONING, SIGNED, Manners
from codebutler.types import Message

SYSTEM: Message = {"role": "system", "content": "You are\u2028 the PM."}
LIMIT = {"max_tokens": 5, "stream": True}


class Watched(dict[str, Any]):
    """A message that counts how often it is written."""

    written = 0

    def items(self) -> Any:
        self.written += 1
        return super().items()


def talk(count: int) -> list[Message]:
    return [Watched(role="user", content=f"{n} ä \ud800") for n in range(count)]


def written(bodies: Bodies, messages: list[Message], **more: Any) -> bytes:
    return bodies.body("m", messages, more.pop("tools", ()), LIMIT, **more)


def test_a_request_is_what_one_would_write_by_hand() -> None:
    tools = [{"type": "function", "function": {"name": "read"}}]
    assert json.loads(written(Bodies(), [SYSTEM], tools=tools)) == {
        "model": "m",
        "tools": tools,
        "messages": [SYSTEM],
        **LIMIT,
    }
    assert json.loads(written(Bodies(), []))["messages"] == []
    assert dumps({"a": "\ud800ä"}) == '{"a":"?ä"}'.encode()


def test_each_message_is_written_once_however_often_it_is_sent() -> None:
    bodies, messages = Bodies(), talk(6)
    for end in (2, 2, 3, 5, 6, 6):
        sent = written(bodies, [dict(SYSTEM), *messages[:end]])
        assert sent == written(Bodies(), [SYSTEM, *(dict(m) for m in messages[:end])])
    assert [m.written for m in messages if isinstance(m, Watched)] == [1] * 6


def test_the_tools_of_a_turn_are_written_once_and_never_taken_for_others() -> None:
    bodies, tools = Bodies(), [Watched(name="read"), Watched(name="edit")]
    for _ in range(3):
        assert written(bodies, [SYSTEM], tools=[*tools]) == written(
            Bodies(), [SYSTEM], tools=[dict(t) for t in tools]
        )
    assert [t.written for t in tools] == [1, 1]
    for number in range(300):  # each in the place of one that has gone
        assert f'"name":"t{number}"'.encode() in written(bodies, [SYSTEM], tools=[{"name": f"t{number}"}])
    assert bodies.body("n", [SYSTEM], tools, LIMIT).startswith(b'{"model":"n"')
    assert written(bodies, [SYSTEM], tools=tools[:1]) == written(Bodies(), [SYSTEM], tools=[{"name": "read"}])


def test_what_is_sent_is_a_prefix_of_what_is_sent_next() -> None:
    bodies, messages = Bodies(), [SYSTEM, *talk(5)]
    sent = [written(bodies, messages[:end]) for end in range(1, 7)]
    tail = len(b"]," + dumps(LIMIT)[1:])
    assert all(later.startswith(sooner[:-tail]) for sooner, later in pairwise(sent))


def test_a_transcript_that_changed_before_its_end_is_written_anew() -> None:
    bodies, messages = Bodies(), talk(3)
    written(bodies, [SYSTEM, *messages])
    other = [SYSTEM, messages[0], {"role": "user", "content": "another"}]
    assert json.loads(written(bodies, other))["messages"][2]["content"] == "another"
    told = json.loads(written(bodies, [{"role": "system", "content": "new"}, *messages]))
    assert told["messages"][0]["content"] == "new"


def test_fields_that_a_server_must_not_see_are_left_out() -> None:
    bodies = Bodies()
    messages = [SYSTEM, {"role": "user", "content": "x"}, {"role": "assistant", "reasoning": "secret"}]
    assert b"secret" in written(bodies, messages)
    assert b"secret" not in written(bodies, messages, drops=frozenset(REASONING))
    assert b"secret" in written(bodies, messages)


def test_what_is_remembered_is_bounded() -> None:
    bodies, many = Bodies(kept=600), [[SYSTEM, *talk(9)] for _ in range(5)]
    for messages in many:
        written(bodies, messages)
    assert written(bodies, many[0]) == written(Bodies(), many[0])
    assert [m.written for m in many[0] if isinstance(m, Watched)] == [3] * 9, "it had gone"


@pytest.mark.parametrize(
    ("kind", "limit", "drops", "usage"),
    [
        ("openai", "max_completion_tokens", set(REASONING), None),
        ("openrouter", "max_tokens", {SIGNED}, {"include": True}),
        ("compatible", "max_tokens", {SIGNED}, None),
    ],
)
def test_the_table_of_dialects(kind: Any, limit: str, drops: Any, usage: Any) -> None:
    manners = Manners(Endpoint(kind, "x", "http://x"))
    options = manners.options(7)
    assert (options[limit], options.get("usage"), manners.drops) == (7, usage, drops)
    assert options["stream_options"] == {"include_usage": True}


def test_a_refusal_is_learnt_once_and_only_for_what_was_sent() -> None:
    manners = Manners(Endpoint("compatible", "x", "http://x"))
    no = "400: messages[2].reasoning_content: extra fields not permitted"
    assert not manners.learn(no, {"role", "content"})
    assert manners.learn(no, {"role", "reasoning_content"})
    assert manners.drops == {"reasoning_content", SIGNED}
    assert not manners.learn(no, {"role", "reasoning_content"})
    assert not manners.learn("stream_options is fine", set()), "nothing was refused"
    assert manners.learn("Unsupported parameter: 'max_tokens'", set())
    assert "max_completion_tokens" in manners.options(1)
