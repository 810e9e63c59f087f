"""One "merge" is enough where the base branch asks for checks: it lands when they have passed."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebutler.testing import note
from codebutler.testing.github.human import Human
from codebutler.testing.github.project import Rules
from codebutler.testing.github.staged import staged
from codebutler.testing.stage import Stage, until


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_one_word_to_merge_is_enough_behind_required_checks(stage: Stage, tmp_path: Path) -> None:
    async with staged(stage, tmp_path / "hub") as project:
        ann = Human(project, "ann")

        def said(words: str) -> bool:
            return any(words in row["body"] for row in project.comments.values())

        def head() -> str:
            project.look()
            return str(project.pulls[2]["head"]["sha"])

        async with stage.serving():
            ann.says(ann.opens("Add a note!"), "@bot plan")
            await until(lambda: said("/blob/codebutler/plan-1/"))
            ann.says(1, "@bot implement")
            await until(lambda: 2 in project.pulls and not project.pulls[2]["draft"])
            project.rules["main"] = Rules(checks=("ci",))
            ann.checks(head(), "ci", "success")
            first = head()
            await until(lambda: said('Say **"merge"**'))
            ann.says(2, "@bot merge")
            await until(lambda: said("is merged by itself once its checks have passed"))
            assert head() != first  # the journal is what has to be checked now
            ann.checks(head(), "ci", "success")
            await until(lambda: project.pulls[2]["merged_at"] and said("## Usage"))
    assert project.git("show", "main:NOTE") == "noted"
    assert stage.server.failures == []
