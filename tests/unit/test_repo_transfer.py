"""Pushing: conditional, repeatable, with plain words for every refusal; secrets stay out of sight."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.errors import RepoError
from codebutler.repo.transfer import Update, delete_remote_branch, fetch, ls_remote, push, push_refs

if TYPE_CHECKING:
    from tests.unit.conftest import GitBox

_X = "refs/heads/x"


async def test_a_push_creates_moves_and_repeats(git_box: GitBox, remote_box: GitBox) -> None:
    one = git_box.git("rev-parse", "HEAD")
    two = git_box.commit({"a.txt": "2\n"})
    url = str(remote_box.root)
    await push(git_box.gitdir, url=url, sha=one, ref=_X, expect="")
    await push(git_box.gitdir, url=url, sha=two, ref=_X, expect=one)
    await push(git_box.gitdir, url=url, sha=two, ref=_X, expect=one)
    assert remote_box.git("rev-parse", _X) == two
    await push(git_box.gitdir, url=url, sha=one, ref=_X, expect=two)
    assert remote_box.git("rev-parse", _X) == one


async def test_a_remote_that_moved_is_not_overwritten(git_box: GitBox, remote_box: GitBox) -> None:
    one = git_box.git("rev-parse", "HEAD")
    two = git_box.commit({"a.txt": "2\n"})
    url = str(remote_box.root)
    await push(git_box.gitdir, url=url, sha=two, ref=_X, expect="")
    for expect in ("", one, None):
        with pytest.raises(RepoError, match=r"refs/heads/x on .* has moved meanwhile"):
            await push(git_box.gitdir, url=url, sha=one, ref=_X, expect=expect)
    assert remote_box.git("rev-parse", _X) == two


async def test_a_branch_that_was_deleted_is_said_to_be(git_box: GitBox, remote_box: GitBox) -> None:
    one = git_box.git("rev-parse", "HEAD")
    two = git_box.commit({"a.txt": "2\n"})
    with pytest.raises(RepoError, match=r"refs/heads/x on .* was deleted meanwhile"):
        await push(git_box.gitdir, url=str(remote_box.root), sha=two, ref=_X, expect=one)


async def test_several_refs_move_all_or_none(git_box: GitBox, remote_box: GitBox) -> None:
    one = git_box.git("rev-parse", "HEAD")
    updates = [Update("refs/heads/new", one, ""), Update("refs/heads/main", "", "1" * 40)]
    with pytest.raises(RepoError, match="refs/heads/main"):
        await push_refs(git_box.gitdir, str(remote_box.root), updates)
    assert "new" not in remote_box.git("branch")


async def test_deleting_a_branch_twice_is_fine(git_box: GitBox, remote_box: GitBox) -> None:
    one = git_box.git("rev-parse", "HEAD")
    url = str(remote_box.root)
    await push(git_box.gitdir, url=url, sha=one, ref=_X, expect="")
    with pytest.raises(RepoError, match="has moved"):
        await delete_remote_branch(git_box.gitdir, url=url, branch="x", expect="1" * 40)
    await delete_remote_branch(git_box.gitdir, url=url, branch="x", expect=one)
    await delete_remote_branch(git_box.gitdir, url=url, branch="x", expect=one)
    assert "x" not in remote_box.git("branch").split()


async def test_what_the_remotes_own_rules_refuse_is_quoted(git_box: GitBox, remote_box: GitBox) -> None:
    hook = remote_box.root / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'no pushes on Fridays' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(RepoError, match="no pushes on Fridays"):
        await push(git_box.gitdir, url=str(remote_box.root), sha=git_box.git("rev-parse", "HEAD"), ref=_X)


async def test_a_refused_push_names_all_that_it_would_have_moved(git_box: GitBox, remote_box: GitBox) -> None:
    hook = remote_box.root / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    sha = git_box.git("rev-parse", "HEAD")
    updates = [Update(_X, sha, ""), Update("refs/heads/y", sha, "")]
    with pytest.raises(RepoError, match=f"refused {_X} and refs/heads/y: .*main is protected.*Try again"):
        await push_refs(git_box.gitdir, str(remote_box.root), updates)


async def test_a_checked_out_branch_of_a_remote_is_explained(git_box: GitBox, tmp_path: Path) -> None:
    git_box.git("clone", "--quiet", str(git_box.root), str(tmp_path / "clone"))
    new = git_box.commit({"a.txt": "2\n"})
    with pytest.raises(RepoError, match="is checked out in") as caught:
        await push(git_box.gitdir, url=str(tmp_path / "clone"), sha=new, ref="refs/heads/main")
    assert "bare" in caught.value.fix


async def test_a_remote_that_is_gone_is_one_clear_line(git_box: GitBox, tmp_path: Path) -> None:
    with pytest.raises(RepoError) as caught:
        await push(git_box.gitdir, url=str(tmp_path / "gone"), sha=git_box.git("rev-parse", "HEAD"), ref=_X)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "gone") in str(caught.value)


async def test_a_fetch_writes_only_what_it_is_told(git_box: GitBox, remote_box: GitBox) -> None:
    git_box.git("tag", "v1")
    git_box.git("push", "--quiet", "origin", "v1")
    git_box.git("tag", "--delete", "v1")
    before = git_box.git("for-each-ref")
    await fetch(git_box.gitdir, str(remote_box.root), ["+refs/heads/main:refs/codebutler/base/main"])
    added = set(git_box.git("for-each-ref").splitlines()) - set(before.splitlines())
    assert [line.split("\t")[1] for line in added] == ["refs/codebutler/base/main"]
    assert not (git_box.gitdir / "FETCH_HEAD").exists()


@asynccontextmanager
async def _server(seen: list[str]) -> AsyncIterator[str]:
    """An HTTP server that demands a password and notes what it is sent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.append(head)
        if "authorization:" in head.lower():
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            writer.write(
                b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\n'
                b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _sent(seen: list[str]) -> str:
    line = next(
        line for head in seen for line in head.splitlines() if line.lower().startswith("authorization:")
    )
    return base64.b64decode(line.split(" ")[-1]).decode()


async def test_a_token_reaches_its_host_and_no_message(git_box: GitBox) -> None:
    git_box.git("config", "credential.helper", "!echo password=wrong; echo username=wrong; :")
    seen: list[str] = []
    async with _server(seen) as host:
        with pytest.raises(RepoError) as caught:
            await fetch(git_box.gitdir, f"http://{host}/x.git", ["main"], token="t0p-secret")
    assert _sent(seen) == "x-access-token:t0p-secret"
    assert "t0p-secret" not in str(caught.value)


async def test_a_password_in_a_url_is_taken_out_and_still_works(git_box: GitBox) -> None:
    seen: list[str] = []
    async with _server(seen) as host:
        with pytest.raises(RepoError) as caught:
            await ls_remote(git_box.gitdir, f"http://ann:ge%40heim@{host}/x.git")
    assert _sent(seen) == "ann:ge@heim"
    assert "heim" not in str(caught.value)


async def test_a_token_does_not_follow_a_rewritten_url(git_box: GitBox) -> None:
    seen: list[str] = []
    async with _server(seen) as host:
        git_box.git("config", f"url.http://{host}/.insteadOf", "https://github.com/")
        with pytest.raises(RepoError, match="fetching from"):
            await fetch(git_box.gitdir, "https://github.com/a/b.git", ["main"], token="t0p-secret")
    assert seen
    assert not any("authorization:" in head.lower() for head in seen)
