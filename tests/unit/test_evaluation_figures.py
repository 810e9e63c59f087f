"""The money of all runs, and what the report makes of them."""

from __future__ import annotations

import asyncio

import pytest

from codebutler.cli.eval import choices
from codebutler.evaluation.budget import Budget
from codebutler.evaluation.play import Played
from codebutler.evaluation.report import one_line, summary, table
from codebutler.evaluation.results import Result, Verdict, result
from codebutler.events import LimitHit
from codebutler.thread.fold import apply
from codebutler.thread.state import ThreadState

PASSED = Result(
    "bugfix", "m/one", 1, (Verdict("outcome"),), "pr", 10, 20, 3000, 400, 1000, 0.25, seconds=30.0
)
FAILED = Result(
    "bugfix", "m/one", 2, (Verdict("outcome"), Verdict("tests", "exit 1:\nAssertionError\x1b[31m")), "pr",
    20, 40, 5000, 600, 2000, 0.05, unpriced=True, seconds=10.0, folder="/tmp/x",
)  # fmt: skip
OTHER = Result("question", "m/two", 1, (Verdict("outcome"),), "answered", 2, 1, 100, 10, 0, 0.01)
SKIPPED = Result("rename", "m/two", 1, skipped="not run: it may cost $0.5, and $0.01 of --usd 1 is left")


def test_the_table_has_means_of_each_and_sums_of_all() -> None:
    lines = list(table([PASSED, FAILED, OTHER, SKIPPED]))
    assert [line.split() for line in lines if line.startswith(("bugfix", "all", "rename"))] == [
        ["bugfix", "m/one", "1/2", "15", "30", "4,000", "1,500", "500", "$0.15*", "20.0"],
        ["rename", "m/two", "0/1", "0", "0", "0", "0", "0", "$0.0000", "0.0"],
        ["all", "m/one", "1/2", "30", "60", "8,000", "3,000", "1,000", "$0.30*", "40.0"],
        ["all", "m/two", "1/2", "2", "1", "100", "0", "10", "$0.0100", "0.0"],
    ]
    assert lines[2:5] == [
        "    ✗ tests (run 2): exit 1:",
        "        AssertionError[31m",
        "    kept (run 2): /tmp/x",
    ]
    assert "    not run: it may cost $0.5, and $0.01 of --usd 1 is left" in lines
    assert lines[-1].startswith("* with calls of models that have no known price")


def test_the_object_for_programs() -> None:
    found = summary([PASSED, FAILED, SKIPPED], planned=9)
    assert found["models"]["m/one"] == {
        "runs": 2, "passed": 1, "turns": 30, "tools": 60,
        "tokens": {"input": 8000, "output": 1000, "cached": 3000},
        "usd": 0.3, "unpriced": True, "seconds": 40.0,
    }  # fmt: skip
    assert (found["total"]["planned"], found["total"]["runs"], found["total"]["passed"]) == (9, 3, 1)
    assert [run["passed"] for run in found["runs"]] == [True, False, False]
    assert found["runs"][1]["oracles"][1] == {
        "name": "tests",
        "passed": False,
        "fault": "exit 1:\nAssertionError\x1b[31m",
    }


def test_a_line_for_each_run_as_it_ends() -> None:
    assert one_line(PASSED) == "bugfix (m/one): passed, $0.25, 30 s"
    assert one_line(FAILED) == "bugfix (m/one): failed (tests), $0.0500, 10 s"
    assert one_line(SKIPPED) == "rename (m/two): not run: it may cost $0.5, and $0.01 of --usd 1 is left"


@pytest.mark.parametrize(
    ("models", "by_role", "expected"),
    [
        ([], {}, [("as configured", {})]),
        (["a", "b", "a"], {}, [("a", {"model": "a"}), ("b", {"model": "b"})]),
        ([], {"pm": "x"}, [("pm=x", {"models.pm.default": "x"})]),
        (
            ["a"],
            {"coder": "x"},
            [
                (
                    "a + coder=x",
                    {
                        "models.pm.default": "a",
                        "models.researcher.model": "a",
                        "models.coder.model": "x",
                        "models.lead.model": "a",
                        "models.artist.model": "a",
                    },
                )
            ],
        ),
    ],
)
def test_which_models_answer(
    models: list[str], by_role: dict[str, str], expected: list[tuple[str, dict[str, str]]]
) -> None:
    assert [(choice.label, choice.flags) for choice in choices(models, by_role)] == expected


async def test_runs_beside_each_other_cannot_overspend_together() -> None:
    budget, most, ran = Budget(1.0), 0.0, 0

    async def run() -> bool:
        nonlocal most, ran
        if not await budget.hold(0.4):
            return False
        ran += 1
        most = max(most, budget.spent + 0.4 * ran)
        await asyncio.sleep(0)
        ran -= 1
        await budget.settle(0.4, 0.15)
        return True

    done = await asyncio.gather(*(run() for _ in range(10)))
    assert most <= 1.0 + 1e-9
    assert done.count(True) == 5  # after five have cost 0.15 each, 0.25 is too little for another
    assert budget.spent == pytest.approx(0.75)


async def test_a_run_waits_for_what_others_may_leave() -> None:
    budget = Budget(1.0)
    assert await budget.hold(0.8)
    waiting = asyncio.create_task(budget.hold(0.5))
    await asyncio.sleep(0)
    assert not waiting.done()
    await budget.settle(0.8, 0.1)
    assert await waiting
    assert not await asyncio.wait_for(_spend(budget), 1)


async def _spend(budget: Budget) -> bool:
    await budget.settle(0.5, 0.5)
    return await budget.hold(0.5)


def test_a_run_that_paused_at_a_cap_says_so_everywhere() -> None:
    state = ThreadState("t")
    apply(
        state, 1, 0.0, LimitHit(frame="pm", what="the thread's cap of $0.20 leaves too little", cap="thread")
    )
    found = result("bugfix", "m/one", 1, Played(state, [], 1.0), [Verdict("outcome", "it ended so: paused")])
    words = "paused at the cap: the thread's cap of $0.20 leaves too little"
    assert found.json()["halted"] == words
    assert f"    {words}" in list(table([found]))
    assert one_line(found) == f"bugfix (m/one): failed (outcome), {words}, $0.0000, 1 s"
    assert PASSED.json()["halted"] == ""
