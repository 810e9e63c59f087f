"""One commit out of a branch, on top of the present base, without a checkout."""

from __future__ import annotations

from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.commits import BOT, Identity, tree_of
from codebutler.repo.git import plumb, try_plumb
from codebutler.repo.process import complaint

_SHOWN = 10


async def squash(gitdir: Path, *, onto: str, head: str, message: str, identity: Identity = BOT) -> str:
    """A commit on ``onto`` with what ``head`` brings; no ref is touched.

    RepoError if the two conflict (names the files), or if there is nothing to bring.
    """
    tree = await _merged_tree(gitdir, onto, head)
    if tree == await tree_of(gitdir, onto):
        raise RepoError("the branch changes nothing that its base lacks", fix="Close the pull request")
    args = ("commit-tree", "-p", onto, "-F", "-", tree)
    out = await plumb(*args, gitdir=gitdir, stdin=message.encode(errors="replace"), env_extra=identity.env)
    return out.decode().strip()


async def _merged_tree(gitdir: Path, onto: str, head: str) -> str:
    args = ("merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", onto, head)
    result = await try_plumb(*args, gitdir=gitdir)
    if result.code not in (0, 1):
        raise RepoError(f"the branch cannot be merged: {complaint(result.err)}")
    tree, *names = [name for name in result.out.decode(errors="replace").split("\0") if name]
    if result.code == 1:
        shown = ", ".join(dict.fromkeys(names[:_SHOWN])) + (" …" if len(names) > _SHOWN else "")
        raise RepoError(
            f"the branch conflicts with its base in {shown}",
            fix="Merge the base into the branch by hand in the thread's worktree, or close it and start anew",
        )
    return tree
