"""What others push to a thread's branch: joined with ours, and laid out in the worktree."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from codebutler.errors import BranchLost, CodeButlerError, RepoError
from codebutler.forges.base import Forge
from codebutler.forges.choose import way_to
from codebutler.repo.commits import Identity
from codebutler.repo.git import is_ancestor, try_git
from codebutler.repo.merging import join
from codebutler.repo.remotes import pick_remote
from codebutler.repo.transfer import ls_remote
from codebutler.sandbox.executor import Executor
from codebutler.thread.host import Host
from codebutler.thread.state import ThreadState
from codebutler.types import Outbound

_OURS = "refs/heads/codebutler/"
LOOK_SECONDS = 30.0
_LAY_OUT = """
GIT_INDEX_FILE=$(mktemp -u) || exit 1
export GIT_INDEX_FILE
git -C {root} read-tree {old} && {{ git -C {root} update-index -q --refresh; :; }} &&
git -C {root} read-tree -m -u {old} {new}
code=$?
rm -f "$GIT_INDEX_FILE"
exit $code
"""
"""With an index of its own: the worktree's is not writable in the sandbox. Ignored files stay."""


async def names_there(host: Host) -> frozenset[str]:
    """Names below ``codebutler/`` that the remote's branches have: of other clones, or of a lost store.

    None of a remote that is away: the first push looks again (``need_ours``).
    """
    try:
        way = await way_to(host.repo, host.config)
        url = way.url or pick_remote(host.repo, host.home, local=host.config.forge == "local").url
        heads = await ls_remote(host.repo.gitdir, url, f"{_OURS}*", token=way.token, timeout=LOOK_SECONDS)
    except CodeButlerError:
        return frozenset()
    return frozenset(ref.removeprefix(_OURS) for ref in heads if ref.startswith(_OURS))


async def need_ours(host: Host, state: ThreadState, there: str) -> None:
    """BranchLost if the remote's ``there`` is another thread's, which chose the same name at the same time.

    A thread that has not pushed yet knows its branch by a commit of its own: a kill may have kept a push
    from the log, and people go on from there. Work that nobody approved here must not land with ours.
    """
    if state.pushed or state.worktree is None or there == state.head:
        return
    gitdir, base = host.repo.gitdir, state.worktree.base
    shared = await try_git("merge-base", there, state.head, gitdir=gitdir)
    where = shared.out.decode().strip()
    if where and not await is_ancestor(gitdir, where, base):
        return
    branch = state.worktree.branch
    raise BranchLost(
        f"the remote has a branch {branch} of somebody else's work ({there[:12]}); nothing was pushed",
        fix="Say fork: a second thread goes on from here under a name of its own",
    )


async def joined(host: Host, state: ThreadState, there: str, *, identity: Identity) -> str:
    """The commit with our head and the remote's tip ``there``. RepoError says how a person can join them."""
    if state.worktree is None:
        raise RepoError("there is no branch yet")
    branch, path, name = state.worktree.branch, state.worktree.path, _remote_name(host)
    if state.pushed and not await is_ancestor(host.repo.gitdir, state.pushed, there):
        raise RepoError(
            f"{branch} was rewritten on the remote: it is at {there[:12]}, without our {state.pushed[:12]}",
            fix=f"Put it back (git push --force {name} {branch}:{branch}) or open a new thread",
        )
    pull = f"cd {shlex.quote(path)} && git {_trust(Path(path))}pull --no-rebase {name} {branch}"
    fix = f"Join them by hand ({pull}), mend what conflicts, commit, and say it again"
    message = f"Merge what others pushed to {branch}\n"
    return await join(host.repo.gitdir, state.head, there, message=message, fix=fix, identity=identity)


def _trust(folder: Path) -> str:
    """What git must be told before it works for us in a folder that belongs to another user."""
    strange = folder.exists() and folder.stat().st_uid != os.geteuid()
    return f"-c safe.directory={shlex.quote(str(folder))} " if strange else ""


def _remote_name(host: Host) -> str:
    """The remote as a person's git takes it: its name, or the URL of one that we made."""
    remote = pick_remote(host.repo, host.home, local=host.config.forge == "local")
    return shlex.quote(remote.url) if remote.made else host.repo.remote_name


def notice(what: str, files: Sequence[str]) -> Outbound:
    """What people are told when something came in: ``what`` somebody did, and the files."""
    shown = ", ".join(f"`{path}`" for path in files[:10]) + (" …" if len(files) > 10 else "")
    text = f"{what}: taken over" + (f", with changes of {shown}." if files else ".")
    return Outbound(text=text, kind="notice")


async def is_over(state: ThreadState, forge: Forge) -> bool:
    """Whether the forge has no branch because the PR is merged (a crash may have kept it from the log)."""
    if state.pr is None or (await forge.get(state.pr.number)).state != "merged":
        return False
    if state.merge is None:
        raise RepoError(
            f"pull request #{state.pr.number} is merged already", fix="Open a new thread for more work"
        )
    return True


async def lay_out(hands: Executor, old: str, new: str, *, what: str) -> None:
    """Bring a worktree with the files of ``old`` to ``new``'s (``what``); RepoError if one is in the way."""
    root = hands.worktree
    before = {change.path for change in await hands.status(old)}
    said = await hands.call(
        "bash", {"command": _LAY_OUT.format(root=shlex.quote(str(root)), old=old, new=new)}
    )
    left = {change.path for change in await hands.status(new)} - before
    if not said.ok or left:
        detail = ", ".join(sorted(left)[:5]) if said.ok else said.text.strip()[-400:]
        raise RepoError(
            f"{what} cannot be laid out in {root}: {detail}",
            fix="Move away what is in its way and try again",
        )
