"""Prices, token estimates, retry wishes and the assembler: the small parts of the model room."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codebutler.config import load_config
from codebutler.models.assemble import Assembler
from codebutler.models.bill import Told
from codebutler.models.faults import retry_after
from codebutler.models.foreign import Thoughtful
from codebutler.models.prices import price
from codebutler.models.routing import Router
from codebutler.models.tokens import Meter, Sizes, estimate_text
from codebutler.types import Usage


@pytest.mark.parametrize(
    "model",
    ["anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4-5-20250929",
     "claude-sonnet-4-5", "lab/anthropic/claude-sonnet-4.5", "Anthropic/Claude-Sonnet-4.5"],
)  # fmt: skip
def test_a_model_is_found_in_each_of_its_spellings(model: str) -> None:
    found = price(model)
    assert found is not None
    assert (found.input, found.cached, found.output, found.context) == (3.0, 0.3, 15.0, 200_000)


def test_the_models_of_the_shipped_roles_have_prices() -> None:
    from codebutler.agent.roles import load_role, shipped_names

    for name in shipped_names():
        role = load_role(name)
        for model in (role.model, *role.fallbacks, *role.pool.values()):
            assert price(model) is not None, f"{name}: {model}"


@pytest.fixture
def router(tmp_path: Path) -> Router:
    return Router(load_config(None, home=tmp_path, env={"OPENROUTER_API_KEY": "k"}))


def test_costs(router: Router) -> None:
    usage = Usage(input=1_000_000, output=100_000, cached=400_000)
    assert router.cost("openai/gpt-4o-mini", usage) == pytest.approx(0.6 * 0.15 + 0.4 * 0.075 + 0.06)
    assert router.worst_case("openai/gpt-4o-mini", 1_000_000, 100_000) == pytest.approx(0.15 + 0.06)
    assert router.cost("openai/gpt-4o-mini", Usage(input=5, cached=50)) == pytest.approx(5 * 0.075e-6)
    assert router.cost("moonshotai/kimi-k2:free", usage) == 0.0


def test_what_goes_into_a_prompt_cache_has_its_own_price(router: Router) -> None:
    usage = Usage(input=1_000_000, cached=400_000, written=500_000)
    assert router.cost("anthropic/claude-sonnet-4-5", usage) == pytest.approx(
        0.1 * 3 + 0.4 * 0.3 + 0.5 * 3.75
    )
    assert router.worst_case("anthropic/claude-sonnet-4-5", 1_000_000, 0) == pytest.approx(3.75)
    odd = Usage(input=10, cached=8, written=50)
    assert router.cost("anthropic/claude-sonnet-4-5", odd) == pytest.approx((8 * 0.3 + 2 * 3.75) / 1e6)
    assert router.cost("openai/gpt-4o-mini", usage) == pytest.approx(0.6 * 0.15 + 0.4 * 0.075)
    assert router.cost("anthropic/claude-sonnet-4-5:free", usage) == 0.0


@pytest.mark.parametrize(
    "told",
    [
        {"prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 5}},
        {"prompt_tokens_details": {"cached_tokens": 3}, "cache_creation_input_tokens": 5},
        {
            "prompt_tokens_details": {"cached_tokens": 3, "cache_creation_tokens": 5},
            "cache_write_tokens": "x",
        },
    ],
)
def test_who_says_in_which_words_what_went_into_the_cache(told: dict[str, Any]) -> None:
    assembler = Assembler()
    assembler.feed({"usage": {"prompt_tokens": 9, "completion_tokens": 1, **told}})
    assert assembler.told == Told(input=9, output=1, cached=3, written=5)


def test_an_unknown_model_costs_nothing_that_is_known(router: Router) -> None:
    assert (router.price("qwen3:8b"), router.cost("scripted", Usage(input=9))) == (None, None)
    assert router.worst_case("scripted", 9, 9) == 0.0


def test_estimates_are_near_and_grow_with_the_text() -> None:
    assert 900 < estimate_text("word " * 800) < 1300
    assert estimate_text("") == 0
    assert estimate_text("漢字" * 100) > estimate_text("ab" * 100)
    call = {"id": "a", "function": {"name": "read", "arguments": "x" * 360}}
    assert 100 < Sizes().estimate([{"role": "assistant", "content": None, "tool_calls": [call]}]) < 160
    image = {"type": "image_url", "image_url": {"url": "data:" + "x" * 100_000}}
    assert Sizes().estimate([{"role": "user", "content": [image, {"type": "text", "text": "hi"}]}]) < 2000
    assert Sizes().estimate([], [{"x": "y" * 360}]) > 100


@given(st.lists(st.text(max_size=200), max_size=5))
def test_a_longer_transcript_is_never_estimated_lower(texts: list[str]) -> None:
    messages = [{"role": "user", "content": t} for t in texts]
    assert Sizes().estimate(messages) <= Sizes().estimate([*messages, {"role": "user", "content": ""}])


def test_a_transcript_that_grows_is_counted_once_and_like_a_new_one() -> None:
    texts: list[str] = []

    def count(text: str) -> int:
        texts.append(text)
        return len(text)

    sizes, tools = Sizes(), [{"name": "read"}]
    transcript = [{"role": "user", "content": f"said {n}"} for n in range(6)]
    for end in (1, 2, 6):
        request = [{"role": "system", "content": "rules"}, *transcript[:end]]
        assert sizes.estimate(request, tools, count) == Sizes().estimate(request, tools, len)
    assert [text for text in texts if text.startswith("said")] == [f"said {n}" for n in range(6)]
    assert len([text for text in texts if "read" in text]) == 1
    summary = [{"role": "user", "content": "so far"}, *transcript[4:]]
    for shown in (summary, transcript[:3], [transcript[0], *transcript[4:]]):
        request = [{"role": "system", "content": "rules"}, *shown]
        assert sizes.estimate(request, tools, count) == Sizes().estimate(request, tools, len)


def test_the_meter_rises_at_once_falls_slowly_and_stays_within_bounds() -> None:
    meter = Meter()
    meter.observe(1000, 5_000)
    assert meter.correct(1000) == 5000, "the next reservation holds enough"
    meter.observe(10, 400)
    meter.observe(1000, 0)
    assert meter.correct(1000) == 5000
    meter.observe(1000, 1_000)
    assert meter.correct(1000) == 3800
    meter.observe(1000, 1_000_000)
    assert meter.correct(1000) == 8000
    small = Meter()
    small.observe(300, 30_000)
    assert small.correct(1000) == 2000, "most of that was no text of ours"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Sat, 21 Nov 2026 06:00:10 GMT"}, 10.0),
        ({"retry-after": "Sat, 21 Nov 2020 06:00:10 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_a_providers_wish_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=1795240800.0) == seconds


def assembled(*pieces: Any) -> Assembler:
    told = Assembler()
    for calls in pieces:
        told.feed({"choices": [{"delta": {"tool_calls": [calls]}}]})
    return told


def part(arguments: Any = None, name: str | None = None, **more: Any) -> dict[str, Any]:
    return {"function": {"arguments": arguments, "name": name}, **more}


CALLS = {
    "no index, ids": [part("{", "a", id="1"), part("}", id="1"), part("{}", "b", id="2")],
    "no index, no ids": [part("{", "a"), part("}"), part("{}", "b")],
    "no index, id at the head only": [part("{", "a", id="1"), part("}"), part("{}", "b", id="2")],
    "index": [part("{", "a", id="1", index=0), part("{}", "b", id="2", index=1), part("}", index=0)],
    "one index for all": [part("{}", "a", id="1", index=0), part("{}", "b", id="2", index=0)],
    "name said again": [
        part("{", "a", id="1", index=0),
        part("}", "a", id="1", index=0),
        part("{}", "b", index=1),
    ],
    "the same id twice": [part("{}", "a", id="1", index=0), part("{}", "b", id="1", index=1)],
    "arguments as an object": [part({}, "a", index=0), part({}, "b", index=1)],
    "no arguments": [part(None, "a", index=0), part("", "b", index=1)],
    "an empty call among them": [part("{}", "a", index=0), part("", index=7), part("{}", "b", index=1)],
}


@pytest.mark.parametrize("pieces", CALLS.values(), ids=CALLS)
def test_tool_calls_of_every_dialect(pieces: list[Any]) -> None:
    calls = assembled(*pieces).calls()
    assert [(c.name, c.arguments) for c in calls] == [("a", "{}"), ("b", "{}")]
    assert len({c.id for c in calls}) == 2
    assert all(c.id for c in calls)


@given(st.data())
def test_arguments_split_anywhere_come_together(data: st.DataObject) -> None:
    arguments = json.dumps({"path": "src/ä.py", "edits": [{"old": 'x "y"', "new": "\n"}]}, ensure_ascii=False)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arguments)), max_size=8)))
    bounds = [0, *cuts, len(arguments)]
    slices = [arguments[a:b] for a, b in pairwise(bounds)]
    told = assembled(part("", "edit", id="1", index=0), *(part(s, index=0) for s in slices))
    assert told.calls()[0].arguments == arguments


def test_what_signs_a_call_is_kept_for_it() -> None:
    told, signed = Assembler(), {"google": {"thought_signature": "c2ln"}}
    extras: list[Any] = [signed, None, "odd"]
    calls = [
        {"index": n, "id": f"c{n}", "function": {"name": "read", "arguments": "{}"}, "extra_content": extra}
        for n, extra in enumerate(extras)
    ]
    told.feed({"choices": [{"delta": {"tool_calls": calls}}]})
    assert told.reasoning == {"extra_content": [signed, {}, {}]}


def test_reasoning_blocks_are_joined_by_their_index() -> None:
    told = Assembler()
    for detail in (
        {"type": "reasoning.text", "index": 0, "text": "a"},
        {"type": "reasoning.text", "index": 0, "text": "b", "signature": None},
        {"type": "reasoning.text", "index": 0, "signature": "s"},
        {"type": "reasoning.encrypted", "index": 1, "data": "z"},
        "odd",
    ):
        told.feed({"choices": [{"delta": {"reasoning": "ab", "reasoning_details": [detail]}}]})
    assert told.reasoning == {
        "reasoning_details": [
            {"type": "reasoning.text", "index": 0, "text": "ab", "signature": "s"},
            {"type": "reasoning.encrypted", "index": 1, "data": "z"},
        ]
    }


WORDS = (
    *("choices", "delta", "message", "tool_calls", "function", "arguments", "name", "id", "index", "content"),
    *("usage", "cost", "reasoning_details", "type", "text", "finish_reason", "extra_content"),
)
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    LEAF,
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(WORDS), x, max_size=4),
    max_leaves=20,
)


@given(st.lists(JSON, max_size=4))
def test_no_json_can_break_the_assembler(chunks: list[Any]) -> None:
    told = Assembler()
    for chunk in chunks:
        told.feed(chunk)
        told.feed({"choices": [{"delta": chunk, "finish_reason": chunk}], "usage": chunk})
        told.feed(
            {"choices": [{"delta": {"tool_calls": [chunk], "reasoning_details": [chunk], "content": chunk}}]}
        )
    assert isinstance(told.text, str)
    assert len({c.id for c in told.calls()}) == len(told.calls({"x"}))
    assert told.told.usd is None or told.told.usd >= 0


@pytest.mark.parametrize(
    "body",
    [
        *([{"choices": each}] for each in (5, "x", [5], {"a": 1}, [{"delta": 5}], [{"message": [1]}])),
        *([{"choices": [{"delta": {"thinking_blocks": each}}]}] for each in (5, "x", {"a": 1}, ["x", [1]])),
        *([each] for each in ("text", [1], 5, None)),
    ],
    ids=repr,
)
def test_behind_litellm_a_body_of_any_form_breaks_nothing(body: list[Any]) -> None:
    """What came in place of a stream is looked at as the server sent it."""
    told = Thoughtful()
    assert told.feed(body[0]) == ""
    assert told.reasoning is None


def test_signed_thoughts_come_in_pieces_and_stay_as_they_are() -> None:
    told = Thoughtful()
    for block in (
        {"type": "thinking", "thinking": "Let me", "index": 0},
        {"type": "thinking", "thinking": 5},
        {"type": "thinking", "thinking": " look.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "c2Vj"},
    ):
        told.feed({"choices": [{"delta": {"thinking_blocks": [block]}}]})
    first, second = (told.reasoning or {})["thinking_blocks"]
    assert (first["thinking"], first["signature"]) == ("Let me look.", "c2ln")
    assert second == {"type": "redacted_thinking", "data": "c2Vj"}
