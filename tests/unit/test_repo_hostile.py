"""Whatever a repository's configuration, hooks, attributes or trees ask for, nothing of it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.forges.local import LocalForge
from codebutler.repo import objects, worktrees
from codebutler.repo.base import base_commit
from codebutler.repo.checkpoints import import_checkpoint
from codebutler.repo.commits import commit_files
from codebutler.repo.discover import find_repo
from codebutler.repo.git import move_ref
from codebutler.repo.layout import branches_folder
from codebutler.repo.remotes import pick_remote
from codebutler.repo.transfer import fetch
from codebutler.store.connection import prepare

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox

_HOOKS = (
    "post-checkout", "post-index-change", "pre-push", "reference-transaction", "pre-commit", "commit-msg",
    "prepare-commit-msg", "post-commit", "pre-merge-commit", "post-merge", "pre-auto-gc", "push-to-checkout",
)  # fmt: skip

_PROGRAMS = (
    "core.fsmonitor", "core.sshCommand", "core.askPass", "core.pager", "core.editor", "core.gitProxy",
    "diff.external", "credential.helper", "gpg.program", "uploadpack.packObjectsHook",
)  # fmt: skip


def _plant(box: GitBox, canary: Path) -> None:
    """Name a program in every place of a repository that may name one; it reports to ``canary``."""
    program = canary.with_name("evil")
    program.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{canary}'\ncat >/dev/null\n")
    program.chmod(0o755)
    (box.gitdir / "hooks").mkdir(exist_ok=True)
    for name in _HOOKS:
        hook = box.gitdir / "hooks" / name
        hook.write_text(f"#!/bin/sh\necho {name} >> '{canary}'\n")
        hook.chmod(0o755)
    url = box.git("config", "remote.origin.url")
    settings = {
        "core.hooksPath": str(box.gitdir / "hooks"),
        "core.attributesFile": str(box.gitdir / "info" / "attributes"),
        "core.alternateRefsCommand": f"'{program}' alternates",
        "commit.gpgSign": "true",
        "push.gpgSign": "true",
        "log.showSignature": "true",
        "remote.origin.uploadpack": f"'{program}' origin",
        f"remote.{url}.uploadpack": f"'{program}' upload",
        f"remote.{url}.receivepack": f"'{program}' receive",
        f"remote.{url}.vcs": "ext",
        "alias.log": f"!'{program}' alias",
        "filter.evil.clean": f"'{program}' clean",
        "filter.evil.smudge": f"'{program}' smudge",
        "filter.evil.required": "true",
        "diff.evil.textconv": f"'{program}' textconv",
        "diff.evil.command": f"'{program}' diff",
        "merge.evil.driver": f"'{program}' merge",
        "gc.auto": "1",
        "gc.autoDetach": "false",
    }
    for key in _PROGRAMS:
        settings[key] = f"'{program}' {key}"
    for key, value in settings.items():
        box.git("config", key, value)
    (box.gitdir / "info").mkdir(exist_ok=True)
    (box.gitdir / "info" / "attributes").write_text("* filter=evil diff=evil merge=evil\n")


async def _pieces(pack: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(pack), 64):
        yield pack[start : start + 64]


async def test_a_whole_thread_in_a_trapped_repository_runs_no_trap(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    start = git_box.commit({".gitattributes": "* filter=evil diff=evil merge=evil\n"})
    git_box.git("push", "--quiet", "origin", "main")
    fix = git_box.build(start, {"a.txt": "fixed\ntwo\nthree\n"})
    neighbour = git_box.build(start, {"a.txt": "one\ntwo\nthree, too\n"})
    canary = tmp_path / "canary"
    _plant(git_box, canary)

    repo = await find_repo(git_box.root)
    base = await base_commit(repo, home=tmp_path / "home")
    tree = await worktrees.create(repo, "Fix the bug", base.commit, thread="t1")
    tip = await import_checkpoint(
        repo.gitdir, tree=fix[0], pack=_pieces(fix[1]), message="Fix", ref=tree.ref, old=start
    )
    tip = await commit_files(
        repo.gitdir, parent=tip, files={"notes.md": b"x"}, message="Note", ref=tree.ref, old=tip
    )
    text, _ = await objects.diff(repo.gitdir, start, tip)
    assert "fixed" in text
    assert [item.path for item in await objects.diff_stat(repo.gitdir, start, tip)] == ["a.txt", "notes.md"]
    assert len(await objects.log(repo.gitdir, tip)) == 4
    await move_ref(repo.gitdir, "refs/heads/other", start, "", why="test")
    other = await import_checkpoint(
        repo.gitdir,
        tree=neighbour[0],
        pack=_pieces(neighbour[1]),
        message="O",
        ref="refs/heads/other",
        old=start,
    )

    prepare(tmp_path / "prs.db").close()
    forge = LocalForge(repo, pick_remote(repo, tmp_path / "home"), tmp_path / "prs.db")
    await forge.push(tree.branch, tip, expect="")
    pr = await forge.open_pr(tree.branch, base.branch, "Fix", "")
    await forge.push("main", other, expect=start)
    merged = await forge.merge(pr.number, expected_head=tip)
    assert await objects.show_file(repo.gitdir, merged.sha, "a.txt") == "fixed\ntwo\nthree, too\n"
    await worktrees.remove(repo, tree, dirty=[], landed=[tip])
    assert not canary.exists(), canary.read_text()


async def test_the_traps_work_when_git_is_used_carelessly(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    """Without this the test above could pass because its traps are duds."""
    canary = tmp_path / "canary"
    _plant(git_box, canary)
    git_box.git("update-ref", "refs/heads/x", "HEAD")
    assert "reference-transaction" in canary.read_text()


async def test_a_remote_that_is_a_command_is_refused(git_box: GitBox, tmp_path: Path) -> None:
    for url in (f"ext::sh -c 'touch {tmp_path}/canary'", "--upload-pack=touch", "fd::7", "javascript://x"):
        with pytest.raises(RepoError, match="must not use the remote URL"):
            await fetch(git_box.gitdir, url, ["main"])
    assert not (tmp_path / "canary").exists()


async def test_a_url_that_is_rewritten_to_a_command_does_not_run(
    git_box: GitBox, remote_box: GitBox, tmp_path: Path
) -> None:
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch '{tmp_path}/canary'\n")
    script.chmod(0o755)
    git_box.git("config", f"url.ext::{script} .insteadOf", str(remote_box.root))
    with pytest.raises(RepoError, match="'ext' not allowed"):
        await fetch(git_box.gitdir, str(remote_box.root), ["+refs/heads/main:refs/codebutler/x"])
    assert not (tmp_path / "canary").exists()


async def test_our_folder_may_not_be_a_link_elsewhere(git_box: GitBox, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (git_box.root / ".codebutler").symlink_to(tmp_path / "elsewhere")
    repo = await find_repo(git_box.root)
    with pytest.raises(RepoError, match="is not a folder"):
        branches_folder(repo)
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_a_replaced_commit_is_not_believed(git_box: GitBox) -> None:
    honest = git_box.git("rev-parse", "HEAD")
    forged = git_box.commit({"a.txt": "forged\n"})
    git_box.git("replace", honest, forged)
    assert await objects.show_file(git_box.gitdir, honest, "a.txt") == "one\ntwo\nthree\n"
