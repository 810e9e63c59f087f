"""Every shipped eval: its oracles pass the good runs and find what is wrong with the bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebutler.evaluation.loading import load, parse, shipped
from codebutler.evaluation.series import rehearse

RUNS = [(name, run.name) for name in shipped() for run in load(name).evaluation.runs]
PAGE = (Path(__file__).parents[2] / "docs/evaluating.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "run"), RUNS)
async def test_the_oracles_find_what_the_run_says(name: str, run: str) -> None:
    loaded = load(name)
    chosen = next(each for each in loaded.evaluation.runs if each.name == run)
    found = {verdict.name: verdict.fault for verdict in await rehearse(loaded, chosen) if verdict.fault}
    assert sorted(found) == sorted(chosen.fails), found


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_eval_is_proven_and_explained(name: str) -> None:
    evaluation = load(name).evaluation
    proven = {fault for run in evaluation.runs for fault in run.fails}
    assert any(not run.fails for run in evaluation.runs)
    assert proven, "no bad run"
    assert f"| `{name}` |" in PAGE


async def test_the_example_of_the_docs_works_as_printed() -> None:
    loaded = parse(PAGE.split("```toml\n")[1].split("```")[0], name="example")
    for run in loaded.evaluation.runs:
        found = [verdict.name for verdict in await rehearse(loaded, run) if verdict.fault]
        assert found == run.fails, run.name
