"""What a provider says that a call took, and what is believed of it.

Its figures are a stranger's. Each one that is missing, no number or impossible is replaced by our own: one
too low would let caps be passed unseen, one too high would stop all threads of the host for a day.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeGuard, TypeVar

from msgspec import Struct

from codebutler.models.prices import Price
from codebutler.types import Usage

_WRITTEN = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")
"""Where servers say what they have put into their prompt cache."""
_MORE_IN = 20
"""Times our estimate that a prompt can have: pictures are dear, and some providers add text of their own."""
_MORE_OUT = 8
"""Times its limit that a reply can have: some providers do not count thoughts towards that."""
_LEAST = 64
"""Our estimate has at most so many times the tokens that there really are, be it of blanks alone."""
_TIMES_LISTED = 20
"""Times the worst case at list price that a provider's own dollars can be: searches and tools of its own."""
_CHEAPEST = 64
"""The list price is at most so many times the provider's own: no discount goes further."""
_ALWAYS_IN, _ALWAYS_OUT, _ALWAYS_USD = 100_000, 1_000, 1.0
"""Tokens and dollars that are never thought impossible."""
_HUGE = 1e15
"""Dollars beyond which it does not matter how many: some whole numbers are larger than any float."""
_Number = TypeVar("_Number", int, float)
_DEAREST = Price(input=200.0, cached=200.0, output=1_000.0, context=0, max_output=0)
"""For what has no known price: more than anybody asks."""


class Told(Struct, frozen=True):
    """A provider's own figures of a call, in tokens and dollars; None where there is no number."""

    input: int | None = None
    output: int | None = None
    cached: int = 0
    written: int = 0
    usd: float | None = None

    def __bool__(self) -> bool:
        """Whether they say that anything was used."""
        return bool(self.input or self.output or self.usd)


class Expected(Struct, frozen=True):
    """What we know of a call ourselves: our estimate of it, its limit of output, price and window."""

    usage: Usage
    max_output: int
    price: Price | None
    window: int | None

    @property
    def most_in(self) -> int:
        """Tokens of a prompt, at most."""
        return max(self.window or 0, _MORE_IN * self.usage.input, _ALWAYS_IN)

    @property
    def most_out(self) -> int:
        """Tokens of a reply, at most."""
        own = self.price.max_output if self.price is not None else 0
        return max(own, _MORE_OUT * self.max_output, _MORE_OUT * self.usage.output, _ALWAYS_OUT)

    def most_usd(self, usage: Usage) -> float:
        """Dollars, at most, of a call that took ``usage``."""
        worst = Usage(input=max(usage.input, self.usage.input), output=max(usage.output, self.max_output))
        if self.price is None:
            return max(_DEAREST.cost(worst), _ALWAYS_USD)
        return max(_TIMES_LISTED * self.price.cost(worst), _ALWAYS_USD)


class Bill(Struct, frozen=True):
    """What a call counts as. ``usd`` is None when no price is known; ``counted``: the prompt's tokens are the
    provider's; ``impossible``: a figure of the provider's could not be."""

    usage: Usage
    usd: float | None
    counted: bool
    impossible: bool


def summed(bills: Sequence[Bill]) -> Bill:
    """Several tries as one. Nothing is None dollars only if something was used whose price is not known."""
    known = [bill.usd for bill in bills if bill.usd is not None]
    usages = [bill.usage.model_dump() for bill in bills]
    return Bill(
        Usage.model_validate({name: sum(each[name] for each in usages) for name in Usage.model_fields}),
        sum(known) if known or not bills else None,
        counted=all(bill.counted for bill in bills),
        impossible=any(bill.impossible for bill in bills),
    )


def bounded(output: int, max_output: int, price: Price | None) -> int:
    """Our estimate of a reply's tokens, as far as any model writes so much: servers may send without end."""
    return min(output, max(price.max_output if price else 0, _MORE_OUT * max_output, _ALWAYS_OUT))


def read(usage: Any, before: Told) -> Told:  # noqa: ANN401 - whatever JSON came in
    """The figures of a ``usage`` field; what it lacks stays as it was told ``before``."""
    if not isinstance(usage, dict):
        return before
    details = usage.get("prompt_tokens_details")
    parts = details if isinstance(details, dict) else {}
    written = [_whole(place.get(key)) or 0 for place in (parts, usage) for key in _WRITTEN]
    told = _whole(usage.get("prompt_tokens")), _output(usage), _dollars(usage)
    return Told(
        input=told[0] or _either(before.input, told[0]),
        output=told[1] or _either(before.output, told[1]),
        cached=_whole(parts.get("cached_tokens")) or before.cached,
        written=max(written) or before.written,
        usd=told[2] or _either(before.usd, told[2]),
    )


def _either(before: _Number | None, now: _Number | None) -> _Number | None:
    """What was told ``before``, for ``now`` is nothing: some servers end with zeros."""
    return now if before is None else before


def _output(usage: dict[str, Any]) -> int | None:
    """Tokens of the reply with all its thoughts, which some servers count apart."""
    said, total = _whole(usage.get("completion_tokens")), _whole(usage.get("total_tokens"))
    if said is None:
        return None
    details = usage.get("completion_tokens_details")
    thought = _whole(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    apart = said + thought if thought is not None and thought > said else said
    return max(apart, (total or 0) - (_whole(usage.get("prompt_tokens")) or total or 0))


def settled(told: Told, expected: Expected) -> Bill:
    """What is believed of ``told``: each figure that can be, and our own for the others."""
    ours, listed = expected.usage, expected.price
    sent, sent_odd = _believed(told.input, ours.input, expected.most_in)
    said, said_odd = _believed(told.output, ours.output, expected.most_out)
    cached = min(told.cached, sent)
    usage = Usage(input=sent, output=said, cached=cached, written=min(told.written, sent - cached))
    usd = listed.cost(usage) if listed is not None else None
    dear = told.usd is not None and told.usd > expected.most_usd(usage)
    cheap = bool(told.usd and usd) and (told.usd or 0.0) * _CHEAPEST < (usd or 0.0)
    if told.usd is not None and not dear and not cheap and (told.usd or not usd):
        usd = told.usd  # $0 for what has a price is no bill: somebody else sends that
    return Bill(usage, usd, bool(told.input) and not sent_odd, sent_odd or said_odd or dear or cheap)


def _believed(told: int | None, ours: int, most: int) -> tuple[int, bool]:
    """A figure, and whether the one that was told is too high, or too low, to be.

    Zero is none where there is something to count.
    """
    if told and (told > most or told * _LEAST < ours):
        return ours, True
    return (told or ours), False


def _dollars(usage: dict[str, Any]) -> float | None:
    """The provider's own price of the call; None where it names none.

    OpenRouter with a person's own key at the provider behind it (BYOK): ``cost`` is its fee alone, and what
    the other one asks stands beside it.
    """
    cost = _amount(usage.get("cost"))
    if usage.get("is_byok") is not True:
        return cost
    details = usage.get("cost_details")
    behind = _amount(details.get("upstream_inference_cost")) if isinstance(details, dict) else None
    return None if behind is None else behind + (cost or 0.0)


def _amount(value: Any) -> float | None:  # noqa: ANN401 - whatever JSON came in
    return float(min(value, _HUGE)) if _sound(value) else None


def _whole(value: Any) -> int | None:  # noqa: ANN401 - whatever JSON came in
    return int(value) if _sound(value) else None


def _sound(value: Any) -> TypeGuard[float]:  # noqa: ANN401 - whatever JSON came in
    """Whether it is a number that can count something."""
    return type(value) in {int, float} and 0 <= value < math.inf
