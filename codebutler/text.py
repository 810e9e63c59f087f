"""Texts on their way to models and people: nothing unbounded enters a context, and a sentence ends once."""

from __future__ import annotations


def fit(text: str, chars: int) -> str:
    """``text``, or its head (three quarters) and tail with how much is missing between them.

    ``chars`` bounds what is kept of the text; the line that says so comes on top.
    """
    if len(text) <= chars:
        return text
    tail = chars // 4
    head = chars - tail
    return f"{text[:head]}\n[… {len(text) - chars} characters left out …]\n{text[len(text) - tail :]}"


def sentence(text: str) -> str:
    """``text`` with a stop at its end, if it has none: what errors say may end with one already."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def opening(text: str) -> str:
    """``text`` as a sentence begins: "the" with a large letter; a name stays as it is written."""
    return f"T{text[1:]}" if text.startswith("the ") else text


def spoken(seconds: float) -> str:
    """A span of time, roundly."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
