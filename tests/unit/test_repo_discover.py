"""Finding a repository from any folder, and saying plainly what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.repo.discover import find_repo

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox


async def test_a_repo_is_found_from_a_folder_inside(git_box: GitBox) -> None:
    repo = await find_repo(git_box.root / "src")
    assert (repo.root, repo.gitdir) == (git_box.root, git_box.gitdir)
    assert (repo.head, repo.branch, repo.default_branch) == (git_box.git("rev-parse", "HEAD"), "main", "main")
    assert (repo.remote_name, repo.remote_url) == ("", "")


async def test_origin_wins_over_other_remotes(git_box: GitBox, remote_box: GitBox) -> None:
    git_box.git("remote", "add", "aaa", "/nowhere")
    repo = await find_repo(git_box.root)
    assert (repo.remote_name, repo.remote_url) == ("origin", str(remote_box.root))


async def test_the_branchs_own_remote_counts_without_an_origin(git_box: GitBox, remote_box: GitBox) -> None:
    git_box.git("remote", "rename", "origin", "upstream")
    git_box.git("remote", "add", "aaa", "/nowhere")
    assert (await find_repo(git_box.root)).remote_name == "upstream"


async def test_the_default_branch_is_the_remotes_not_the_present_one(
    git_box: GitBox, remote_box: GitBox
) -> None:
    git_box.git("branch", "trunk")
    git_box.git("push", "--quiet", "origin", "trunk")
    remote_box.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    git_box.git("remote", "set-head", "origin", "--auto")
    git_box.git("switch", "--quiet", "--create", "feature")
    repo = await find_repo(git_box.root)
    assert (repo.branch, repo.default_branch) == ("feature", "trunk")


async def test_without_main_or_master_the_present_branch_is_the_default(git_box: GitBox) -> None:
    git_box.git("branch", "--move", "main", "work")
    assert (await find_repo(git_box.root)).default_branch == "work"


async def test_a_linked_worktree_means_its_main_checkout_but_its_own_head(
    git_box: GitBox, tmp_path: Path
) -> None:
    git_box.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side" / "deep").mkdir()
    repo = await find_repo(tmp_path / "side" / "deep")
    assert (repo.root, repo.branch, repo.default_branch) == (git_box.root, "side", "main")


async def test_a_submodule_is_a_repo_of_its_own(git_box: GitBox, new_box: Callable[[str], GitBox]) -> None:
    inner = new_box("inner")
    inner.commit({"c.txt": "c\n"})
    git_box.git("submodule", "--quiet", "add", str(inner.root), "vendor")
    repo = await find_repo(git_box.root / "vendor")
    assert repo.root == git_box.root / "vendor"
    assert repo.gitdir == git_box.gitdir / "modules" / "vendor"


async def test_a_detached_head_has_no_branch(git_box: GitBox) -> None:
    git_box.git("switch", "--quiet", "--detach")
    repo = await find_repo(git_box.root)
    assert (repo.branch, repo.default_branch) == (None, "main")


async def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(RepoError, match="not in a git repository") as caught:
        await find_repo(tmp_path)
    assert "git init" in caught.value.fix


async def test_nobody_is_told_to_commit_a_whole_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RepoError) as caught:
        await find_repo(tmp_path)
    assert caught.value.fix.startswith("In the project's own folder: ")


async def test_no_commit_yet(new_box: Callable[[str], GitBox]) -> None:
    box = new_box("empty")
    with pytest.raises(RepoError, match="no commit yet") as caught:
        await find_repo(box.root)
    assert "git commit" in caught.value.fix


async def test_a_bare_repository(git_box: GitBox, remote_box: GitBox) -> None:
    with pytest.raises(RepoError, match="bare repository"):
        await find_repo(remote_box.root)


@pytest.mark.parametrize("inside", [".git", ".git/refs/heads"])
async def test_inside_the_git_folder_means_its_checkout(git_box: GitBox, inside: str) -> None:
    repo = await find_repo(git_box.root / inside)
    assert (repo.root, repo.gitdir) == (git_box.root, git_box.gitdir)


async def test_a_git_folder_whose_files_are_elsewhere_is_not_called_bare(
    git_box: GitBox, tmp_path: Path
) -> None:
    git_box.git("init", "--quiet", "--separate-git-dir", str(tmp_path / "apart"))
    with pytest.raises(RepoError, match="is the inside of a repository whose files are elsewhere"):
        await find_repo(tmp_path / "apart")
    assert (await find_repo(git_box.root)).gitdir == tmp_path / "apart"


async def test_a_worktree_of_a_bare_repository(remote_box: GitBox, tmp_path: Path) -> None:
    remote_box.git("worktree", "add", "--quiet", str(tmp_path / "tree"), "main")
    with pytest.raises(RepoError, match="linked worktree of the bare repository"):
        await find_repo(tmp_path / "tree")


async def test_a_pointer_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /nowhere/at/all\n")
    with pytest.raises(RepoError, match="is gone"):
        await find_repo(tmp_path)


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RepoError, match="is not a folder"):
        await find_repo(tmp_path / "nothing")


async def test_a_broken_configuration_is_one_clear_line(git_box: GitBox) -> None:
    (git_box.gitdir / "config").write_text("[core\n")
    with pytest.raises(RepoError, match="git cannot use") as caught:
        await find_repo(git_box.root)
    assert "\n" not in str(caught.value)


async def test_git_is_missing(git_box: GitBox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepoError, match="not installed"):
        await find_repo(git_box.root)


async def test_git_is_too_old(git_box: GitBox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\necho git version 2.30.1\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepoError, match=r"2\.30\.1 is too old"):
        await find_repo(git_box.root)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")
async def test_a_repository_of_another_user_is_no_obstacle_to_root(git_box: GitBox) -> None:
    for folder, names, files in os.walk(git_box.root):
        for name in (".", *names, *files):
            os.chown(Path(folder) / name, 65534, 65534)
    assert (await find_repo(git_box.root)).branch == "main"


async def test_an_object_format_of_64_digits(new_box: Callable[[str], GitBox], tmp_path: Path) -> None:
    box = new_box("wide")
    (tmp_path / "wide" / ".git").rename(tmp_path / "gone")
    box.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    box.commit({"a.txt": "a\n"})
    assert len((await find_repo(box.root)).head) == 64
