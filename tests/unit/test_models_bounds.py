"""Bounds on what one reply or recording can hold, and old forms of replies."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from codebutler.models import bill, mediaprices
from codebutler.models.assemble import MAX_CALLS, Assembler
from codebutler.models.client import OpenAIClient
from codebutler.models.prices import Price
from codebutler.testing.provider import Provider, piece, usage
from codebutler.types import Message

ASK: list[Message] = [{"role": "user", "content": "hello"}]
PRICE = Price(input=3.0, cached=0.3, output=15.0, context=200_000, max_output=0)


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def wav(
    *chunks: bytes, kind: int = 1, channels: int = 1, samples: int = 8_000, bits: int = 16, lie: int = 0
) -> bytes:
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, samples, lie or samples * block, block, bits)
    body = b"".join(chunks) + chunk(b"fmt ", form) + chunk(b"data", bytes(960_000))
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (wav(), 60),
        (wav(channels=2, samples=48_000), 5),
        (wav(chunk(b"bext", b"Interview recorded on a Monday ")), 60),
        (wav(chunk(b"JUNK", b"x" * 27), chunk(b"LIST", b"INFO")), 60),
        (wav(lie=1_900_000_000), 640),
        (wav(samples=400_000_000), 640),
        (wav(channels=2_000), 640),
        (wav(kind=2), 640),
        (b"RIFF\0\0\0\0WEBP" + b"\xff" * 960_000, 640),
        (b"RIFF\0\0\0\0WAVE" + bytes(960_000), 640),
        (b"RIFF\0\0\0\0WAVEfmt \x10", 0),
        (b"\xff\xfb" + bytes(960_000), 640),
    ],
)
def test_a_header_cannot_make_a_recording_short(data: bytes, seconds: float) -> None:
    assert mediaprices.longest(data) == pytest.approx(seconds, rel=0.01, abs=0.1)


def test_a_service_knows_better_than_a_header_how_long_it_is() -> None:
    data = wav(channels=2, samples=48_000, bits=32)
    paid = mediaprices.paid_for_hearing("whisper-1", data, seconds=600.0, tokens=None)
    assert paid == pytest.approx(0.06)
    impossible = mediaprices.paid_for_hearing("whisper-1", data, seconds=9_000.0, tokens=None)
    assert impossible == pytest.approx(mediaprices.worst_heard("whisper-1", data))


def test_a_reply_without_end_costs_what_a_model_can_write() -> None:
    assert bill.bounded(10_000_000, 4_000, PRICE) == 32_000
    assert bill.bounded(900, 10, None) == 900
    assert bill.bounded(3_000, 4_000, PRICE) == 3_000


async def test_it_counts_so_much_only(server: Provider, client: OpenAIClient) -> None:
    client._router.know("tiny", PRICE)
    server.handler = Provider.events(piece(content="word " * 400_000), piece(finish="stop"))
    reply = await client.complete(model="tiny", messages=ASK, tools=[], max_output=1_000, role="pm")
    assert reply.usage.output == 8_000


@pytest.mark.parametrize("named", [{"index": True}, {"index": True, "id": True}, {"id": True}, {}])
def test_calls_beyond_the_bound_do_not_count(named: dict[str, Any]) -> None:
    told = Assembler()
    for number in range(MAX_CALLS + 50):
        marks = {key: number if key == "index" else f"c{number}" for key in named}
        told.feed(piece(tool_calls=[{**marks, "function": {"name": "read", "arguments": '{"n":'}}]))
        told.feed(piece(tool_calls=[{**marks, "function": {"arguments": f"{number}}}"}}]))
    calls = told.calls()
    assert [c.arguments for c in calls] == [f'{{"n":{n}}}' for n in range(MAX_CALLS)]


@pytest.mark.parametrize(
    ("pieces", "content", "calls"),
    [
        ([piece(refusal="I cannot"), piece(refusal=" help.", finish="stop")], "I cannot help.", []),
        (
            [
                piece(function_call={"name": "read", "arguments": '{"pa'}),
                piece(function_call={"arguments": 'th": "a"}'}),
                piece(finish="function_call"),
            ],
            "",
            [("read", '{"path": "a"}')],
        ),
    ],
)
async def test_forms_of_a_reply_beside_the_usual_one(
    server: Provider, client: OpenAIClient, pieces: list[Any], content: str, calls: list[tuple[str, str]]
) -> None:
    server.handler = Provider.events(*pieces, usage(10, 10))
    reply = await client.complete(model="tiny", messages=ASK, tools=[], max_output=100, role="pm")
    assert (reply.content, [(c.name, c.arguments) for c in reply.tool_calls]) == (content, calls)
    assert reply.finish == ("tool_calls" if calls else "stop")
