"""The pictures in docs/slack.md, drawn from the blocks that the door sends.

Messages look otherwise? ``.venv/bin/python tests/unit/test_slack_pictures.py`` draws them anew.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from codebutler import events as ev
from codebutler.surfaces.slack import blocks
from codebutler.testing.slack import limits
from codebutler.testing.slack.picture import svg
from codebutler.thread import lessons, render
from codebutler.thread.state import Spend, ThreadState
from codebutler.types import ChecklistItem, Choice, Json, MemoryItem, Outbound, Person, Plan, PlanStep

FOLDER = Path(__file__).parents[2] / "docs/img"
HASH = "4f1c2a9b" * 8


def state() -> ThreadState:
    """A thread in which the Coder is at work."""
    made = ThreadState("t4c21d07e9", phase="coder")
    made.opened = ev.ThreadOpened(
        title="2 kg costs too much", owner=Person(surface="slack", id="U1", name="robin")
    )
    made.checklist = [
        ChecklistItem(text="Compare with <= in the tariff", status="done"),
        ChecklistItem(text="A test for exactly 2 kg", status="doing"),
        ChecklistItem(text="Run all tests"),
    ]
    made.spend = {
        ("pm", "moonshotai/kimi-k2"): Spend(
            calls=3, tools=4, input=9120, output=610, cached=5200, seconds=11.0, usd=0.0071
        ),
        ("coder", "anthropic/claude-sonnet-4-5"): Spend(
            calls=5, tools=9, input=21400, output=1900, cached=15100, seconds=38.0, usd=0.0812
        ),
    }
    return made


def plan() -> Outbound:
    proposed = Plan(
        title="Put a parcel of exactly 2 kg into its band",
        summary="The tariff compares with `<`, so a parcel on the border falls into the dearer band.",
        steps=[
            PlanStep(text="Compare with `<=`", refs=["shop/tariff.py:14"]),
            PlanStep(text="Add a test for 2 kg", refs=["tests/test_tariff.py:9"]),
        ],
        files=["shop/tariff.py", "tests/test_tariff.py"],
        acceptance=["2 kg costs 5.40", "all tests pass"],
    )
    return render.plan(ev.PlanProposed(plan=proposed, hash=HASH, base="9e07d1c3" * 5))


QUESTION = Outbound(
    text="10 kg has two prices: **12.90** in `prices.csv`, **13.50** on the page. Which one holds?",
    role="pm",
    kind="question",
    choices=[
        Choice(action="answer", label="12.90", value="12.90"),
        Choice(action="answer", label="13.50", value="13.50"),
    ],
)
ERROR = Outbound(
    text="**The model did not answer.** Three models were asked, the last error was HTTP 503. "
    'The work is kept on `codebutler/2-kg`. Say **"go"** to try again, or `/pm gpt` to use another one.',
    kind="error",
    choices=[Choice(action="retry", label="Try again", style="primary")],
)
ITEMS = [
    MemoryItem(
        file="pm.md",
        section="Tariffs",
        text="Borders belong to the lower band.",
        why="two bugs came from that",
    ),
    MemoryItem(file="workflows.md", kind="add_step", text="Run `make prices` after a change of the list."),
]
ANSWER = Outbound(
    text="A parcel of 2 kg costs **5.40**: the bands are closed above.\n\n"
    "```python\nif weight <= band.limit:\n    return band.price\n```\n\n"
    "- `shop/tariff.py` has the bands\n- `prices.csv` has the *prices*",
    role="pm",
)


def messages() -> dict[str, Outbound]:
    """What is in the pictures, by name."""
    return {
        "plan": plan(),
        "status": render.status(state(), "bash: make test"),
        "question": QUESTION,
        "answer": ANSWER,
        "memory": lessons.card(ITEMS),
        "report": render.report(state()),
        "error": ERROR,
    }


def sent(message: Outbound) -> list[Json]:
    """The blocks that the door sends."""
    [piece] = blocks.pieces(message, conversation="C0SHOP:1.2", mark="t1:m1")
    return piece.blocks


def pictures() -> dict[str, str]:
    """Every picture, by file name."""
    drawn = {f"slack-{name}.svg": svg(sent(message)) for name, message in messages().items()}
    decided = "*Approve* · <@robin> · 21 Nov at 10:26"
    return {**drawn, "slack-decided.svg": svg(blocks.used(sent(plan()), decided))}


@pytest.mark.parametrize("name", list(pictures()))
def test_the_pictures_are_what_is_sent(name: str) -> None:
    assert (FOLDER / name).read_text() == pictures()[name], __doc__
    ET.fromstring(pictures()[name])


@pytest.mark.parametrize("message", messages().values(), ids=list(messages()))
def test_slack_takes_what_is_in_the_pictures(message: Outbound) -> None:
    limits.message({"text": "x", "blocks": sent(message)})


def test_the_page_shows_every_picture() -> None:
    page = (FOLDER.parent / "slack.md").read_text()
    assert [name for name in pictures() if f"(img/{name})" not in page] == []


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, content in pictures().items():
        (FOLDER / file).write_text(content)
