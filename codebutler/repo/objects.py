"""Read what commits hold: files, lists, history, differences. Objects only; no worktree, no drivers."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from codebutler.errors import RepoError
from codebutler.repo.git import need_oid, plumb, resolve, try_plumb
from codebutler.repo.process import complaint
from codebutler.waiting import together

_TOPS = 64
"""Commits of which the names at the top are remembered."""
_known_tops: dict[tuple[Path, str], frozenset[str]] = {}
FILE_LIMIT = 256 * 1024
DIFF_LIMIT = 256 * 1024
_LINKS = 4
_DIFF = ("--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "--ignore-submodules=none")


class Commit(Struct, frozen=True):
    """One line of history. ``date`` is ISO 8601 with the author's offset."""

    sha: str
    author: str
    date: str
    subject: str


class FileStat(Struct, frozen=True):
    """Lines added and deleted in a file between two commits; None for a binary file."""

    path: str
    added: int | None
    deleted: int | None


class _Entry(Struct, frozen=True):
    mode: str
    kind: str
    oid: str
    path: str


async def read_bytes(gitdir: Path, commit: str, path: str, *, limit: int = FILE_LIMIT) -> bytes | None:
    """The first ``limit`` bytes of a file in a commit; None if it is not there or no regular file.

    A symlink is no regular file: what it points to may be anywhere.
    """
    if not path or any(part in ("", ".", "..") for part in path.split("/")):
        return None
    entries = await _ls_tree(gitdir, commit, path)
    if not entries or entries[0].path != path or entries[0].mode not in ("100644", "100755"):
        return None
    result = await try_plumb("cat-file", "blob", entries[0].oid, gitdir=gitdir, limit=limit)
    if result.code != 0:
        raise RepoError(f"{path} of {commit[:12]} cannot be read: {complaint(result.err)}")
    return result.out


async def show_file(gitdir: Path, commit: str, path: str, *, limit: int = FILE_LIMIT) -> str | None:
    """A text file of a commit, cut at ``limit`` bytes, with anything that is not UTF-8 replaced."""
    data = await read_bytes(gitdir, commit, path, limit=limit)
    return None if data is None else data.decode(errors="replace")


async def show_linked(gitdir: Path, commit: str, path: str, *, limit: int = FILE_LIMIT) -> str | None:
    """Like ``show_file``, but through symlinks to files of the same commit; None for one that leads out."""
    for _ in range(_LINKS):
        text = await show_file(gitdir, commit, path, limit=limit)
        target = await _link(gitdir, commit, path) if text is None else None
        if target is None:
            return text
        path = target
    return None


async def _link(gitdir: Path, commit: str, path: str) -> str | None:
    """Where in the commit a symlink points; None for what is none, or leads out of it."""
    entries = await _ls_tree(gitdir, commit, path)
    if not entries or entries[0].path != path or entries[0].mode != "120000":
        return None
    said = await plumb("cat-file", "blob", entries[0].oid, gitdir=gitdir)
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), said.decode(errors="replace")))
    return None if target.startswith(("/", "..")) or "\0" in target else target


async def which_exist(gitdir: Path, commit: str, paths: Sequence[str]) -> list[str]:
    """Those of ``paths`` that are files or symlinks of the commit."""
    return [entry.path for entry in await _ls_tree(gitdir, commit, *paths) if entry.kind == "blob"]


async def list_files(gitdir: Path, commit: str, prefix: str = "") -> list[str]:
    """The paths of all files in a commit, or of those below the folder ``prefix``."""
    folder = (prefix.rstrip("/") + "/",) if prefix else ()
    return [
        entry.path for entry in await _ls_tree(gitdir, commit, *folder, deep=True) if entry.kind == "blob"
    ]


async def list_blobs(gitdir: Path, commit: str) -> dict[str, str]:
    """Every file and symlink of a commit with the object id of its content."""
    entries = await _ls_tree(gitdir, commit, deep=True)
    return {entry.path: entry.oid for entry in entries if entry.kind == "blob"}


async def _ls_tree(gitdir: Path, commit: str, *paths: str, deep: bool = False) -> list[_Entry]:
    """The entries of a commit below ``paths``. A look at its top tells of most that they are not there."""
    if paths:
        tops = await _tops(gitdir, commit)
        paths = tuple(path for path in paths if path.partition("/")[0] in tops)
        if not paths:
            return []
    return await _listed(gitdir, commit, *paths, deep=deep)


async def _tops(gitdir: Path, commit: str) -> frozenset[str]:
    """The names at the top of a commit, which never change."""
    key = (gitdir, need_oid(commit, "a commit"))
    if key not in _known_tops:
        found = frozenset(entry.path for entry in await _listed(gitdir, commit))
        while len(_known_tops) >= _TOPS:
            del _known_tops[next(iter(_known_tops))]
        _known_tops[key] = found
    return _known_tops[key]


async def _listed(gitdir: Path, commit: str, *paths: str, deep: bool = False) -> list[_Entry]:
    flags = ("-r",) if deep else ()
    out = await plumb("ls-tree", "-z", *flags, "--full-tree", commit, "--", *paths, gitdir=gitdir)
    entries = []
    for item in out.decode(errors="surrogateescape").split("\0"):
        head, _, path = item.partition("\t")
        if path:
            mode, kind, oid = head.split(" ")
            entries.append(_Entry(mode, kind, oid, path))
    return entries


async def log(gitdir: Path, rev: str, *, limit: int = 20, paths: Sequence[str] = ()) -> list[Commit]:
    """The newest commits of ``rev``, those that touch ``paths`` if any are given."""
    form = "--format=%H%x00%an%x00%aI%x00%s"
    out = await plumb(
        "log", f"--max-count={limit}", form, await _known(gitdir, rev), "--", *paths, gitdir=gitdir
    )
    lines = out.decode(errors="replace").splitlines()
    return [Commit(*fields) for line in lines if len(fields := line.split("\0")) == 4]


async def diff(
    gitdir: Path, old: str, new: str, *, paths: Sequence[str] = (), limit: int = DIFF_LIMIT
) -> tuple[str, bool]:
    """The unified diff between two commits, and whether it was cut at ``limit`` bytes."""
    ends = await _both_known(gitdir, old, new)
    result = await try_plumb("diff", *_DIFF, *ends, "--", *paths, gitdir=gitdir, limit=limit)
    if result.code != 0:
        raise RepoError(f"no diff of {old[:12]} and {new[:12]}: {complaint(result.err)}")
    return result.out.decode(errors="replace"), result.cut


async def diff_stat(gitdir: Path, old: str, new: str) -> list[FileStat]:
    """What changed between two commits, one entry a file, renames as a deletion and an addition."""
    ends = await _both_known(gitdir, old, new)
    out = await plumb("diff", *_DIFF, "--no-renames", "--numstat", "-z", *ends, "--", gitdir=gitdir)
    stats = []
    for item in out.decode(errors="surrogateescape").split("\0"):
        if item:
            added, deleted, path = item.split("\t", 2)
            stats.append(FileStat(path, _count(added), _count(deleted)))
    return stats


async def changed_paths(gitdir: Path, old: str, new: str) -> list[str]:
    """The paths that differ between two commits or trees, given by their ids."""
    ends = [need_oid(each, "the commit") for each in (old, new)]
    out = await plumb("diff-tree", "-r", "--no-renames", "--name-only", "-z", *ends, "--", gitdir=gitdir)
    return [path for path in out.decode(errors="surrogateescape").split("\0") if path]


async def merge_base(gitdir: Path, one: str, other: str) -> str | None:
    """The best common ancestor of two commits, or None."""
    out = await plumb("merge-base", one, other, gitdir=gitdir, check=False)
    return out.decode().strip() or None


def _count(text: str) -> int | None:
    return None if text == "-" else int(text)


async def _both_known(gitdir: Path, old: str, new: str) -> tuple[str, str]:
    async with together() as group:
        one, other = (group.create_task(_known(gitdir, rev)) for rev in (old, new))
    return one.result(), other.result()


async def _known(gitdir: Path, rev: str) -> str:
    sha = await resolve(gitdir, rev)
    if sha is None:
        raise RepoError(f"there is no commit {rev[:100]!r} here")
    return sha
