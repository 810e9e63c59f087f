"""What stands under a comment in place of buttons: words that do what the button would."""

from __future__ import annotations

from codebutler.surfaces.github.saying import pieces
from codebutler.thread.lessons import card
from codebutler.types import Choice, MemoryItem, Outbound


def _hint(message: Outbound) -> str:
    [(_, body)] = pieces(message, "m", name="bot")
    return next(line for line in body.splitlines() if line.startswith("_Here"))


def test_a_list_of_lessons_says_the_words_that_decide_on_it() -> None:
    lessons = [MemoryItem(file="pm.md", text=f"fact {n}") for n in range(3)]
    assert _hint(card(lessons)) == (
        "_Here: `@bot yes`, `@bot no`, `@bot keep 1`, `@bot edit 1: …`, `@bot remove 1`._"
    )
    assert _hint(card(lessons[:1])) == "_Here: `@bot yes`, `@bot no`._"


def test_what_a_command_needs_is_said_with_it() -> None:
    choices = [
        Choice(action="raise", label="Raise by $1", value="1"),
        Choice(action="model", label="Use small", value="lab/small"),
        Choice(action="merge", label="Merge", value="7"),
        Choice(action="cancel", label="Stop"),
    ]
    assert _hint(Outbound(text="over the cap", choices=choices)) == (
        "_Here: `@bot raise 1`, `@bot model lab/small`, `@bot merge`, `@bot cancel`._"
    )
