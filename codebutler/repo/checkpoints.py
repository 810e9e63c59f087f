"""Import what an executor built: a tree and a pack become a commit on the thread's branch.

Everything that comes in is hostile. git's own strict check refuses trees with ``.git`` entries, bad
.gitmodules and dangling links; the size is bounded here; the ids are checked to be ids.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import stat
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.commits import BOT, Identity, join_trees
from codebutler.repo.git import common_dir, move_ref, need_oid, plumb, try_plumb
from codebutler.repo.handmade import name, with_commit
from codebutler.repo.index import sync_index
from codebutler.repo.layout import give_like
from codebutler.repo.process import complaint
from codebutler.repo.removal import delete_tree
from codebutler.repo.words import commit_message

PACK_LIMIT = 1024 * 1024 * 1024
_FEW = 100
"""Fewer objects than this become files of their own, as git itself does it with what is pushed to it: each
pack makes all that git does in the repository a little slower, and there would be one for each edit."""
_SECONDS = 300.0


async def import_checkpoint(
    gitdir: Path,
    *,
    tree: str,
    pack: AsyncIterable[bytes] | None,
    message: str,
    ref: str,
    old: str,
    base: str = "",
    known: str = "",
    co_authors: Iterable[str] = (),
    identity: Identity = BOT,
    limit: int = PACK_LIMIT,
    index: bool = True,
    made: str = "",
) -> str:
    """Commit ``tree`` on top of ``old`` and move ``ref`` from ``old`` to it; returns the branch's tip.

    ``pack`` holds the objects that ``base`` (default ``old``) lacks, at most ``limit`` bytes; empty, or
    None when they were received before. No commit is made when ``tree`` is that of ``old``, which a caller
    may know: ``known``. RepoError, and the branch stays where it is, for anything broken or refused (git
    itself looks at what it commits, and at its parent), and if the branch was moved meanwhile.
    Without ``index`` the worktree's own index stays behind: the caller syncs it when a person may look.
    ``made`` is such a commit, received before.
    """
    need_oid(tree, "the tree")
    need_oid(old, "the branch's commit")
    need_oid(base or old, "the base")
    if pack is not None:
        await receive(gitdir, pack, limit=limit)
    if tree == (known or await _need_trees(gitdir, old, tree)):
        return old
    title, _, body = message.strip().partition("\n")
    words = commit_message(title, body, co_authors)
    commit = made or await join_trees(gitdir, tree, [old], words, identity=identity)
    await move_ref(gitdir, ref, commit, old, why="codebutler: checkpoint")
    if index:
        await sync_index(gitdir, ref, commit)
    return commit


async def receive(
    gitdir: Path, pack: AsyncIterable[bytes], *, limit: int = PACK_LIMIT, commit: bytes = b""
) -> str:
    """Take in what a pack holds, before anything refers to it. RepoError for what git refuses.

    ``commit`` comes along if the pack is small: then its id is returned, else "".
    """
    return await _import(gitdir, _bounded(pack, limit), limit, commit)


async def _need_trees(gitdir: Path, old: str, tree: str) -> str:
    """The tree of ``old``. RepoError unless that is a commit, and ``tree`` a tree; one process for both."""
    asked = f"{old}^{{commit}}\n{old}^{{tree}}\n{tree}\n".encode()
    out = await plumb("cat-file", "--batch-check=%(objectname) %(objecttype)", gitdir=gitdir, stdin=asked)
    commit, its, new = (line.split(" ") for line in out.decode().splitlines())
    if commit != [old, "commit"]:
        raise RepoError(f"there is no commit {old[:12]} here")
    if new != [tree, "tree"]:
        raise RepoError(f"the checkpoint has no tree {tree[:12]}")
    return its[0]


async def _import(gitdir: Path, pack: AsyncIterator[bytes], limit: int, commit: bytes) -> str:
    """Hand the pack to git, unless it is empty. What git refuses leaves nothing in the repository."""
    first = await anext(pack, b"")
    if not first:
        return ""
    second = await anext(pack, b"")
    few = not second and int.from_bytes(first[8:12], "big") < _FEW
    if few and commit:
        first = with_commit(first, commit)
    how = ("unpack-objects", "-q") if few else ("index-pack", "--stdin", "--fix-thin")
    args = (*how, "--strict", f"--max-input-size={limit}")
    objects = common_dir(gitdir) / "objects"
    entry = (
        objects / f"tmp_objdir-codebutler-{secrets.token_hex(6)}"
    )  # git itself cleans up old ones so named
    env = {"GIT_OBJECT_DIRECTORY": str(entry), "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(objects)}
    try:
        await asyncio.to_thread(_make_entry, entry)
        joined = _joined(first + second, pack)
        result = await try_plumb(*args, gitdir=gitdir, stdin=joined, timeout=_SECONDS, env_extra=env)
        if result.code != 0:
            raise RepoError(f"the checkpoint was refused: {complaint(result.err)}")
        await asyncio.to_thread(_admit, entry, objects)
    finally:
        await asyncio.to_thread(delete_tree, entry)
    return name(commit) if few and commit else ""


def _make_entry(entry: Path) -> None:
    entry.mkdir(mode=0o700)
    give_like(entry, entry.parent)


def _admit(entry: Path, objects: Path) -> None:
    """Move what was checked among the others; a pack's index last, as that is what git finds a pack by."""
    mode = stat.S_IMODE(objects.stat().st_mode)
    for folder in entry.iterdir():
        there = objects / folder.name
        folder.chmod(mode)  # a group may share the repository
        try:
            folder.rename(there)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            files = sorted(folder.iterdir(), key=lambda file: (file.suffix == ".idx", file.suffix != ".pack"))
            for file in files:
                file.rename(there / file.name)


def _quoted(path: Path) -> str:
    """A path as git wants it in a list that is separated by colons."""
    text = str(path)
    if not any(char in text for char in ':"\\\n'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


async def _bounded(pack: AsyncIterable[bytes], limit: int) -> AsyncIterator[bytes]:
    """The pack's chunks without empty ones, until it grows too large."""
    size = 0
    async for chunk in pack:
        size += len(chunk)
        if size > limit:
            raise RepoError(
                f"the checkpoint is larger than {limit} bytes", fix="Ignore build output and large files"
            )
        if chunk:
            yield chunk
