"""A branch called ``codebutler``: told with commands that mend it, and then there is room."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.config import load_config
from codebutler.errors import RepoError
from codebutler.forges.choose import taken_branches
from codebutler.repo import namesake, worktrees
from codebutler.repo.discover import find_repo
from codebutler.service import doctor_repo

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox


@pytest.mark.parametrize("where", ["here", "at origin", "here and at origin"])
async def test_it_is_found_and_its_commands_make_room(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path, where: str
) -> None:
    here, there, home = "here" in where, "origin" in where, tmp_path / "home"
    config = load_config(git_box.root, home=home, env={})
    repo = await find_repo(git_box.root)
    if there:
        git_box.git("push", "--quiet", str(remote_box.root), "main:refs/heads/codebutler")
    if here:
        git_box.git("branch", "codebutler")
        git_box.git("pack-refs", "--all")
    with pytest.raises(RepoError, match=f"a branch codebutler {where} leaves git no room") as told:
        await taken_branches(repo, config, home=home)
    [check] = await doctor_repo.room(repo, config, home)
    assert (check.state, check.text, check.fix) == ("problem", told.value.message, told.value.fix)
    command = told.value.fix.removeprefix("Give it another name: ")
    for step in command.split(" && "):
        git_box.git(*step.split()[1:])
    names = await taken_branches(repo, config, home=home)
    assert (names, await doctor_repo.room(repo, config, home)) == (frozenset(), [])
    tree = await worktrees.create(repo, "Fix", repo.head, thread="t1", taken=names)
    git_box.git("push", "--quiet", "origin", tree.branch)
    tips = {git_box.git("rev-parse", "main")}
    kept = ([git_box] if here else []) + ([remote_box] if there else [])
    assert {box.git("rev-parse", "refs/heads/codebutler-old") for box in kept} == tips
    assert await taken_branches(repo, config, home=home) == {tree.branch}  # its folder is in nobody's way


async def test_the_remotes_is_known_before_it_is_asked_once_it_was_fetched(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    repo = await find_repo(git_box.root)
    assert await namesake.known(repo) is None
    git_box.git("push", "--quiet", "origin", "main:refs/heads/codebutler")
    assert "at origin" in str(await namesake.known(repo))
    [check] = await doctor_repo.room(repo, None, None, offline=True)
    assert "at origin" in check.text


def test_a_remote_of_our_making_is_named_as_a_shell_takes_it() -> None:
    fix = str(namesake.in_the_way(False, "/my home/r.git"))
    done = subprocess.run(
        ["sh", "-c", f"git() {{ printf '%s\\n' \"$2\"; }}; {fix.partition('name: ')[2]}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "/my home/r.git\n" * 2
