"""A branch called ``codebutler``: beside it git makes none of ours, which are ``codebutler/<slug>``."""

from __future__ import annotations

import shlex

from codebutler.errors import RepoError
from codebutler.repo.discover import Repo
from codebutler.repo.git import git

NAME = "codebutler"
_NEW = f"{NAME}-old"
_OWN = f"refs/heads/{NAME}"


async def known(repo: Repo) -> RepoError | None:
    """What is in the way as far as this clone knows: its own branch, and the remote's as last fetched."""
    fetched = f"refs/remotes/{repo.remote_name or '-'}/{NAME}"
    names = await _names(repo, _OWN, fetched)
    return in_the_way(_OWN in names, repo.remote_name if fetched in names else "")


async def found(repo: Repo, there: str) -> RepoError | None:
    """The same with the remote just asked: ``there`` is its name if it has such a branch, else ""."""
    return in_the_way(_OWN in await _names(repo, _OWN), there)


def in_the_way(here: bool, there: str) -> RepoError | None:
    """Who has the branch, and the commands that give it another name; None when nobody has it."""
    remote = shlex.quote(there)
    local = [f"git branch -m {NAME} {_NEW}"] if here else []
    away = [
        f"git fetch {remote} {NAME}",
        f"git push {remote} FETCH_HEAD:refs/heads/{_NEW} :refs/heads/{NAME}",
    ]
    steps = local + (away if there else [])
    if not steps:
        return None
    where = " and ".join((["here"] if here else []) + ([f"at {there}"] if there else []))
    return RepoError(
        f"a branch {NAME} {where} leaves git no room for a thread's, {NAME}/…",
        fix=f"Give it another name: {' && '.join(steps)}",
    )


async def _names(repo: Repo, *refs: str) -> list[str]:
    """Those of ``refs`` that there are, with whatever lies below them."""
    out = await git("for-each-ref", "--format=%(refname)", *refs, gitdir=repo.gitdir)
    return out.decode(errors="replace").splitlines()
