"""A thread's branch and folder: made once, found again, removed only when nothing is lost."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.repo import worktrees
from codebutler.repo.commits import commit_files
from codebutler.repo.discover import Repo, find_repo
from codebutler.repo.removal import delete_tree
from codebutler.repo.words import slug

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox


@pytest.fixture
async def repo(git_box: GitBox) -> Repo:
    return await find_repo(git_box.root)


async def _work(repo: Repo, tree: worktrees.Worktree) -> str:
    """A commit on the thread's branch."""
    return await commit_files(
        repo.gitdir,
        parent=tree.base,
        files={"new.txt": b"new\n"},
        message="Work",
        ref=tree.ref,
        old=tree.base,
    )


async def test_a_worktree_is_empty_on_its_own_branch_and_invisible_outside(
    repo: Repo, git_box: GitBox
) -> None:
    tree = await worktrees.create(repo, "Fix: the Größe of *things*!", repo.head, thread="t1")
    assert tree.branch == "codebutler/fix-the-grosse-of-things"
    assert tree.path == repo.root / ".codebutler" / "branches" / tree.branch.removeprefix("codebutler/")
    assert [entry.name for entry in tree.path.iterdir()] == [".git"]
    assert git_box.git("rev-parse", tree.branch) == repo.head
    assert (git_box.status(), git_box.git("branch", "--show-current")) == ("", "main")


async def test_in_the_folder_a_persons_git_status_is_right(repo: Repo, git_box: GitBox) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    git_box.git("-C", str(tree.path), "checkout-index", "--all")
    assert git_box.git("-C", str(tree.path), "status", "--porcelain") == ""
    await _work(repo, tree)
    assert git_box.git("-C", str(tree.path), "status", "--porcelain") == "D new.txt"


async def test_taken_names_get_a_number_and_no_branch_moves(repo: Repo, git_box: GitBox) -> None:
    new = git_box.commit({"a.txt": "2\n"})
    git_box.git("branch", "codebutler/fix", repo.head)
    (repo.root / ".codebutler" / "branches" / "fix-2").mkdir(parents=True)
    one = await worktrees.create(repo, "fix", new, thread="t1")
    two = await worktrees.create(repo, "fix", new, thread="t2")
    assert [one.branch, two.branch] == ["codebutler/fix-3", "codebutler/fix-4"]
    assert git_box.git("rev-parse", "codebutler/fix") == repo.head


async def test_a_persons_worktree_of_the_same_folder_name_is_no_obstacle(
    repo: Repo, git_box: GitBox, tmp_path: Path
) -> None:
    git_box.git("worktree", "add", "--quiet", str(tmp_path / "fix"))
    tree = await worktrees.create(repo, "fix", repo.head, thread="t1")
    assert (tree.branch, tree.gitdir.is_dir()) == ("codebutler/fix-2", True)


async def test_many_at_once_get_names_of_their_own(repo: Repo) -> None:
    threads = [f"t{number}" for number in range(6)]
    trees = await asyncio.gather(
        *(worktrees.create(repo, "same", repo.head, thread=name) for name in threads)
    )
    assert len({tree.branch for tree in trees}) == len(threads)


async def test_a_thread_finds_its_worktree_again(repo: Repo) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="slack:C1/17.5 ✨")
    assert await worktrees.create(repo, "other words", repo.head, thread="slack:C1/17.5 ✨") == tree
    assert await worktrees.find(repo, "slack:C1/17.5 ✨") == tree
    assert await worktrees.find(repo, "t1") is None


async def test_a_crash_between_branch_and_folder_is_mended(repo: Repo, git_box: GitBox) -> None:
    orders = f"create refs/heads/codebutler/x {repo.head}\ncreate refs/codebutler/threads/t1/x {repo.head}\n"
    git_box.git("update-ref", "--stdin", stdin=orders.encode())
    tree = await worktrees.create(repo, "words", repo.head, thread="t1")
    assert tree.branch == "codebutler/x"
    assert (tree.path / ".git").is_file()


async def test_a_crash_inside_worktree_add_is_mended(repo: Repo, git_box: GitBox) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    (tree.gitdir / "locked").write_text("initializing\n")
    (tree.gitdir / "HEAD").write_text("0" * 40 + "\n")
    (tree.gitdir / "index").unlink()
    assert await worktrees.create(repo, "x", repo.head, thread="t1") == tree
    assert git_box.git("-C", str(tree.path), "branch", "--show-current") == "codebutler/x"


async def test_a_freed_folder_comes_back_on_the_branch_as_it_was(repo: Repo, git_box: GitBox) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    tip = await _work(repo, tree)
    await worktrees.remove(repo, tree, dirty=[], keep_branch=True)
    assert not tree.path.exists()
    assert await worktrees.create(repo, "x", repo.head, thread="t1") == tree
    assert git_box.git("-C", str(tree.path), "rev-parse", "HEAD") == tip


async def test_a_folder_that_was_never_filled_wholly_is_begun_anew(repo: Repo) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    (tree.path / "half").write_text("half a fi")
    assert await worktrees.create(repo, "x", repo.head, thread="t1", fresh=True) == tree
    assert [entry.name for entry in tree.path.iterdir()] == [".git"]
    (tree.path / "work").write_text("work")
    await _work(repo, tree)
    await worktrees.create(repo, "x", repo.head, thread="t1", fresh=True)
    assert (tree.path / "work").exists()


async def test_a_branch_without_work_begins_where_the_base_branch_stands_now(
    repo: Repo, git_box: GitBox
) -> None:
    """What it was to be filled with may be what could not be laid out."""
    old = await worktrees.create(repo, "x", repo.head, thread="t1")
    moved = git_box.commit({"a.txt": "2\n"})
    tree = await worktrees.create(repo, "x", moved, thread="t1", fresh=True)
    assert (tree.path, tree.branch, tree.base) == (old.path, old.branch, moved)
    assert git_box.git("-C", str(tree.path), "rev-parse", "HEAD") == moved
    assert await worktrees.find(repo, "t1") == tree
    tip = await _work(repo, tree)
    later = git_box.commit({"a.txt": "3\n"})
    assert await worktrees.create(repo, "x", later, thread="t1", fresh=True) == tree
    assert git_box.git("rev-parse", tree.branch) == tip


async def test_a_folder_with_files_that_git_does_not_know_is_not_deleted(repo: Repo) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    (tree.path / "work.txt").write_text("precious")
    (tree.gitdir / "commondir").unlink()
    with pytest.raises(RepoError, match="holds files"):
        await worktrees.create(repo, "x", repo.head, thread="t1")
    assert (tree.path / "work.txt").exists()


async def test_removal_leaves_nothing_and_may_be_repeated(repo: Repo, git_box: GitBox) -> None:
    before = git_box.git("for-each-ref")
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    tip = await _work(repo, tree)
    (tree.path / "node_modules").mkdir()
    for _ in range(2):
        await worktrees.remove(repo, tree, dirty=[], landed=[tip])
        assert worktrees.elsewhere(repo, tree.branch) is not None, "a late look finds that it has gone"
    assert list(tree.path.parent.iterdir()) == []
    assert git_box.git("for-each-ref") == before
    assert git_box.git("worktree", "list").count("\n") == 0


async def test_uncommitted_work_is_kept_and_named(repo: Repo) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    with pytest.raises(RepoError, match=r"uncommitted work \(a.txt, b.txt\)") as caught:
        await worktrees.remove(repo, tree, dirty=["a.txt", "b.txt"], landed=[repo.head])
    assert str(tree.path) in str(caught.value)
    assert tree.path.exists()


async def test_commits_that_are_nowhere_else_are_kept(repo: Repo, git_box: GitBox) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    tip = await _work(repo, tree)
    with pytest.raises(RepoError, match="nowhere else"):
        await worktrees.remove(repo, tree, dirty=[], landed=[repo.head, ""])
    assert git_box.git("rev-parse", tree.branch) == tip
    assert tree.path.exists()


async def test_a_branch_without_work_may_always_go(repo: Repo) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    await worktrees.remove(repo, tree, dirty=[])
    assert not tree.path.exists()


async def test_a_worktree_that_a_person_took_over_or_locked_is_kept(repo: Repo, git_box: GitBox) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    git_box.git("worktree", "lock", str(tree.path))
    with pytest.raises(RepoError, match="is locked"):
        await worktrees.remove(repo, tree, dirty=[])
    git_box.git("worktree", "unlock", str(tree.path))
    git_box.git("-C", str(tree.path), "symbolic-ref", "HEAD", "refs/heads/mine")
    with pytest.raises(RepoError, match="no longer on its branch"):
        await worktrees.remove(repo, tree, dirty=[])
    assert tree.path.exists()


async def test_a_link_planted_in_the_worktree_is_not_followed(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "key").write_text("secret")
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    (tree.path / "link").symlink_to(tmp_path / "home")
    await worktrees.remove(repo, tree, dirty=[])
    assert (tmp_path / "home" / "key").read_text() == "secret"


async def test_a_crash_while_deleting_is_swept_up(repo: Repo) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    (tree.path.parent / ".trash-abc" / "deep").mkdir(parents=True)
    await worktrees.sweep(repo)
    assert [entry.name for entry in tree.path.parent.iterdir()] == ["x"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_root_removes_a_worktree_of_the_sandboxs_user(repo: Repo) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    (tree.path / "sub").mkdir(mode=0o500)
    for path in (tree.path, tree.path / ".git", tree.path / "sub"):
        os.chown(path, 65534, 65534)
    await worktrees.remove(repo, tree, dirty=[])
    assert not tree.path.exists()


async def test_the_private_exclude_file_keeps_what_it_had_and_grows_once(repo: Repo) -> None:
    exclude = repo.gitdir / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("*.mine")
    await worktrees.create(repo, "x", repo.head, thread="t1")
    once = exclude.read_text()
    await worktrees.create(repo, "y", repo.head, thread="t2")
    assert once.startswith("*.mine\n#")
    assert once == exclude.read_text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fix the Bug", "fix-the-bug"),
        ("  --rf / ../../etc  ", "rf-etc"),
        ("Über größe", "uber-grosse"),
        ("a" * 60, "a" * 40),
        ("x" * 39 + " tail", "x" * 39),
    ],
)
def test_slugs(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_a_slug_of_what_has_no_letters_is_still_a_name() -> None:
    assert slug("日本語") != slug("中文")
    assert slug("").isalnum()


async def test_a_deleted_folder_comes_back_and_counts_only_when_filled(repo: Repo, git_box: GitBox) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    assert worktrees.stands(repo, tree.branch)
    tip = await _work(repo, tree)
    delete_tree(tree.path)
    assert not worktrees.stands(repo, tree.branch)
    for _ in range(2):  # the second time with half of the files of a first that a crash has ended
        assert await worktrees.restore(repo, tree.branch, tree.base, thread="t1") == tree
        assert [entry.name for entry in tree.path.iterdir()] == [".git"]
        assert not worktrees.stands(repo, tree.branch)
        (tree.path / "half.txt").write_text("half")
    worktrees.filled(tree)
    assert worktrees.stands(repo, tree.branch)
    assert git_box.git("-C", str(tree.path), "rev-parse", "HEAD") == tip


async def test_a_branch_that_was_brought_back_is_the_threads_own_again(repo: Repo, git_box: GitBox) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    tip = await _work(repo, tree)
    git_box.git("worktree", "remove", "--force", str(tree.path))
    git_box.git("branch", "-D", tree.branch)
    assert await worktrees.find(repo, "t1") is None
    git_box.git("branch", tree.branch, tip)
    await worktrees.restore(repo, tree.branch, tree.base, thread="t1")
    assert await worktrees.find(repo, "t1") == tree


async def test_a_folder_that_git_no_longer_knows_stays_and_its_edits_are_spoken_of(
    repo: Repo, git_box: GitBox
) -> None:
    tree = await worktrees.create(repo, "x", repo.head, thread="t1")
    (tree.path / "edit").write_text("unsaved\n")
    delete_tree(repo.gitdir / "worktrees")
    with pytest.raises(RepoError, match="copy back by hand"):
        await worktrees.restore(repo, tree.branch, tree.base, thread="t1")
    assert (tree.path / "edit").read_text() == "unsaved\n"
    assert git_box.git("rev-parse", tree.branch) == repo.head
