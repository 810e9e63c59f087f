"""Import what an executor built: a tree and a pack become a commit on the thread's branch.

Everything that comes in is hostile. git's own strict check refuses trees with ``.git`` entries, bad
.gitmodules and dangling links; the size is bounded here; the ids are checked to be ids.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.commits import BOT, Identity, commit_tree
from codebutler.repo.git import move_ref, need_oid, plumb, try_plumb
from codebutler.repo.index import sync_index
from codebutler.repo.process import complaint
from codebutler.repo.words import commit_message

PACK_LIMIT = 1024 * 1024 * 1024
_SECONDS = 300.0


async def import_checkpoint(
    gitdir: Path,
    *,
    tree: str,
    pack: AsyncIterable[bytes],
    message: str,
    ref: str,
    old: str,
    base: str = "",
    co_authors: Iterable[str] = (),
    identity: Identity = BOT,
    limit: int = PACK_LIMIT,
) -> str:
    """Commit ``tree`` on top of ``old`` and move ``ref`` from ``old`` to it; returns the branch's tip.

    ``pack`` holds the objects that ``base`` (default ``old``) lacks; it may be empty. At most ``limit``
    bytes. No commit is made when ``tree`` is that of ``old``. RepoError, and the branch stays where it is,
    for anything broken or refused, and if the branch was moved meanwhile.
    """
    need_oid(tree, "the tree")
    need_oid(old, "the branch's commit")
    await _need_commit(gitdir, base or old)
    await _import(gitdir, _bounded(pack, limit), limit)
    kind = await plumb("cat-file", "-t", tree, gitdir=gitdir, check=False)
    if kind.strip() != b"tree":
        raise RepoError(f"the checkpoint has no tree {tree[:12]}")
    title, _, body = message.strip().partition("\n")
    commit = await commit_tree(gitdir, tree, old, commit_message(title, body, co_authors), identity=identity)
    if commit != old:
        await move_ref(gitdir, ref, commit, old, why="codebutler: checkpoint")
        await sync_index(gitdir, ref, commit)
    return commit


async def _need_commit(gitdir: Path, commit: str) -> None:
    kind = await plumb("cat-file", "-t", need_oid(commit, "the base"), gitdir=gitdir, check=False)
    if kind.strip() != b"commit":
        raise RepoError(f"there is no commit {commit[:12]} here")


async def _import(gitdir: Path, pack: AsyncIterator[bytes], limit: int) -> None:
    """Hand the pack to git, unless it is empty."""
    first = await anext(pack, b"")
    if not first:
        return
    args = ("index-pack", "--stdin", "--fix-thin", "--strict", f"--max-input-size={limit}")
    result = await try_plumb(*args, gitdir=gitdir, stdin=_joined(first, pack), timeout=_SECONDS)
    if result.code != 0:
        raise RepoError(f"the checkpoint was refused: {complaint(result.err)}")


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
