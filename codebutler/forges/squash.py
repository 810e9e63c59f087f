"""One commit out of a branch, on top of the present base, without a checkout."""

from __future__ import annotations

from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.commits import BOT, Identity, tree_of
from codebutler.repo.git import plumb
from codebutler.repo.merging import merged_tree, shown


async def squash(gitdir: Path, *, onto: str, head: str, message: str, identity: Identity = BOT) -> str:
    """A commit on ``onto`` with what ``head`` brings; no ref is touched.

    RepoError if the two conflict (names the files), or if there is nothing to bring.
    """
    tree, conflicts = await merged_tree(gitdir, onto, head)
    if conflicts:
        raise RepoError(
            f"the branch conflicts with its base in {shown(conflicts)}",
            fix='Say **"rebase"**: the Coder settles it. Or merge the base into the branch by hand in the '
            "thread's worktree (where git calls its owner dubious: git -c safe.directory='*' merge …), or "
            "close it and start anew",
        )
    if tree == await tree_of(gitdir, onto):
        raise RepoError("the branch changes nothing that its base lacks", fix="Close the pull request")
    args = ("commit-tree", "-p", onto, "-F", "-", tree)
    out = await plumb(*args, gitdir=gitdir, stdin=message.encode(errors="replace"), env_extra=identity.env)
    return out.decode().strip()
