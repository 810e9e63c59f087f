"""Join two commits without a checkout: the tree that holds both, or the files in which they conflict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.commits import BOT, Identity, join_trees, tree_of
from codebutler.repo.git import is_ancestor, plumb, try_plumb
from codebutler.repo.process import complaint

_SHOWN = 10
_MARK = "^(<{7,}|>{7,}) [0-9a-f]{40}"
"""Where git's merge of two commits, each named by its id, begins or ends a conflict in a file."""


async def merged_tree(gitdir: Path, ours: str, theirs: str) -> tuple[str, list[str]]:
    """The tree of a merge, and the paths that conflict in it (none = it is clean)."""
    args = ("merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", ours, theirs)
    result = await try_plumb(*args, gitdir=gitdir)
    if result.code not in (0, 1):
        raise RepoError(f"the branch cannot be merged: {complaint(result.err)}")
    tree, *names = [name for name in result.out.decode(errors="replace").split("\0") if name]
    return tree, list(dict.fromkeys(names)) if result.code == 1 else []


async def join(
    gitdir: Path,
    ours: str,
    theirs: str,
    *,
    message: str,
    fix: str,
    identity: Identity = BOT,
    unmarked: tuple[str, ...] = ("",),
) -> str:
    """The commit that holds both: one of them if it contains the other, else a merge; no ref is touched.

    RepoError with ``fix`` if the two conflict in a path that begins with one of ``unmarked``: it names the
    files. The others that conflict hold both sides, between git's marks.
    """
    if await is_ancestor(gitdir, ours, theirs):
        return theirs
    if await is_ancestor(gitdir, theirs, ours):
        return ours
    tree, conflicts = await merged_tree(gitdir, ours, theirs)
    if any(path.startswith(unmarked) for path in conflicts):
        raise RepoError(f"what came in conflicts with the work here in {shown(conflicts)}", fix=fix)
    return await join_trees(gitdir, tree, [ours, theirs], message, identity=identity)


async def transplanted(gitdir: Path, old: str, onto: str, head: str) -> tuple[str, list[str]]:
    """The tree of ``onto`` with what ``head`` changed since ``old``, and the paths in which they conflict.

    Whatever the histories of ``old`` and ``onto`` are: nothing of ``old`` comes along.
    """
    args = ("commit-tree", "-p", old, "-m", "codebutler", await tree_of(gitdir, onto))
    beside = await plumb(*args, gitdir=gitdir, env_extra=BOT.env)
    return await merged_tree(gitdir, beside.decode().strip(), head)


async def unsettled(gitdir: Path, base: str, head: str) -> list[str]:
    """The files that ``head`` changed since ``base`` and in which marks of a conflict of ours stand."""
    args = ("--no-textconv", "--no-renames", "--name-only", "-z", f"-G{_MARK}", base, head)
    out = await plumb("diff-tree", "-r", *args, "--", gitdir=gitdir)
    near = {name for name in out.decode(errors="surrogateescape").split("\0") if name}
    if not near:
        return []
    result = await try_plumb("grep", "-l", "-z", "-E", "-e", _MARK, head, gitdir=gitdir)
    names = result.out.decode(errors="surrogateescape").split("\0")
    return sorted(near.intersection(name.removeprefix(f"{head}:") for name in names))


def shown(paths: Sequence[str]) -> str:
    """The first of many paths, for a sentence."""
    return ", ".join(paths[:_SHOWN]) + (" …" if len(paths) > _SHOWN else "")
