"""An approval behind words that change the plan is not one of the plan as it stood."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebutler.testing import note
from codebutler.testing.github.human import Human
from codebutler.testing.github.staged import staged
from codebutler.testing.stage import Stage, until

OTHER = """
[[scripts.steps]]
delay = {delay}
calls = [{{ name = "propose_plan", arguments = {{ title = "Add a note and a version", summary = "Two lines.", \
steps = [{{ text = "Write NOTE" }}, {{ text = "Bump it" }}], files = ["NOTE"] }} }}]

[[scripts]]
role = "coder"
"""


def changed(delay: float) -> str:
    head, coder, rest = note.PLAIN.partition('\n[[scripts]]\nrole = "coder"\n')
    assert coder
    return f"{head}{OTHER.format(delay=delay)}{rest}"


@pytest.mark.parametrize("stage", [changed(0), changed(3)], indirect=True, ids=["at once", "slow"])
async def test_an_approval_behind_a_wish_is_answered(stage: Stage, tmp_path: Path) -> None:
    async with staged(stage, tmp_path / "hub") as project:
        ann = Human(project, "ann")

        def said(words: str) -> bool:
            return any(words in row["body"] for row in project.comments.values())

        async with stage.serving():
            ann.says(ann.opens("Add a note!"), "@bot plan")
            await until(lambda: said("/blob/codebutler/plan-1/"))
            ann.says(1, "@bot please also bump the version")
            ann.says(1, "@bot implement")
            await until(lambda: said("Bump it"))
            await until(lambda: said("is being changed") or said("before the plan on the table"))
            assert not any(asked.role == "coder" for asked in stage.server.requests)
            ann.says(1, "@bot implement")
            await until(lambda: said('Say **"merge"**'))
    assert stage.server.failures == []
