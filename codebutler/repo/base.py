"""The commit that a thread starts from, and the branch that its PR will target."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from codebutler.errors import RepoError
from codebutler.repo.discover import Repo
from codebutler.repo.git import is_ancestor, plumb, tip_of
from codebutler.repo.lacking import complete
from codebutler.repo.remotes import Remote, pick_remote, pull_line, upstream_tip
from codebutler.repo.transfer import fetch, ls_remote

_FETCH_SECONDS = 30.0


class Base(Struct, frozen=True):
    """Where a thread stands. ``notices`` are sentences for the person: what is not as they may expect."""

    commit: str
    branch: str
    notices: tuple[str, ...] = ()


async def base_commit(
    repo: Repo,
    *,
    home: Path,
    local: bool = False,
    url: str = "",
    token: str | None = None,
    timeout: float = _FETCH_SECONDS,
) -> Base:
    """The newest commit of the default branch: the remote's where there is one, else the local branch's.

    ``home`` is CODEBUTLER_HOME (there may be a made remote with merged PRs), ``local`` as in
    ``pick_remote``; ``url`` and ``token`` reach the remote where its own URL does not. A remote that cannot
    be reached costs a notice, not the thread. On a detached HEAD the thread starts from that very commit if
    the branch has it: what the branch lacks would be shown in the PR, and not land with it.
    """
    notices: list[str] = []
    branch = repo.default_branch
    if repo.remote_url:
        try:
            url = url or pick_remote(repo, home).url
            branch = await _fetch_default(repo, url, branch, token, timeout)
        except RepoError as error:
            notices.append(f"{error.message}; going on with what is known here")
    tip = await upstream_tip(repo, branch)
    if tip is None:
        tip, notice = repo.head, f"there is no branch {branch}; starting from the present commit"
        notices.append(notice)
    made = await _made_remote(repo, home, local=local)
    if made:
        tip, more = await _newest(repo, made, branch, tip, timeout)
        notices += more
    notices += await _local_notice(repo, branch, tip)
    if repo.branch is None:
        tip, notice = await _detached(repo, branch, tip)
        notices.append(notice)
    await complete(repo.gitdir, tip, url or repo.remote_url, token=token)
    return Base(tip, branch, tuple(notices))


async def _fetch_default(repo: Repo, url: str, branch: str, token: str | None, seconds: float) -> str:
    """Bring the remote's default branch here, and return its name (``branch`` is only the best guess)."""
    try:
        await fetch(repo.gitdir, url, [_spec(branch)], token=token, timeout=seconds)
    except RepoError:
        heads = await ls_remote(
            repo.gitdir, url, "HEAD", f"refs/heads/{branch}", token=token, timeout=seconds
        )
        named = heads.get("HEAD ->", "").removeprefix("refs/heads/")
        if f"refs/heads/{branch}" in heads:
            raise
        if "HEAD" not in heads or not named:
            raise RepoError(
                f"{repo.remote_name} has no branch {branch} yet (git push {repo.remote_name} {branch})"
            ) from None
        await fetch(repo.gitdir, url, [_spec(named)], token=token, timeout=seconds)
        return named
    return branch


def _spec(branch: str) -> str:
    return f"+refs/heads/{branch}:refs/codebutler/base/{branch}"


async def _made_remote(repo: Repo, home: Path, *, local: bool) -> Remote | None:
    """The made remote, if this repository uses one and it exists already."""
    if repo.remote_url and not local:
        return None
    remote = pick_remote(repo, home, local=local)
    return remote if remote.made and remote.path and remote.path.exists() else None


async def _newest(repo: Repo, made: Remote, branch: str, tip: str, seconds: float) -> tuple[str, list[str]]:
    """The made remote's branch holds merged PRs: take it unless the person's own already contains them."""
    ref = f"refs/codebutler/made/{branch}"
    await fetch(repo.gitdir, made.url, [f"+refs/heads/{branch}:{ref}"], timeout=seconds)
    merged = await tip_of(repo.gitdir, ref)
    if merged is None or await is_ancestor(repo.gitdir, merged, tip):
        return tip, []
    if await is_ancestor(repo.gitdir, tip, merged):
        return merged, []
    pull = pull_line(made, branch)
    return merged, [
        f"{branch} here and the merged PRs have parted; starting from the PRs (join them: {pull})"
    ]


async def _local_notice(repo: Repo, branch: str, tip: str) -> list[str]:
    """Say so when the person's branch holds commits that the thread will not see."""
    mine = await tip_of(repo.gitdir, f"refs/heads/{branch}") if repo.remote_url else None
    if mine is None or await is_ancestor(repo.gitdir, mine, tip):
        return []
    count = await plumb("rev-list", "--count", f"{tip}..{mine}", gitdir=repo.gitdir)
    ahead = f"{count.decode().strip()} commit(s) that {repo.remote_name} lacks"
    return [f"{branch} here has {ahead}; the thread does not see them"]


async def _detached(repo: Repo, branch: str, tip: str) -> tuple[str, str]:
    """The base where no branch is checked out, and what a person hears of it."""
    head = repo.head[:12]
    if await is_ancestor(repo.gitdir, repo.head, tip):
        return repo.head, f"HEAD is detached: starting from {head}, the PR will target {branch}"
    return tip, (
        f"HEAD is detached at {head}, which {branch} lacks: the thread starts from {branch}, without it"
        " (git switch -c NAME keeps it)"
    )
