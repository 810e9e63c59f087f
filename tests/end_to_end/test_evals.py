"""Every shipped eval: its oracles pass the good runs and find what is wrong with the bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebutler.evaluation.loading import load, parse, shipped
from codebutler.evaluation.series import rehearse

PAGE = (Path(__file__).parents[2] / "docs/evaluating.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", shipped())
async def test_the_oracles_find_what_the_runs_say(name: str, full: bool) -> None:
    """The good run and the first bad one; with --full every run."""
    loaded = load(name)
    for run in loaded.evaluation.runs if full else loaded.evaluation.runs[:2]:
        found = {verdict.name: verdict.fault for verdict in await rehearse(loaded, run) if verdict.fault}
        assert sorted(found) == sorted(run.fails), (run.name, found)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_eval_is_proven_and_explained(name: str) -> None:
    evaluation = load(name).evaluation
    good, bad = evaluation.runs[:2]
    assert (good.name, good.fails) == ("good", [])
    assert bad.fails
    assert f"| `{name}` |" in PAGE


async def test_the_example_of_the_docs_works_as_printed() -> None:
    loaded = parse(PAGE.split("```toml\n")[1].split("```")[0], name="example")
    for run in loaded.evaluation.runs:
        found = [verdict.name for verdict in await rehearse(loaded, run) if verdict.fault]
        assert found == run.fails, run.name
