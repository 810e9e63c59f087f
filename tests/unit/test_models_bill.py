"""Which of a provider's figures are believed, and what stands in for the others."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from codebutler.models.assemble import Assembler
from codebutler.models.bill import Bill, Expected, Told, settled
from codebutler.models.prices import Price
from codebutler.testing.provider import piece
from codebutler.types import Usage

OURS = Usage(input=1_000, output=200)
PRICE = Price(input=3.0, cached=0.3, output=15.0, context=200_000, max_output=0, written=3.75)
LISTED = (1_000 * 3 + 200 * 15) / 1e6


def told(**usage: Any) -> Told:
    """What a stream's usage field says, as it comes over the wire."""
    assembler = Assembler()
    assembler.feed(json.loads(json.dumps({"usage": usage})))
    return assembler.told


def bill(price: Price | None = PRICE, ours: Usage = OURS, **usage: Any) -> Bill:
    return settled(told(**usage), Expected(ours, max_output=4_000, price=price, window=200_000))


@pytest.mark.parametrize("odd", [None, "5000", -5, True, 0, [9], 10**9, 10**400, 1e300, math.nan, math.inf])
def test_a_figure_that_is_none_is_replaced_by_itself(odd: Any) -> None:
    one, other = (
        bill(prompt_tokens=1_500, completion_tokens=odd),
        bill(prompt_tokens=odd, completion_tokens=900),
    )
    assert (one.usage.input, one.usage.output) == (1_500, 200)
    assert (other.usage.input, other.usage.output) == (1_000, 900)
    assert (one.counted, other.counted) == (True, False)


@pytest.mark.parametrize("field", ["prompt_tokens", "completion_tokens", "cost"])
@pytest.mark.parametrize("most", [9_999, 999_999_999, 10**400])
def test_what_cannot_be_is_told_and_counts_as_ours(field: str, most: int) -> None:
    usage: dict[str, Any] = {"prompt_tokens": 1_000, "completion_tokens": 200, field: most * 1_000}
    found = bill(**usage)
    assert found.impossible
    assert found.usd == pytest.approx(LISTED)
    assert not bill(prompt_tokens=1_000, completion_tokens=200, cost=0.5).impossible


def test_figures_may_be_higher_than_ours_within_reason() -> None:
    """Other tokenizers, dear pictures, thoughts that no limit counts, searches that cost extra."""
    found = bill(prompt_tokens=150_000, completion_tokens=30_000)
    assert (found.usage.input, found.usage.output, found.impossible) == (150_000, 30_000, False)
    thinker = Price(3.0, 3.0, 15.0, 200_000, max_output=64_000)
    assert bill(thinker, prompt_tokens=9, completion_tokens=64_000).usage.output == 64_000
    assert bill(None, prompt_tokens=1_000, completion_tokens=9, cost=2.0).usd == 2.0
    assert bill(None, prompt_tokens=1_000, completion_tokens=9, cost=99.0).usd is None
    assert settled(told(prompt_tokens=900_000), Expected(OURS, 9, None, 1_000_000)).usage.input == 900_000


def test_parts_of_the_prompt_are_no_more_than_all_of_it() -> None:
    found = bill(prompt_tokens=2_000, prompt_tokens_details={"cached_tokens": 900_000_000})
    assert (found.usage.cached, found.usage.written) == (2_000, 0)
    details = {"cached_tokens": 500, "cache_write_tokens": 9_000}
    found = bill(prompt_tokens=2_000, prompt_tokens_details=details)
    assert (found.usage.cached, found.usage.written) == (500, 1_500)


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        ({"cost": 0.25}, 0.25),
        ({"cost": 0.25, "cost_details": {"upstream_inference_cost": 0.25}}, 0.25),
        ({"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.5}}, 0.51),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.5}}, 0.5),
        ({"is_byok": True, "cost_details": {"upstream_inference_cost": 0.5}}, 0.5),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, LISTED),
        ({"cost": 0.01, "is_byok": True}, LISTED),
        ({"cost": 0}, LISTED),
        ({"cost": "0.5"}, LISTED),
        ({"cost": True}, LISTED),
        ({"cost": -1}, LISTED),
    ],
    ids=str,
)
def test_whose_dollars_count(usage: dict[str, Any], usd: float) -> None:
    assert bill(prompt_tokens=1_000, completion_tokens=200, **usage).usd == pytest.approx(usd)


def test_nothing_is_a_price_where_none_is_known_or_all_is_free() -> None:
    assert bill(None, cost=0).usd == 0.0
    assert bill(None).usd is None
    assert bill(Price(0.0, 0.0, 0.0, 0, 0), prompt_tokens=1_000, completion_tokens=9, cost=0).usd == 0.0


def test_a_later_word_completes_an_earlier_one() -> None:
    assembler = Assembler()
    for usage in ({"prompt_tokens": 9, "cost": 0.5}, None, {"prompt_tokens": None, "completion_tokens": 3}):
        assembler.feed({"usage": usage})
    assert (assembler.told.input, assembler.told.output, assembler.told.usd) == (9, 3, 0.5)


def test_the_first_choice_is_the_answer_wherever_it_stands() -> None:
    assembler = Assembler()
    other = {"index": 1, "delta": {"content": "no"}, "finish_reason": "length"}
    assembler.feed({"choices": [other, piece(content="yes")["choices"][0]]})
    assembler.feed({"choices": [other]})
    assembler.feed({"choices": [{"delta": {"content": "!"}, "finish_reason": "stop"}, other]})
    assert (assembler.text, assembler.finish) == ("yes!", "stop")


@pytest.mark.parametrize(
    ("more", "output"),
    [
        ({"completion_tokens_details": {"reasoning_tokens": 8_000}}, 8_010),
        ({"completion_tokens_details": {"reasoning_tokens": 8}}, 10),
        ({"completion_tokens_details": {"reasoning_tokens": "8000"}}, 10),
        ({"total_tokens": 9_010}, 8_010),
        ({"total_tokens": 1_010}, 10),
        ({"total_tokens": 5}, 10),
    ],
)
def test_thoughts_that_are_counted_apart_are_counted(more: dict[str, Any], output: int) -> None:
    ours = Usage(input=1_000, output=10)
    assert bill(ours=ours, prompt_tokens=1_000, completion_tokens=10, **more).usage.output == output


def test_figures_too_low_to_be_are_replaced_by_ours() -> None:
    ours = Usage(input=6_400, output=6_400)
    low, may = (
        bill(ours=ours, prompt_tokens=1, completion_tokens=99),
        bill(ours=ours, prompt_tokens=100, completion_tokens=100),
    )
    assert (low.usage.input, low.usage.output, low.impossible) == (6_400, 6_400, True)
    assert (may.usage.input, may.usage.output, may.impossible) == (100, 100, False)


@pytest.mark.parametrize(("cost", "believed"), [(1e-12, False), (LISTED / 65, False), (LISTED / 63, True)])
def test_dollars_too_low_to_be_are_replaced_by_ours(cost: float, believed: bool) -> None:
    found = bill(prompt_tokens=1_000, completion_tokens=200, cost=cost)
    assert found.usd == pytest.approx(cost if believed else LISTED)
    assert found.impossible is not believed


def test_zeros_at_the_end_take_nothing_back() -> None:
    assembler = Assembler()
    for said in ((1_000, 200, 0.5), (0, 0, 0.0)):
        usage = dict(zip(("prompt_tokens", "completion_tokens", "cost"), said, strict=True))
        assembler.feed({"usage": usage})
    assert assembler.told == Told(input=1_000, output=200, usd=0.5)


@pytest.mark.parametrize(
    "thought",
    [
        {"reasoning": "well " * 100},
        {"reasoning_details": [{"type": "reasoning.text", "text": "well " * 100}]},
        {"reasoning": "well " * 100, "reasoning_details": [{"type": "reasoning.summary", "summary": "well"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "abcd " * 100}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": [{"text": "well " * 100}]}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "well " * 100}]}]},
        {"reasoning_content": ["well " * 50] * 2},
        {"reasoning": {"text": "well " * 100}},
        {"thinking": "well " * 100},
        {"thinking_blocks": [{"type": "thinking", "thinking": "well " * 100}]},
    ],
)
def test_every_form_of_thought_has_its_size(thought: dict[str, Any]) -> None:
    assembler = Assembler()
    assembler.feed(piece(**thought))
    assert len(assembler.thoughts) == 500
    assert assembler.size >= 500
    assert assembler.begun
