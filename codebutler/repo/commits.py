"""Commits of the daemon's own making (memory, journal): from bytes to a branch, without a worktree."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from codebutler.errors import RepoError
from codebutler.repo.git import common_dir, move_ref, need_oid, plumb
from codebutler.repo.index import sync_index
from codebutler.repo.words import commit_message

_ABSENT = "0 " + "0" * 40 + "\t"


class Identity(Struct, frozen=True):
    """Whose name stands on a commit."""

    name: str = "CodeButler"
    mail: str = "codebutler@localhost"

    @property
    def env(self) -> dict[str, str]:
        """The identity as git takes it."""
        roles = ("AUTHOR", "COMMITTER")
        names = {f"GIT_{role}_NAME": self.name for role in roles}
        return names | {f"GIT_{role}_EMAIL": self.mail for role in roles}


BOT = Identity()


async def commit_files(
    gitdir: Path,
    *,
    parent: str,
    files: Mapping[str, bytes | None],
    message: str,
    ref: str,
    old: str,
    co_authors: Iterable[str] = (),
    identity: Identity = BOT,
) -> str:
    """Commit ``files`` (None deletes one) on top of ``parent`` and move ``ref`` from ``old`` to it.

    ``old`` is "" when the ref must not exist yet. Returns the new commit, or ``parent`` when nothing would
    change. RepoError, and nothing moved, for a path that leaves the tree, is git's own, or goes through
    something in the tree that is no folder; and if the ref has been moved.
    """
    tree = await tree_with(gitdir, need_oid(parent, "the parent"), files)
    commit = await commit_tree(gitdir, tree, parent, signed(message, co_authors), identity=identity)
    if commit != parent or not old:
        await move_ref(gitdir, ref, commit, old, why="codebutler: " + _split(message)[0])
        await sync_index(gitdir, ref, commit)
    return commit


async def commit_tree(gitdir: Path, tree: str, parent: str, message: str, *, identity: Identity = BOT) -> str:
    """A commit of ``tree`` on ``parent``; ``parent`` itself when that has the very same tree."""
    if tree == await tree_of(gitdir, parent):
        return parent
    args = ("commit-tree", "-p", parent, "-F", "-", tree)
    out = await plumb(*args, gitdir=gitdir, stdin=message.encode(errors="replace"), env_extra=identity.env)
    return out.decode().strip()


async def tree_with(gitdir: Path, treeish: str, files: Mapping[str, bytes | None]) -> str:
    """The tree of ``treeish`` with ``files`` laid over it; paths are checked as in ``commit_files``."""
    for path in files:
        _need_plain(path)
    return await _tree(gitdir, treeish, files, await _modes(gitdir, treeish, files))


async def join_trees(
    gitdir: Path, tree: str, parents: Sequence[str], message: str, *, identity: Identity = BOT
) -> str:
    """A commit of ``tree`` with several parents: the branch moves forward to hold them all."""
    above = [word for parent in parents for word in ("-p", need_oid(parent, "a parent"))]
    text = message.encode(errors="replace")
    out = await plumb(
        "commit-tree", *above, "-F", "-", tree, gitdir=gitdir, stdin=text, env_extra=identity.env
    )
    return out.decode().strip()


async def tree_of(gitdir: Path, commit: str) -> str:
    """The tree of a commit. RepoError if it is none."""
    out = await plumb("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}", gitdir=gitdir, check=False)
    if not out:
        raise RepoError(f"there is no commit {commit[:12]} here")
    return out.decode().strip()


def signed(message: str, co_authors: Iterable[str]) -> str:
    """A commit's message in its usual form, with a trailer for each co-author."""
    return commit_message(*_split(message), co_authors)


def _split(message: str) -> tuple[str, str]:
    title, _, body = message.strip().partition("\n")
    return title, body


def _need_plain(path: str) -> None:
    """A relative path of ordinary names. git itself refuses names that other systems read as ``.git``."""
    parts = path.split("/")
    if not path or any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        raise RepoError(f"{path!r} is not a path that a commit may hold")
    if any(char in path for char in "\0\n\\"):
        raise RepoError(f"{path!r} is not a path that a commit may hold")


async def _modes(gitdir: Path, parent: str, files: Mapping[str, bytes | None]) -> dict[str, str]:
    """The mode of each file that is there already. RepoError where something else is in the way."""
    above = {
        "/".join(parts[:n]) for path in files for parts in [path.split("/")] for n in range(1, len(parts))
    }
    asked = sorted(above | set(files))
    out = await plumb("ls-tree", "-z", "--full-tree", parent, "--", *asked, gitdir=gitdir) if asked else b""
    modes: dict[str, str] = {}
    for item in out.decode(errors="surrogateescape").split("\0"):
        head, _, path = item.partition("\t")
        mode = head.split(" ")[0]
        if path in above and mode != "040000":
            raise RepoError(f"{path} is not a folder in {parent[:12]}, so nothing can be written below it")
        if path in files and mode not in ("100644", "100755"):
            raise RepoError(f"{path} is not a regular file in {parent[:12]}")
        if path in files:
            modes[path] = mode
    return modes


async def _tree(
    gitdir: Path, parent: str, files: Mapping[str, bytes | None], modes: Mapping[str, str]
) -> str:
    """The tree of ``parent`` with ``files`` laid over it, made in an index of its own."""
    lines = []
    for path, data in files.items():
        if data is None:
            lines.append(_ABSENT + path)
        else:
            oid = await plumb("hash-object", "-w", "--stdin", "--no-filters", gitdir=gitdir, stdin=data)
            lines.append(f"{modes.get(path, '100644')} {oid.decode().strip()}\t{path}")
    common = common_dir(gitdir)
    index = common / f"codebutler-index-{secrets.token_hex(6)}"
    env = {"GIT_INDEX_FILE": str(index)}
    orders = "".join(f"{line}\0" for line in lines).encode(errors="surrogateescape")
    try:
        await plumb("read-tree", parent, gitdir=gitdir, env_extra=env)
        await plumb("update-index", "-z", "--index-info", gitdir=gitdir, env_extra=env, stdin=orders)
        tree = (await plumb("write-tree", gitdir=gitdir, env_extra=env)).decode().strip()
    finally:
        index.unlink(missing_ok=True)
    await _need_taken(gitdir, tree, [line for line in lines if not line.startswith(_ABSENT)])
    return tree


async def _need_taken(gitdir: Path, tree: str, lines: Sequence[str]) -> None:
    """git leaves out, with a warning only, a path that some system would read as ``.git``."""
    paths = [line.partition("\t")[2] for line in lines]
    out = await plumb("ls-tree", "-z", "--full-tree", tree, "--", *paths, gitdir=gitdir) if paths else b""
    there = {item.replace(" blob ", " ") for item in out.decode(errors="surrogateescape").split("\0")}
    for line, path in zip(lines, paths, strict=True):
        if line not in there:
            raise RepoError(f"{path!r} is not a path that a commit may hold")
