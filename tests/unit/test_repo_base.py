"""Where a thread starts: the remote's newest commit, and what a person is told when that is not theirs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.repo.base import base_commit
from codebutler.repo.discover import find_repo
from codebutler.repo.remotes import ensure_made, is_local, pick_remote, pull_line
from codebutler.repo.transfer import push

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox


async def test_without_a_remote_the_local_default_branch_is_the_base(git_box: GitBox, tmp_path: Path) -> None:
    main = git_box.git("rev-parse", "main")
    git_box.git("switch", "--quiet", "--create", "feature")
    git_box.commit({"a.txt": "unfinished\n"})
    base = await base_commit(await find_repo(git_box.root), home=tmp_path)
    assert (base.commit, base.branch, base.notices) == (main, "main", ())


async def test_the_remotes_newest_commit_is_fetched_and_nothing_of_the_person_moves(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    old = git_box.git("rev-parse", "HEAD")
    new = git_box.commit({"a.txt": "new\n"})
    git_box.git("push", "--quiet", "origin", "main")
    git_box.git("reset", "--quiet", "--hard", old)
    git_box.git("update-ref", "refs/remotes/origin/main", old)
    (git_box.root / "a.txt").write_text("unsaved work\n")
    base = await base_commit(await find_repo(git_box.root), home=tmp_path)
    assert (base.commit, base.branch, base.notices) == (new, "main", ())
    assert git_box.git("rev-parse", "HEAD", "refs/remotes/origin/main").split() == [old, old]
    assert git_box.status() == "M a.txt"


async def test_threads_that_begin_at_once_all_have_the_newest_commit(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    repo = await find_repo(git_box.root)
    await base_commit(repo, home=tmp_path)
    new = git_box.commit({"a.txt": "new\n"})
    git_box.git("push", "--quiet", "origin", "main")
    bases = await asyncio.gather(*(base_commit(repo, home=tmp_path) for _ in range(6)))
    assert {(base.commit, base.notices) for base in bases} == {(new, ())}


async def test_unpushed_commits_are_not_in_the_base_and_that_is_said(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    old = git_box.git("rev-parse", "HEAD")
    git_box.commit({"a.txt": "2\n"})
    git_box.commit({"a.txt": "3\n"})
    base = await base_commit(await find_repo(git_box.root), home=tmp_path)
    assert base.commit == old
    assert base.notices == ("main here has 2 commit(s) that origin lacks; the thread does not see them",)


async def test_a_remote_out_of_reach_costs_a_notice_only(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    head = git_box.git("rev-parse", "HEAD")
    remote_box.root.rename(tmp_path / "moved.git")
    base = await base_commit(await find_repo(git_box.root), home=tmp_path)
    assert base.commit == head
    assert "is not there; going on with what is known here" in base.notices[0]


async def test_a_server_out_of_reach_costs_a_notice_only(git_box: GitBox, tmp_path: Path) -> None:
    git_box.git("remote", "add", "origin", "https://ann:secret@127.0.0.1:1/x.git")
    base = await base_commit(await find_repo(git_box.root), home=tmp_path, timeout=5)
    assert base.commit == git_box.git("rev-parse", "HEAD")
    assert "127.0.0.1" in base.notices[0]
    assert "secret" not in base.notices[0]


async def test_an_empty_remote_is_named_with_the_command_that_mends_it(
    git_box: GitBox, tmp_path: Path
) -> None:
    git_box.git("init", "--quiet", "--bare", str(tmp_path / "empty.git"))
    git_box.git("remote", "add", "origin", str(tmp_path / "empty.git"))
    base = await base_commit(await find_repo(git_box.root), home=tmp_path)
    assert base.commit == git_box.git("rev-parse", "HEAD")
    assert "git push origin main" in base.notices[0]


async def test_the_remotes_own_default_branch_is_found_when_ours_is_a_wrong_guess(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    remote_box.git("branch", "--move", "main", "trunk")
    base = await base_commit(await find_repo(git_box.root), home=tmp_path)
    assert base.branch == "trunk"
    assert base.notices == ()


async def test_a_detached_head_is_the_base_itself(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    old = git_box.git("rev-parse", "HEAD")
    git_box.commit({"a.txt": "2\n"})
    git_box.git("push", "--quiet", "origin", "main")
    git_box.git("switch", "--quiet", "--detach", old)
    base = await base_commit(await find_repo(git_box.root), home=tmp_path)
    assert (base.commit, base.branch) == (old, "main")
    assert "detached" in base.notices[-1]


async def test_a_detached_head_that_the_branch_lacks_is_no_base(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    """What a pull request would show of it would not land."""
    main = git_box.git("rev-parse", "HEAD")
    git_box.git("switch", "--quiet", "--detach")
    git_box.commit({"f.txt": "mine\n"})
    base = await base_commit(await find_repo(git_box.root), home=tmp_path)
    assert (base.commit, base.branch) == (main, "main")
    assert "without it" in base.notices[-1]


async def test_a_made_remote_starts_with_the_local_branch_and_follows_it(
    git_box: GitBox, tmp_path: Path
) -> None:
    repo = await find_repo(git_box.root)
    made = pick_remote(repo, tmp_path / "home")
    assert made.made
    assert made.path is not None
    await ensure_made(repo, made, "main")
    new = git_box.commit({"a.txt": "2\n"})
    await ensure_made(repo, made, "main")
    assert git_box.git("ls-remote", made.url, "HEAD").split()[0] == new
    assert git_box.git("remote") == ""
    assert [path.name for path in made.path.parent.iterdir()] == [made.path.name]


async def test_what_was_merged_into_a_made_remote_is_the_base(git_box: GitBox, tmp_path: Path) -> None:
    repo = await find_repo(git_box.root)
    made = pick_remote(repo, tmp_path / "home")
    await ensure_made(repo, made, "main")
    old = repo.head
    merged = git_box.commit({"a.txt": "merged\n"})
    git_box.git("reset", "--quiet", "--hard", old)
    await push(repo.gitdir, url=made.url, sha=merged, ref="refs/heads/main", expect=old)
    base = await base_commit(repo, home=tmp_path / "home")
    assert (base.commit, base.notices) == (merged, ())
    git_box.commit({"b.txt": "mine\n"})
    base = await base_commit(await find_repo(git_box.root), home=tmp_path / "home")
    assert base.commit == merged
    assert pull_line(made, "main") in base.notices[0]
    await ensure_made(repo, made, "main")
    assert git_box.git("ls-remote", made.url, "HEAD").split()[0] == merged


async def test_a_remote_may_be_relative_or_a_file_url_with_escapes(
    git_box: GitBox, remote_box: GitBox
) -> None:
    for url in ("../the remote.git", f"file://{remote_box.root}".replace(" ", "%20"), "../the remote"):
        git_box.git("config", "remote.origin.url", url)
        remote = pick_remote(await find_repo(git_box.root), Path("/home"))
        assert (remote.path, remote.made) == (remote_box.root, False)


async def test_a_remote_that_is_gone_is_an_error_for_those_who_need_it(
    git_box: GitBox, tmp_path: Path
) -> None:
    git_box.git("remote", "add", "origin", str(tmp_path / "gone"))
    with pytest.raises(RepoError, match="is not there"):
        pick_remote(await find_repo(git_box.root), tmp_path)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("/srv/x.git", True),
        ("../x", True),
        ("./a:b/x", True),
        ("file:///srv/x", True),
        ("git@github.com:a/b.git", False),
        ("https://github.com/a/b", False),
        ("ssh://host/x", False),
        ("host:x", False),
    ],
)
def test_which_urls_are_on_this_disk(url: str, local: bool) -> None:
    assert is_local(url) is local
