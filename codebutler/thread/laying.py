"""A worktree's files brought from one commit to another: all of it, or nothing is touched."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path

from codebutler.errors import RepoError
from codebutler.repo.held import with_folder
from codebutler.sandbox.executor import Executor
from codebutler.thread.warning import code
from codebutler.types import Outbound

_BEGIN = """
cd {root} && GIT_INDEX_FILE=$(mktemp -u) || exit 1
export GIT_INDEX_FILE GIT_LITERAL_PATHSPECS=1
trap 'rm -f "$GIT_INDEX_FILE" "$GIT_INDEX_FILE.new"' EXIT
names() {{ git diff-tree -r -z --name-only --no-renames --diff-filter="$1" {old} {new}; }}
"""
"""With an index of its own: the worktree's is not writable in the sandbox."""
_FORTH = """
git read-tree {old} && {{ git update-index -q --refresh; :; }} &&
git read-tree -n -m -u {old} {new} && GIT_INDEX_FILE=$GIT_INDEX_FILE.new git read-tree {new} || exit 1
way=$(names A | GIT_INDEX_FILE=$GIT_INDEX_FILE.new xargs -0 -r \\
    git diff --name-only --no-ext-diff --no-textconv --diff-filter=MT --)
[ -z "$way" ] || {{ echo "$way"; exit 1; }}
git read-tree -m -u {old} {new} && exit 0
"""
"""Git asks first whether anything is in the way, but overwrites what is ignored: that is looked at here."""
_BACK = """
names A | xargs -0 -r rm -f --
git read-tree {old} && names a | git checkout-index -f -z --stdin
exit 1
"""


async def lay_out(hands: Executor, old: str, new: str, *, what: str, moved: Collection[str]) -> list[str]:
    """Bring a worktree with the files of ``old`` to ``new``'s (``what``); ``moved``: the paths that differ.

    RepoError if something is in the way: then the files are as they were. Files that neither commit has stay;
    returns those of them that ``old`` ignores and ``new`` does not.
    """
    root = hands.worktree
    given = {"root": shlex.quote(str(root)), "old": old, "new": new}
    before = {change.path for change in await hands.status(old)}
    said = await hands.call("bash", {"command": (_BEGIN + _FORTH + _BACK).format(**given)})
    found = [change for change in await hands.status(new) if change.path not in before] if said.ok else []
    bared = {change.path for change in found if change.kind == "added" and change.path not in moved}
    left = {change.path for change in found} - bared
    if left:
        await hands.call("bash", {"command": (_BEGIN + _BACK).format(**given)})
        await hands.tree(old, since=old)  # the look took in what is ignored again
    if not said.ok or left:
        detail = ", ".join(sorted(left)[:5]) if said.ok else said.text.strip()[-400:]
        raise RepoError(
            f"{what} cannot be laid out in {root}: {detail}",
            fix="Nothing was changed. Move away what is in its way and try again",
        )
    return sorted(bared)


async def with_ignores(gitdir: Path, tree: str, old: str, moved: Collection[str]) -> tuple[str, list[str]]:
    """``tree`` with each .gitignore as ``old`` has it, and their paths; ``moved``: the paths that differ."""
    names = sorted(path for path in moved if path.rpartition("/")[2] == ".gitignore")
    for name in names:
        tree, _ = await with_folder(gitdir, tree, old, name.casefold(), [name])
    return tree, names


def still_ignored(names: list[str], files: list[str]) -> Outbound:
    """What is said of the .gitignore files that a rewind leaves alone, for the sake of ``files``."""
    words = f"{code(names)} stays as it is now: without it, {code(files[:5])} would get into the next commit."
    return Outbound(text=words, kind="notice")
