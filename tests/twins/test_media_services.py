"""Pictures and transcripts from the real client against a server that speaks the real endpoints."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from codebutler.config import load_config
from codebutler.errors import ConfigError, ModelRefused, ModelUnavailable, UsageError
from codebutler.filetypes import Shape
from codebutler.models import images, mediaprices, speech
from codebutler.models.images import Order, Source
from codebutler.models.media import Service, service
from codebutler.testing.media import MediaTwin, png, voice
from codebutler.testing.scripted import ScriptedModel

KEY = "sk-canary-0123456789abcdefghij"
ORDER = Order("A red kite", size="32x16")


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel("question") as server:
        yield server


@pytest.fixture
def twin(server: ScriptedModel) -> MediaTwin:
    return server.media


@pytest.fixture
def reached(server: ScriptedModel, tmp_path: Path) -> Callable[..., Service]:
    """The service of a host whose OPENAI_BASE_URL is the server, with more variables and flags."""

    def reach(what: Any = "images", **flags: Any) -> Service:
        env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY}
        return service(load_config(None, home=tmp_path, env=env, repo_text="", flags=flags), what)

    return reach


async def test_a_picture_is_drawn_and_paid_by_its_tokens(
    reached: Callable[..., Service], twin: MediaTwin
) -> None:
    use = reached()
    order = Order("A red kite", size="32x16", quality="low", background="transparent", form="webp")
    drawn = await images.draw(use, order)
    assert (drawn.data, drawn.shape) == (png(32, 16, "A red kite"), Shape("image/png", 32, 16))
    assert drawn.usd == pytest.approx((50 * 5 + 1056 * 30) / 1e6)
    assert images.worst_case(use, order) < images.worst_case(use, Order("A red kite"))
    assert twin.sent[0].fields == {
        "model": "gpt-image-2.5-sunburst", "prompt": "A red kite", "n": 1, "size": "32x16", "quality": "low",
        "background": "transparent", "output_format": "webp",
    }  # fmt: skip
    assert twin.sent[0].key == f"Bearer {KEY}"


async def test_pictures_are_edited_with_a_mask(reached: Callable[..., Service], twin: MediaTwin) -> None:
    first, second = (Source(name, png(4, 4, name), "image/png") for name in ("a.png", "b.jpeg"))
    order = Order("Join them", sources=(first, second), mask=first)
    await images.draw(reached(), order)
    assert [(name, file) for name, file, _ in twin.sent[0].files] == [
        ("image[]", "a.png"), ("image[]", "b.png"), ("mask", "a.png"),
    ]  # fmt: skip
    assert twin.sent[0].files[0][2] == first.data


async def test_other_models_get_only_what_they_know(server: ScriptedModel, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        f'{{"images": {{"baseUrl": "{server.url}", "model": "sdxl-turbo"}}}}'
    )
    (tmp_path / "config.json").chmod(0o600)
    config = load_config(None, home=tmp_path, env={"OPENAI_API_KEY": KEY}, repo_text="")
    drawn = await images.draw(service(config, "images"), Order("A kite", quality="high"))
    assert drawn.usd is None
    sent = server.media.sent[0]
    assert sent.fields == {"model": "sdxl-turbo", "prompt": "A kite", "n": 1, "response_format": "b64_json"}
    assert KEY not in sent.key  # a key goes only to the server that it was given for


def test_without_any_service_there_is_one_message_with_the_fix(tmp_path: Path) -> None:
    config = load_config(None, home=tmp_path, env={"OPENROUTER_API_KEY": KEY}, repo_text="")
    with pytest.raises(ConfigError, match=r"pictures can be drawn\. Set OPENAI_API_KEY, or images\.apiKey"):
        service(config, "images")
    with pytest.raises(ConfigError, match=r"transcribed\. Set OPENAI_API_KEY, or speech\.apiKey"):
        service(config, "speech")


def _row(**row: object) -> dict[str, object]:
    return {"data": [row]}


BAD: list[tuple[int, Any, str]] = [
    (400, {"error": {"code": "moderation_blocked", "message": "Rejected by the safety system."}},
     "declines to draw this under its content policy"),
    (401, {"error": {"message": "Incorrect API key"}}, "does not accept the API key.*OPENAI_API_KEY"),
    (402, {"error": {"message": "pay"}}, "no credit"),
    (403, {"error": {"message": "verify your organization"}}, "does not allow this"),
    (404, "404 page not found", "knows neither"),
    (307, "", "sends us elsewhere"),
    (200, "<html><title>Login</title></html>", "web page: Login"),
    (200, "[]", "no JSON object"),
    (200, b"\x89PNG", "no JSON"),
    (200, {"data": []}, "without a picture"),
    (200, _row(b64_json=7), "not base64"),
    (200, _row(b64_json="!!"), "not base64"),
    (200, _row(url="http://169.254.169.254/x"), "link in place of a picture"),
    (200, _row(b64_json=base64.b64encode(b"<svg onload=x>").decode()), "no whole PNG, JPEG, WebP or GIF"),
    (200, _row(b64_json=base64.b64encode(png(9, 9)[:-6]).decode()), "no whole PNG"),
    (200, _row(b64_json=base64.b64encode(png(9000, 1)).decode()), "too large: 9000x1"),
    (200, "x" * (23 * 1024 * 1024), "more than 21 MB"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "said"), BAD, ids=[said for _, _, said in BAD])
async def test_refusals_are_said_plainly_and_not_repeated(
    reached: Callable[..., Service], twin: MediaTwin, status: int, body: Any, said: str
) -> None:  # fmt: skip
    twin.faults = [(status, body)]
    with pytest.raises(ModelRefused, match=said) as caught:
        await images.draw(reached(), ORDER, pauses=(0, 0))
    assert len(twin.sent) == 1
    assert KEY not in str(caught.value)


async def test_a_picture_may_come_as_a_data_address(reached: Callable[..., Service], twin: MediaTwin) -> None:
    twin.faults = [(200, _row(b64_json="data:image/png;base64," + base64.b64encode(png(9, 9)).decode()))]
    assert (await images.draw(reached(), ORDER)).data == png(9, 9)


async def test_what_did_nothing_is_tried_again(reached: Callable[..., Service], twin: MediaTwin) -> None:
    twin.faults = [(429, "slow down"), (200, {"error": {"code": 503, "message": "busy"}})]
    await images.draw(reached(), ORDER, pauses=(0, 0))
    assert len(twin.sent) == 3
    twin.faults = [(503, "busy")] * 3
    with pytest.raises(ModelUnavailable, match="busy") as caught:
        await images.draw(reached(), ORDER, pauses=(0, 0))
    assert not caught.value.paid


@pytest.mark.parametrize(
    ("status", "body"), [*((s, "oh") for s in (408, 409, 500, 502, 504)), (200, {"error": {"code": 500}})]
)
async def test_what_may_have_been_made_is_paid_for_once(
    reached: Callable[..., Service], twin: MediaTwin, status: int, body: Any
) -> None:
    twin.faults = [(status, body)]
    with pytest.raises(ModelUnavailable, match="may have been paid for") as caught:
        await images.draw(reached(), ORDER, pauses=(0, 0))
    assert (caught.value.paid, len(twin.sent)) == (True, 1)


async def test_a_connection_that_is_cut_after_the_request_is_not_made_again(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n"))
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    async with server:
        env = {"OPENAI_BASE_URL": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"}
        use = service(load_config(None, home=tmp_path, env=env, repo_text=""), "images")
        with pytest.raises(ModelUnavailable, match=r"broke the connection.*may have been paid for") as caught:
            await images.draw(use, ORDER, pauses=(0, 0))
    assert (caught.value.paid, len(asked)) == (True, 1)


async def test_a_server_that_is_not_there_or_silent_is_named(tmp_path: Path) -> None:
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    use = service(load_config(None, home=tmp_path, env=env, repo_text=""), "images")
    with pytest.raises(ModelUnavailable, match=r"http://127\.0\.0\.1:9/v1 cannot be reached"):
        await images.draw(use, ORDER, pauses=(0,))


async def test_a_silent_service_is_left_after_its_seconds_and_may_have_been_paid(
    reached: Callable[..., Service], twin: MediaTwin
) -> None:
    twin.faults = [(429, "slow down")]
    with pytest.raises(ModelUnavailable) as caught:
        await images.draw(reached(), ORDER, pauses=())
    assert not caught.value.paid
    twin.hold = asyncio.Event()
    use = reached(**{"images.seconds": 1.5})
    with pytest.raises(ModelUnavailable, match=r"gave no answer within 1\.5 s") as caught:
        await images.draw(use, ORDER)
    twin.hold.set()
    assert caught.value.paid
    assert len(twin.sent) == 2


async def test_a_recording_becomes_text(reached: Callable[..., Service], twin: MediaTwin) -> None:
    use, data = reached("speech"), voice("Add a note, please.")
    heard = await speech.transcribe(use, data, "audio/ogg")
    assert heard.text == "Add a note, please."
    assert heard.usd == pytest.approx(0.006)
    assert speech.worst_case(use, b"\0" * 90_000) == pytest.approx(0.006)
    assert twin.sent[0].files == [("file", "voice.ogg", data)]
    assert twin.sent[0].fields["model"] == "gpt-transcribe"


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        ({"type": "tokens", "input_tokens": 1000, "output_tokens": 100}, 0.0035),
        ({"type": "duration", "seconds": 30}, 0.003),
        ({"type": "duration", "seconds": float("inf")}, None),
        ({"input_tokens": -5, "seconds": "many"}, None),
    ],
)
def test_a_transcript_costs_what_was_counted(usage: dict[str, Any], usd: float | None) -> None:
    counted = (images.count(usage, "input_tokens"), images.count(usage, "output_tokens"))
    seconds = speech._seconds(usage)
    found = mediaprices.heard("gpt-4o-transcribe", seconds=seconds, tokens=counted if counted[0] else None)
    assert found == (None if usd is None else pytest.approx(usd))


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        ({"type": "tokens", "input_tokens": 9_000, "output_tokens": 2_000}, 0.06),
        ({"type": "duration", "seconds": "600"}, 0.06),
        ({"type": "duration", "seconds": True}, 0.06),
        ({"type": "duration", "seconds": 0}, 0.06),
        ({"type": "duration", "seconds": 900_000}, 0.06),
        ({"type": "duration", "seconds": 300}, 0.03),
        ({"type": "duration", "seconds": 0.001}, 0.06),
        (None, 0.06),
    ],
    ids=str,
)
@pytest.mark.parametrize("model", ["gpt-transcribe", "whisper-1"])
def test_a_transcript_of_known_price_never_counts_as_nothing(model: str, usage: Any, usd: float) -> None:
    data = b"\0" * 900_000
    counted = (images.count(usage, "input_tokens"), images.count(usage, "output_tokens"))
    found = mediaprices.paid_for_hearing(
        model, data, seconds=speech._seconds(usage or {}), tokens=counted if counted[0] else None
    )
    assert found == pytest.approx(usd)
    assert mediaprices.paid_for_hearing("sherpa", data, seconds=9.0, tokens=None) is None


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, (11, 0, 6_240)),
        ({"input_tokens": 50, "output_tokens": "6240"}, (0, 50, 6_240)),
        ({"input_tokens": 50, "output_tokens": 900_000_000}, (0, 50, 6_240)),
        ({"input_tokens": -1, "output_tokens": 1_056}, (11, 0, 1_056)),
        ({"input_tokens": 50, "output_tokens": 1}, (0, 50, 6_240)),
        ({"input_tokens": 50, "output_tokens": 272}, (0, 50, 272)),
        ({"input_tokens": 900_000, "output_tokens": 1_056}, (11, 0, 1_056)),
        ({"input_tokens": 50, "input_tokens_details": {"text_tokens": 50}, "output_tokens": 8_000},
         (50, 0, 8_000)),
    ],
    ids=str,
)  # fmt: skip
async def test_a_picture_of_known_price_never_counts_as_nothing(
    reached: Callable[..., Service], twin: MediaTwin, usage: Any, tokens: tuple[int, int, int]
) -> None:
    twin.faults = [(200, {"data": [{"b64_json": base64.b64encode(png(8, 8, "x")).decode()}], "usage": usage})]
    drawn = await images.draw(reached(), Order("A red kite!"))
    assert (drawn.used.text, drawn.used.pictures, drawn.used.output) == tokens
    assert drawn.usd == pytest.approx((tokens[0] * 5 + tokens[1] * 8 + tokens[2] * 30) / 1e6)


async def test_what_no_service_takes_is_not_sent(reached: Callable[..., Service], twin: MediaTwin) -> None:
    with pytest.raises(UsageError, match="no recording"):
        await speech.transcribe(reached("speech"), b"hello", "text/plain")
    with pytest.raises(UsageError, match="25 MB"):
        await speech.transcribe(reached("speech"), b"\0" * (26 << 20), "audio/ogg")
    assert twin.sent == []


async def test_a_transcript_without_end_is_capped(reached: Callable[..., Service]) -> None:
    heard = await speech.transcribe(reached("speech"), voice("la " * 10_000), "audio/ogg")
    assert len(heard.text) < speech.TEXT + 100
    assert "characters left out" in heard.text


@pytest.mark.parametrize("said", ["Add a function g.", "42"])
async def test_a_transcript_may_come_in_plain_text(
    reached: Callable[..., Service], twin: MediaTwin, said: str
) -> None:
    twin.faults = [(200, f" {said}\n")]
    assert (await speech.transcribe(reached("speech"), voice("x"), "audio/ogg")).text == said


async def test_spoiled_json_is_no_transcript(reached: Callable[..., Service], twin: MediaTwin) -> None:
    twin.faults = [(200, b"Add a function g.")]
    with pytest.raises(ModelRefused, match="no JSON"):
        await speech.transcribe(reached("speech"), voice("x"), "audio/ogg")
