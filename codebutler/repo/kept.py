"""Checkpoints that a named commit has taken the place of: out of the branch, and kept by a ref each.

Rewinds and forks lead to them, so git must not collect them while the branch is there; a pull request that
listed them would be unreadable. The refs are ours alone and are never pushed.
"""

from __future__ import annotations

from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.git import git, move_ref, need_oid, plumb, resolve, try_git
from codebutler.repo.process import complaint

_KEPT = "refs/codebutler/kept/"


async def last_named(gitdir: Path, base: str, tip: str, *, mail: str, unnamed: str, floor: str) -> str:
    """The newest commit of ``base..tip`` that is no checkpoint: ``tip`` itself, or ``base`` if all are.

    A checkpoint has the committer ``mail`` and the subject ``unnamed``. What is at ``floor`` or below is the
    remote's and stays as it is.
    """
    ask = ("log", "--first-parent", "--format=%H%x00%ce%x00%s", f"{base}..{tip}", "--")
    out = (await plumb(*ask, gitdir=gitdir)).decode(errors="replace")
    for line in out.splitlines():
        commit, *said = line.split("\0")
        if said != [mail, unnamed] or commit == floor:
            return commit
    return base if out else tip


async def replace(gitdir: Path, branch: str, new: str, old: str, *, why: str) -> None:
    """Move ``branch`` from ``old`` to ``new``, which need not contain it, and keep ``old``. Both or none."""
    for oid in (new, old):
        need_oid(oid, "the commit")
    orders = f"start\nupdate refs/heads/{branch} {new} {old}\nupdate {_ref(branch, old)} {old}\ncommit\n"
    result = await try_git("update-ref", "-m", why, "--stdin", gitdir=gitdir, stdin=orders.encode())
    if result.code == 0:
        return
    if await resolve(gitdir, f"refs/heads/{branch}") != old:
        raise RepoError(f"{branch} was moved by somebody else meanwhile", fix="Look at it and try again")
    raise RepoError(f"{branch} could not be moved: {complaint(result.err)}")


async def move(gitdir: Path, branch: str, new: str, old: str, *, why: str, keep: bool) -> None:
    """Move ``branch`` from ``old`` to ``new``; with ``keep`` as ``replace`` does it."""
    if keep:
        await replace(gitdir, branch, new, old, why=why)
    else:
        await move_ref(gitdir, f"refs/heads/{branch}", new, old, why=why)


async def is_kept(gitdir: Path, branch: str, commit: str) -> bool:
    """Whether ``commit`` was the branch's tip until a named commit took its place."""
    return await resolve(gitdir, _ref(branch, commit)) is not None


async def refs(gitdir: Path, branch: str) -> list[str]:
    """The refs of all that is kept of a branch: they go with it."""
    out = await git("for-each-ref", "--format=%(refname)", _ref(branch, ""), gitdir=gitdir)
    return out.decode().splitlines()


def _ref(branch: str, commit: str) -> str:
    return f"{_KEPT}{branch.removeprefix('codebutler/')}/{commit}"
