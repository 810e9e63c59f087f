"""Who works at a terminal is named in commits as git names them there."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import pytest

from codebutler.testing import note

if TYPE_CHECKING:
    from codebutler.testing.stage import Stage

ME = getpass.getuser()


@pytest.mark.parametrize("stage", [note.WHOLE], ids=[""], indirect=True)
@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("ada@example.org", "ada@example.org"),
        ("ada@example.org> <b@c", f"{ME}@terminal.invalid"),
    ],
)
async def test_commits_have_the_address_that_git_has(stage: Stage, address: str, named: str) -> None:
    stage.home.mkdir(exist_ok=True)
    (stage.home / ".gitconfig").write_text(f'[user]\n\temail = "{address}"\n')
    done = await stage.cli("run", "Add a note", "--yes", "--merge", "--json", "--key", "k")
    assert done.code == 0, done.stderr
    stage.git("fetch", "-q")
    log = stage.git("log", "origin/main", "--format=%(trailers:key=Co-authored-by,valueonly)").split("\n")
    assert {line for line in log if line} == {f"{ME} <{named}>"}
