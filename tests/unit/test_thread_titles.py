"""What a thread is called before it has a plan."""

from __future__ import annotations

import pytest

from codebutler.thread.titles import title_of


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("", "untitled"),
        ("\n  fix the date\nplease", "fix the date"),
        ("```\nTraceback:\n  KeyError\n```\nwe get this on save", "we get this on save"),
        ("```py\nprint(1)\n```", "print(1)"),
        ("```x = 1``` fails", "x = 1``` fails"),
        ("~~~\n```\n~~~", "```"),
        ("w" * 100, "w" * 79 + "…"),
    ],
)
def test_a_thread_is_named_after_words_before_code(text: str, title: str) -> None:
    assert title_of(text, []) == title
