"""What pictures and transcripts cost at list price. US dollars; None and 0 where no price is known."""

from __future__ import annotations

import math
import re

from msgspec import Struct

MILLION = 1_000_000
_DATE = re.compile(r"-20\d\d-\d\d-\d\d$")
_DRAWN = {
    "gpt-image-1": (5.0, 10.0, 40.0),
    "gpt-image-1-mini": (2.0, 2.5, 8.0),
    "gpt-image-1.5": (5.0, 8.0, 32.0),
    "chatgpt-image-latest": (5.0, 8.0, 32.0),
    "gpt-image-2": (5.0, 8.0, 30.0),
    "gpt-image-2.5-flare": (5.0, 8.0, 30.0),
    "gpt-image-2.5-sunburst": (5.0, 8.0, 30.0),
    "gpt-image-2.6-sunburst": (5.0, 8.0, 30.0),
}
"""Dollars per million tokens: of text in, of pictures in, out."""
_TOKENS = {"low": 408, "medium": 1584, "high": 6240}
"""Output tokens of a picture of ``_PIXELS``; "auto" may choose the best."""
_PIXELS = 1024 * 1536
_SOURCE = 6_500
"""Most tokens of a picture that goes in."""
_PER_MINUTE = {
    "whisper-1": 0.006, "gpt-4o-transcribe": 0.006, "gpt-4o-transcribe-diarize": 0.006,
    "gpt-4o-mini-transcribe": 0.003, "gpt-transcribe": 0.006,
}  # fmt: skip
_HEARD = {
    "gpt-4o-transcribe": (2.5, 10.0),
    "gpt-4o-transcribe-diarize": (2.5, 10.0),
    "gpt-4o-mini-transcribe": (1.25, 5.0),
}
"""Dollars per million tokens, in and out."""
_MORE, _ALWAYS, _CENT = 4, 1_000, 0.01
"""Times the most that we reckon with, and tokens and dollars, which a service's own count can be."""
_LEAST, _LEAST_HEARD = 64, 256
"""The most that we reckon with is at most so many times what a picture takes, and what a recording costs."""
_CHUNKS, _FORMAT = 64, 16
"""Chunks of a WAV file that are looked at, and bytes of the one that tells how it was recorded."""
_PLAIN = frozenset({1, 3, 6, 7, 0xFFFE})
"""Kinds of WAV whose rate is the product of its parts."""
_CHANNELS, _SAMPLES, _BITS = 2, 48_000, 32
"""Beyond these nobody records speech, and a header could make an hour cost nothing."""
_LEAST_RATE = 1_500
"""Bytes a second of the thinnest speech codec in use: a recording is at most so long."""


class Tokens(Struct, frozen=True):
    """What a service counted."""

    text: int = 0
    pictures: int = 0
    output: int = 0


def _plain(model: str) -> str:
    return _DATE.sub("", model.strip().lower().rpartition("/")[2])


def drawn(model: str, used: Tokens) -> float | None:
    """Dollars of a picture."""
    price = _DRAWN.get(_plain(model))
    if price is None:
        return None
    return (used.text * price[0] + used.pictures * price[1] + used.output * price[2]) / MILLION


def most_drawn(*, prompt: str, size: str, quality: str, sources: int) -> Tokens:
    """The most tokens that a picture can take."""
    wide, _, high = size.partition("x")
    pixels = int(wide) * int(high) if wide.isdecimal() and high.isdecimal() else _PIXELS
    output = math.ceil(_TOKENS.get(quality, _TOKENS["high"]) * max(1.0, pixels / _PIXELS))
    return Tokens(len(prompt.encode()), sources * _SOURCE, output)


def believed(told: Tokens, most: Tokens) -> Tokens:
    """What a service counted, as far as that can be; where it counted nothing or the impossible, the most."""
    given = told if _can_be(told.text + told.pictures, most.text + most.pictures) else most
    output = told.output if _can_be(told.output, most.output) else most.output
    return Tokens(given.text, given.pictures, output)


def _can_be(told: int, most: int) -> bool:
    return max(1, most / _LEAST) <= told <= _MORE * most + _ALWAYS


def heard(model: str, *, seconds: float | None, tokens: tuple[int, int] | None) -> float | None:
    """Dollars of a transcript by what the service counted: tokens (in, out), or seconds of sound."""
    name = _plain(model)
    if tokens is not None and name in _HEARD:
        return (tokens[0] * _HEARD[name][0] + tokens[1] * _HEARD[name][1]) / MILLION
    if seconds is not None and name in _PER_MINUTE:
        return _PER_MINUTE[name] * seconds / 60
    return None


def paid_for_hearing(
    model: str, data: bytes, *, seconds: float | None, tokens: tuple[int, int] | None
) -> float | None:
    """As ``heard``; where that cannot be, or nothing was counted, the worst case. None: no price is known.

    A service that has heard it knows better than a header how long a recording is.
    """
    told, worst = heard(model, seconds=seconds, tokens=tokens), worst_heard(model, data)
    most = _PER_MINUTE.get(_plain(model), 0.0) * len(data) / _LEAST_RATE / 60
    possible = told is not None and worst / _LEAST_HEARD <= told <= max(_MORE * worst, most, _CENT)
    return told if possible else (worst or None)


def longest(data: bytes) -> float:
    """Seconds that a recording lasts at most; a WAV file tells its rate."""
    return len(data) / (_wav_rate(data) or _LEAST_RATE)


def _wav_rate(data: bytes) -> int:
    """Bytes a second of a WAV file, as far as its header can be believed; 0 for what is none."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return 0
    at = 12
    for _ in range(_CHUNKS):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"fmt " and size >= _FORMAT:
            return _rate_of(data[at + 8 : at + 8 + _FORMAT])
        at += 8 + size + size % 2
    return 0


def _rate_of(told: bytes) -> int:
    """Its channels, samples a second and bytes a sample must make the rate that it tells."""
    kind, channels = (int.from_bytes(told[at : at + 2], "little") for at in (0, 2))
    samples, rate = (int.from_bytes(told[at : at + 4], "little") for at in (4, 8))
    block, bits = (int.from_bytes(told[at : at + 2], "little") for at in (12, 14))
    plain = kind in _PLAIN and channels <= _CHANNELS and samples <= _SAMPLES and bits <= _BITS
    return rate if plain and block == channels * bits // 8 and rate == samples * block else 0


def worst_heard(model: str, data: bytes) -> float:
    """The most that a transcript can cost."""
    return _PER_MINUTE.get(_plain(model), 0.0) * longest(data) / 60
