"""A run that takes too long, and a person who does not go along."""

from __future__ import annotations

import pytest

from codebutler.evaluation.loading import parse
from codebutler.evaluation.series import rehearse

READS = 'calls = [{ name = "read_memory", arguments = { file = "pm.md" } }]'
ONE = f"[[runs.scripts.steps]]\n{READS}\n"
SLOW = '[[runs.scripts.steps]]\ntext = "late"\ndelay = 30.0\n'


def text(limits: str, outcome: str, steps: str, person: str = "") -> str:
    """An eval with one run of a PM."""
    return f"""
about = "x"
task = "x"
{person}
[limits]
{limits}
[[oracles]]
kind = "outcome"
one_of = ["{outcome}"]
[[runs]]
name = "run"
[[runs.scripts]]
role = "pm"
{steps}"""


@pytest.mark.parametrize(
    ("limits", "steps", "fault"),
    [
        ("turns = 2", ONE + ONE.replace("pm.md", "lead.md") + ONE + SLOW, "over 2 turns"),
        ("seconds = 0.8", ONE + SLOW, "over 0.8 seconds"),
    ],
)
async def test_a_run_over_a_limit_is_broken_off(limits: str, steps: str, fault: str) -> None:
    loaded = parse(text(limits, "answered", steps))
    (verdict,) = await rehearse(loaded, loaded.evaluation.runs[0])
    assert verdict.fault == f"it ended so: {fault}"


async def test_a_person_who_does_not_approve_leaves_the_plan_on_the_table() -> None:
    step = (
        '[[runs.scripts.steps]]\ncalls = [{ name = "propose_plan", arguments = { title = "T", summary = "S", \
steps = [{ text = "x" }] } }]\n'
    )
    loaded = parse(text("usd = 1", "plan", step, person="person = { approves = false }"))
    (verdict,) = await rehearse(loaded, loaded.evaluation.runs[0])
    assert verdict.fault == ""
