"""What is done about failing checks, what is left of a log, which answers a review gets: pure functions."""

from __future__ import annotations

import pytest

from codebutler.forges.github.checks import Check
from codebutler.forges.github.logcut import LIMIT, relevant
from codebutler.forges.github.verdict import ATTEMPTS, PATIENCE, Again, verdict
from codebutler.service.replying import answers

RED = Check("tests", "failed", job=7, mark="7:a")
OTHER = Check("deploy", "failed", mark="9")
GREEN = Check("tests", "passed", job=7, mark="7:b")
RUNS = Check("lint", "running")
OFF = Check("docs", "off")
RAN = {"tests": Again("7:old", 100.0)}


@pytest.mark.parametrize(
    ("checks", "base", "again", "tried", "act"),
    [
        ([], set(), {}, [], "nothing"),
        ([GREEN], set(), {}, [], "green"),
        ([RED, RUNS], set(), {}, [], "wait"),
        ([RED], set(), {}, [], "rerun"),
        ([RED], set(), {"tests": Again("7:a", 100.0)}, [], "wait"),
        ([RED], set(), {"tests": Again("7:a", 100.0 - PATIENCE)}, [], "mend"),
        ([RED], set(), RAN, [], "mend"),
        ([OTHER], set(), {}, [], "mend"),
        ([RED], {"tests"}, {}, [], "nothing"),
        ([RED, OTHER], {"tests"}, {}, [], "mend"),
        ([RED], set(), {}, ["old"], "mend"),
        ([RED], set(), RAN, ["head"], "ask"),
        ([RED], set(), RAN, ["a", "b"], "mend"),
        ([RED], set(), RAN, ["a", "b", "c"], "ask"),
        ([GREEN, OFF], set(), {}, [], "nothing"),
        ([OTHER, OFF], set(), {}, [], "mend"),
    ],
)
def test_what_is_done(
    checks: list[Check], base: set[str], again: dict[str, Again], tried: list[str], act: str
) -> None:
    found = verdict(checks, base, again=again, tried=tried, head="head", now=101.0)
    assert found.act == act
    assert [check.name for check in found.inherited] == (["tests"] if base else [])
    assert all(check.name not in base for check in found.own)


def test_there_are_three_attempts() -> None:
    assert ATTEMPTS == 3


def test_a_job_that_passes_when_it_runs_again_is_flaky() -> None:
    found = verdict([GREEN], set(), again=RAN, tried=[], head="head", now=101.0)
    assert (found.act, [check.name for check in found.flaky]) == ("green", ["tests"])


def test_a_short_log_is_kept_without_times_colours_and_folds() -> None:
    at = "2026-01-01T00:00:00.1Z"
    log = f"{at} ##[group]Run it\n{at} \x1b[31mbad\u200b\x1b[0m\n\n##[endgroup]"
    assert relevant(log) == "bad"


@pytest.mark.parametrize(
    "line",
    [
        "##[error]Process completed with exit code 1.",
        "FAILED tests/test_a.py::test_b - assert 1 == 2",
        "E       AssertionError: no",
        "src/main.rs:3: error[E0308]: mismatched types",
        "--- FAIL: TestIt (0.00s)",
        "TypeError: x is not a function",
        "fatal: no such remote",
    ],
)
def test_of_a_long_log_what_failed_and_the_end_are_kept(line: str) -> None:
    noise = [f"step {n} does what it should do, at length" for n in range(4_000)]
    cut = relevant("\n".join([*noise[:1_000], line, *noise[1_000:], "the end"]))
    assert line in cut
    assert cut.endswith("the end")
    assert "lines left out" in cut
    assert len(cut) <= LIMIT


def test_a_log_of_nothing_but_errors_stays_within_its_limit() -> None:
    assert len(relevant("\n".join("error: " + "x" * 900 for _ in range(5_000)))) <= LIMIT


ASKED = "The review:\n- [r5] (ann): hm\n- [c12] a.py:3 (ann): off by one\n  - [c13] not a point"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("[c12] fixed: counts from one", {"c12": ("fixed", "counts from one")}),
        ("Done.\n- **[c12]** Declined - it is right as it is", {"c12": ("declined", "it is right as it is")}),
        ("[r5] answered: yes\n[r5] fixed: later", {"r5": ("answered", "yes")}),
        ("[c13] fixed: slipped in", {}),
        ("[c99] fixed: of another", {}),
        ("[c12] maybe: so", {}),
        ("the point [c12] fixed: is within words", {}),
    ],
)
def test_answers_are_taken_for_what_was_asked_only(said: str, found: dict[str, tuple[str, str]]) -> None:
    assert {mark: (a.how, a.words) for mark, a in answers(said, ASKED).items()} == found
