"""Emoji beside words, and in their place: a chat sends 👍 as such, or by its name as ``:+1:``."""

from __future__ import annotations

import re

NAMES = {
    "+1": "👍", "thumbsup": "👍", "white_check_mark": "✅", "rocket": "🚀", "-1": "👎", "thumbsdown": "👎",
    "x": "❌", "double_vertical_bar": "⏸",
}  # fmt: skip
"""Those that are words of their own: see ``words``."""
FRIENDLY = (
    "👍", "✅", "🚀", ":tada:", "🎉", ":slightly_smiling_face:", "🙂", ":smile:", "😄", ":blush:", "😊",
    ":grinning:", "😀", ":smiley:", "😃", ":wink:", "😉", ":pray:", "🙏", ":ok_hand:", "👌", ":raised_hands:",
    "🙌", ":clap:", "👏", ":muscle:", "💪", ":heart:", "❤", ":fire:", "🔥", ":100:", "💯",
    ":sunglasses:", "😎", ":heavy_check_mark:", "✔",
)  # fmt: skip
"""They say no more than the words beside them; any other (🤔, 👎) may take those back."""
_TONES = re.compile(r":skin-tone-\d:|[\U0001f3fb-\U0001f3ff\ufe0f]")
_NAMED = re.compile(rf":({'|'.join(map(re.escape, NAMES))}):")
_ONE = "|".join(map(re.escape, FRIENDLY))
_AROUND = re.compile(rf"^(?:(?:{_ONE})\s*)+|(?:\s*(?:{_ONE}))+$")


def unnamed(text: str) -> str:
    """The text with the signs that are words as themselves, in no colour of skin."""
    return _TONES.sub("", _NAMED.sub(lambda found: NAMES[found[1]], text))


def alone(word: str) -> str:
    """The word without friendly signs around it; the first of them if there is nothing else."""
    bare = _AROUND.sub("", word).rstrip(" .!,;")
    return bare or next((sign for sign in FRIENDLY if word.startswith(sign)), word)
