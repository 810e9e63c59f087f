"""A folder that a model's work may not change: in a tree from the sandbox it is put back as it was."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from codebutler.repo.git import common_dir, need_oid, plumb


async def with_folder(
    gitdir: Path, tree: str, old: str, folder: str, differ: Iterable[str]
) -> tuple[str, list[str]]:
    """``tree`` with ``folder`` as ``old`` (a commit or tree) has it, and the paths in it that differed.

    ``differ``: all paths that differ between the two.

    A file or a symlink that took the folder's place goes, and so does one in the place of a folder above it.
    ``folder`` is in lower case: one that is spelled otherwise is the same where case does not count.
    """
    back = sorted(path for path in differ if f"{path.casefold()}/".startswith(f"{folder}/"))
    if not back:
        return tree, []
    depth = folder.count("/") + 1
    places = sorted({folder, *("/".join(path.split("/")[:depth]) for path in back)})
    theirs = await _entries(gitdir, tree, places)
    gone = [f"0 {'0' * 40}\t{line.partition(chr(9))[2]}" for line in theirs]
    orders = "".join(f"{line}\0" for line in [*gone, *await _entries(gitdir, old, places)])
    index = common_dir(gitdir) / f"codebutler-index-{secrets.token_hex(6)}"
    env = {"GIT_INDEX_FILE": str(index)}
    try:
        await plumb("read-tree", need_oid(tree, "the tree"), gitdir=gitdir, env_extra=env)
        stdin = orders.encode(errors="surrogateescape")
        args = ("update-index", "--replace", "-z", "--index-info")
        await plumb(*args, gitdir=gitdir, env_extra=env, stdin=stdin)
        held = (await plumb("write-tree", gitdir=gitdir, env_extra=env)).decode().strip()
    finally:
        index.unlink(missing_ok=True)
    return held, back


async def _entries(gitdir: Path, treeish: str, places: Iterable[str]) -> list[str]:
    """What the tree holds there, as lines that an index takes."""
    args = ("ls-tree", "-r", "-z", "--full-tree", need_oid(treeish, "the tree"), "--", *places)
    out = (await plumb(*args, gitdir=gitdir)).decode(errors="surrogateescape")
    return [line for line in out.split("\0") if line]
