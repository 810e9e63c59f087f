"""One worktree and one branch per thread: made once, found again after a crash, removed only when safe.

Which thread a branch belongs to is a ref, ``refs/codebutler/threads/<thread>/<slug>``, made in one
transaction with the branch: there is no moment in which a crash leaves one without the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path

from msgspec import Struct

from codebutler.errors import RepoError
from codebutler.repo import kept
from codebutler.repo.discover import Repo
from codebutler.repo.git import git, is_ancestor, move_ref, need_oid, resolve, text_of, try_git
from codebutler.repo.index import sync_index, unsparse
from codebutler.repo.layout import branches_folder
from codebutler.repo.process import complaint
from codebutler.repo.records import forget, not_added
from codebutler.repo.removal import delete_tree
from codebutler.repo.words import slug

_TRIES, _THREADS = 100, "refs/codebutler/threads/"
_TRASH = ".trash-"
_STARTED = "initializing"
"""git's own reason for the lock on a worktree that it has not finished adding."""
_UNFILLED = f"{_STARTED}: codebutler lays out its files"


class Worktree(Struct, frozen=True):
    """A thread's worktree. ``gitdir`` is its private one (index, HEAD), ``base`` where its branch began.

    The daemon never opens a file below ``path``.
    """

    path: Path
    branch: str
    gitdir: Path
    base: str

    @property
    def ref(self) -> str:
        """Its branch's full name."""
        return f"refs/heads/{self.branch}"


async def create(
    repo: Repo, name: str, base_commit: str, *, thread: str, fresh: bool = False, taken: Collection[str] = ()
) -> Worktree:
    """The worktree of ``thread``: the one it has, or a new one on ``codebutler/<slug of name>``.

    Never moves work: if the name is taken here, or one of ``taken``, a number is added. A thread whose folder
    was freed, or half made, gets it again on its branch. The new folder is empty: the executor fills it.
    ``fresh``: what is there was never filled wholly, as the caller's log says: the folder is emptied, and its
    branch begins at ``base_commit`` (unless it has moved on: somebody has worked there).
    """
    need_oid(base_commit, "the base commit")
    await asyncio.to_thread(branches_folder, repo)
    wish = (slug(name), base_commit, thread, taken)
    found = await _claimed(repo, thread) or await _claim(repo, *wish)
    if fresh and await resolve(repo.gitdir, found.ref) == found.base:
        await _drop_folder(repo, found)
        found = found if found.base == base_commit else await _moved(repo, found, thread, base_commit)
    await _check_out(repo, found)
    return found


def folder(repo: Repo, branch: str) -> Path:
    """Where the worktree of a thread's ``branch`` lies in this clone."""
    return _named(repo, branch.removeprefix("codebutler/"), "").path


def stands(repo: Repo, branch: str) -> bool:
    """Whether the folder of a thread's ``branch`` is there, with git's record of it."""
    return _is_whole(_named(repo, branch.removeprefix("codebutler/"), ""))


def elsewhere(repo: Repo, branch: str) -> tuple[str, str] | None:
    """Where a person took the folder of ``branch`` to, and the way back; None when it is where it belongs."""
    gitdir = _named(repo, branch.removeprefix("codebutler/"), "").gitdir
    try:
        head = (gitdir / "HEAD").read_text(errors="replace").strip()
    except FileNotFoundError:  # removed since somebody saw that it stands
        return "has been removed", "Say go: it comes back from the branch"
    if head != f"ref: refs/heads/{branch}":
        there, back = head.removeprefix("ref: refs/heads/"), f"git switch {branch}"
        if there == head:  # what was committed on it would be lost
            return "is on a commit of no branch", f"Take it back with that: {back} && git merge {head[:12]}"
        renamed = f"or, if you renamed it: git branch -m {there} {branch}"
        return f"is on the branch {there}", f"Take it back there: {back}, {renamed}"
    if (gitdir / "MERGE_HEAD").exists():
        return "is in the middle of a merge", "Finish it there (git commit) or give it up (git merge --abort)"
    return None


async def restore(repo: Repo, branch: str, base: str, *, thread: str) -> Worktree:
    """The folder of a thread's ``branch`` again, empty, when it does not stand any more.

    It does not stand until ``filled`` says so, so that a crash never leaves half of the files
    for work. RepoError if something else lies there.
    """
    await asyncio.to_thread(branches_folder, repo)
    worktree = _named(repo, branch.removeprefix("codebutler/"), base)
    if _lock_reason(worktree).startswith(_UNFILLED):
        await _drop_folder(repo, worktree)
    owned = f"{_THREADS}{_key(thread)}/{worktree.path.name}"
    if await resolve(repo.gitdir, owned) is None:  # went with the branch, which a person has brought back
        await move_ref(repo.gitdir, owned, base, "", why="codebutler: found again")
    await _check_out(repo, worktree, "--lock", "--reason", _UNFILLED)
    return worktree


def filled(worktree: Worktree) -> None:
    """The executor has laid out the files of a worktree that was restored."""
    (worktree.gitdir / "locked").unlink(missing_ok=True)


async def find(repo: Repo, thread: str) -> Worktree | None:
    """The worktree that a thread has, or None; its folder may be gone (see ``create``)."""
    return await _claimed(repo, thread)


async def remove(
    repo: Repo,
    worktree: Worktree,
    *,
    dirty: Sequence[str],
    landed: Sequence[str] = (),
    keep_branch: bool = False,
) -> None:
    """Delete a worktree and its branch, unless that would lose work: then a RepoError says where it is.

    ``dirty`` are the uncommitted paths that the executor reports (its sandbox must be closed by now),
    ``landed`` the commits that are safe elsewhere: pushed, or merged as a PR's head. With ``keep_branch``
    only the folder goes. May be repeated after a crash.
    """
    if dirty:
        shown = ", ".join(dirty[:5]) + (" …" if len(dirty) > 5 else "")
        raise RepoError(f"{worktree.path} has uncommitted work ({shown})", fix="Commit it or move it away")
    await _same_branch(worktree)
    tip = await resolve(repo.gitdir, worktree.ref)
    if tip and not keep_branch and not await _is_landed(repo, tip, (worktree.base, *landed)):
        raise RepoError(
            f"the branch {worktree.branch} has commits that are nowhere else ({worktree.path})",
            fix=f"Push it, or drop it yourself: git branch -D {worktree.branch}",
        )
    await _drop_folder(repo, worktree)
    if not keep_branch:
        await _drop_refs(repo, worktree, tip)


async def sweep(repo: Repo) -> None:
    """Delete what a crash left behind half removed. Only for the process that holds the repository."""
    folder = await asyncio.to_thread(branches_folder, repo)
    for trash in folder.glob(f"{_TRASH}*"):
        await asyncio.to_thread(delete_tree, trash)


async def _claimed(repo: Repo, thread: str) -> Worktree | None:
    space = f"{_THREADS}{_key(thread)}/"
    out = await git("for-each-ref", "--format=%(refname) %(objectname)", space, gitdir=repo.gitdir)
    for line in out.decode().splitlines():
        ref, base = line.split(" ")
        name = ref.removeprefix(space)
        if await resolve(repo.gitdir, f"refs/heads/codebutler/{name}"):
            return _named(repo, name, base)
        await git("update-ref", "-d", ref, base, gitdir=repo.gitdir)  # its branch was deleted by a person
    return None


async def _claim(repo: Repo, wanted: str, base: str, thread: str, others: Collection[str]) -> Worktree:
    """Take the first free name: branch and ownership come into being together."""
    last = None
    for number in range(1, _TRIES + 1):
        name = wanted if number == 1 else f"{wanted}-{number}"
        new = _named(repo, name, base)
        if new.branch in others or new.path.exists() or new.gitdir.exists():
            continue
        if await resolve(repo.gitdir, new.ref):
            continue
        refs = (new.ref, f"{_THREADS}{_key(thread)}/{name}")
        orders = "".join(f"create {ref} {base}\n" for ref in refs)
        last = await try_git(
            "update-ref", "--stdin", gitdir=repo.gitdir, stdin=f"start\n{orders}commit\n".encode()
        )
        if last.code == 0:
            return new
        if "reference already exists" not in last.err:
            break
    reason = complaint(last.err) if last else "every name like it is taken"
    raise RepoError(f"no branch codebutler/{wanted} can be made: {reason}")


async def _moved(repo: Repo, tree: Worktree, thread: str, base: str) -> Worktree:
    """It, on whose branch nobody has worked yet, begun at ``base``."""
    refs = (tree.ref, f"{_THREADS}{_key(thread)}/{tree.path.name}")
    orders = "".join(f"update {ref} {base} {tree.base}\n" for ref in refs)
    await git("update-ref", "--stdin", gitdir=repo.gitdir, stdin=f"start\n{orders}commit\n".encode())
    return _named(repo, tree.path.name, base)


def _named(repo: Repo, name: str, base: str) -> Worktree:
    path = repo.inner / "branches" / name
    return Worktree(path, f"codebutler/{name}", repo.gitdir / "worktrees" / name, base)


async def _check_out(repo: Repo, worktree: Worktree, *options: str) -> None:
    """Make the folder and git's record of it, unless both are there and whole."""
    async with repo.worktrees:
        if not _is_whole(worktree):
            await _add(repo, worktree, *options)


async def _add(repo: Repo, worktree: Worktree, *options: str) -> None:
    if await asyncio.to_thread(_holds_files, worktree.path):
        raise RepoError(
            f"{worktree.path} holds files, but git does not know it",
            fix="Move it away and try again; what was not committed in it is then yours to copy back by hand",
        )
    await asyncio.to_thread(delete_tree, worktree.path)
    await asyncio.to_thread(forget, worktree.gitdir, worktree.path, worktree.branch)
    args = ("--quiet", "--no-checkout", *options, "--", str(worktree.path), worktree.branch)
    added = await try_git("worktree", "add", *args, gitdir=repo.gitdir, reach=[worktree.path.parent])
    if added.code:
        raise await not_added(repo, worktree.branch, worktree.path, added.err)
    await unsparse(worktree.gitdir)
    tip = await resolve(repo.gitdir, worktree.ref)
    if tip is None or not await sync_index(repo.gitdir, worktree.ref, tip):
        raise RepoError(
            f"git keeps {worktree.path} under an unexpected name", fix="Clean up: git worktree prune"
        )


async def _drop_folder(repo: Repo, worktree: Worktree) -> None:
    """Delete the folder and git's record of it; renamed first, so that a crash leaves no half a worktree."""
    trash = worktree.path.with_name(_TRASH + secrets.token_hex(6))
    if await asyncio.to_thread(worktree.path.exists):
        await asyncio.to_thread(worktree.path.rename, trash)
    async with repo.worktrees:
        await asyncio.to_thread(forget, worktree.gitdir, worktree.path, worktree.branch)
    await asyncio.to_thread(delete_tree, trash)


def _is_whole(worktree: Worktree) -> bool:
    """Whether git finished adding the worktree: until then it holds a lock of its own there."""
    if _lock_reason(worktree).startswith(_STARTED):
        return False
    return (worktree.gitdir / "commondir").is_file() and (worktree.path / ".git").is_file()


def _lock_reason(worktree: Worktree) -> str:
    return text_of(worktree.gitdir / "locked")


def _holds_files(folder: Path) -> bool:
    """Whether there is anything in a folder but the pointer that git itself puts there."""
    return folder.exists() and any(entry.name != ".git" for entry in folder.iterdir())


async def _same_branch(worktree: Worktree) -> None:
    """A person may have worked in there: on another branch, or in the middle of something."""
    if not worktree.gitdir.is_dir():
        return
    if (worktree.gitdir / "locked").exists():
        raise RepoError(f"{worktree.path} is locked", fix=f"git worktree unlock {worktree.path}")
    said = await git("symbolic-ref", "--quiet", "HEAD", gitdir=worktree.gitdir, check=False)
    if said.decode().strip() != worktree.ref:
        raise RepoError(
            f"{worktree.path} is no longer on its branch {worktree.branch}",
            fix=f"git switch {worktree.branch} there",
        )


async def _is_landed(repo: Repo, tip: str, landed: Sequence[str]) -> bool:
    for commit in landed:
        if commit and (commit == tip or await is_ancestor(repo.gitdir, tip, commit)):
            return True
    return False


async def _drop_refs(repo: Repo, worktree: Worktree, tip: str | None) -> None:
    name = worktree.path.name
    out = await git("for-each-ref", "--format=%(refname)", _THREADS, gitdir=repo.gitdir)
    refs = [ref for ref in out.decode().splitlines() if ref.rpartition("/")[2] == name]
    orders = [f"delete {worktree.ref} {tip}\n"] if tip else []
    orders += [f"delete {ref}\n" for ref in (*refs, *await kept.refs(repo.gitdir, worktree.branch))]
    await git("update-ref", "--stdin", gitdir=repo.gitdir, stdin="".join(orders).encode())


def _key(thread: str) -> str:
    """A thread's id as a part of a ref name."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", thread):
        return thread
    return "t-" + hashlib.sha256(thread.encode()).hexdigest()[:20]
