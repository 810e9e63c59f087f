"""A repository's folder put together anew where nothing can be mounted over the real one.

Objects and refs are links to the real ones, which may be read; the configuration is a cleaned copy. Git finds
it by GIT_DIR, which a small ``git`` in front of the real one sets for this worktree and for nothing else.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from codebutler.sandbox.leading import read_small
from codebutler.sandbox.worktree import GitParts, clean_config, existing, holds_secrets, object_folders

_BYTES = 1024 * 1024
_WRAPPER = """#!/bin/sh
# Sets GIT_DIR for the worktree that this sandbox is for, and gets out of the way for every other repository.
real={real} root={root}
[ -n "$GIT_DIR" ] && exec "$real" "$@"
while [ "$1" = -C ] && [ $# -gt 1 ]; do
    cd -- "$2" || exit 128
    shift 2
done
value=
for word in "$@"; do
    case "$value$word" in
    -c) value=of ;;
    init | clone) exec "$real" "$@" ;;
    -* | of*) value= ;;
    *) break ;;
    esac
done
here=$(pwd -P)
until [ -e "$here/.git" ] || [ -z "$here" ]; do
    here=${{here%/*}}
done
if [ "$here" = "$root" ]; then
    GIT_DIR={gitdir} GIT_WORK_TREE=$root
    export GIT_DIR GIT_WORK_TREE
fi
exec "$real" "$@"
"""


def build(git: GitParts, at: Path) -> list[Path]:
    """Make the folder ``at``; returns what of the real repository must be readable for it."""
    stores = object_folders(git.common, git.lenders)
    for name in ("objects/info", "objects/pack", "info"):
        (at / name).mkdir(parents=True)
    (at / "objects/info/alternates").write_text("".join(f"{each}\n" for each in stores), encoding="utf-8")
    (at / "HEAD").write_bytes(read_small(git.gitdir / "HEAD", _BYTES))
    (at / "config").write_bytes(clean_config(git.common / "config"))
    for path in existing(git.gitdir, ("config.worktree",), "file"):
        (at / path.name).write_bytes(clean_config(path))
    for path in existing(git.common / "info", ("exclude", "attributes"), "file"):
        (at / "info" / path.name).write_bytes(read_small(path, _BYTES))
    for path in existing(git.gitdir / "info", ("sparse-checkout",), "file"):
        (at / "info" / path.name).write_bytes(read_small(path, _BYTES))
    shown = existing(git.common, ("refs", "reftable"), "dir")
    shown += existing(git.common, ("packed-refs", "shallow"), "file")
    for path in shown:
        (at / path.name).symlink_to(path)
    (at / "index").symlink_to(git.gitdir / "index")
    return [*stores, *shown, *_index(git)]


def _index(git: GitParts) -> list[Path]:
    """What to show for the index: its folder, since whoever writes it puts another file in its place."""
    return existing(git.gitdir, ("index",), "file") if holds_secrets(git) else [git.gitdir]


def wrap(root: Path, facade: Path, at: Path) -> None:
    """Write the small ``git`` to ``at``; nothing where there is no git to wrap."""
    real = shutil.which("git", path="/usr/local/bin:/usr/bin:/bin")
    if real is None:
        return
    quoted = {"real": real, "root": str(root), "gitdir": str(facade)}
    text = _WRAPPER.format(**{key: shlex.quote(value) for key, value in quoted.items()})
    at.write_text(text, encoding="utf-8")
    at.chmod(0o755)
