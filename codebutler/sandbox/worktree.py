"""Finds the git parts of a folder without git, and without believing what the folder says.

A worktree is written by the agent, so its ``.git`` may be a planted file, symlink or repository. A pointer
counts only if the repository it names points back; nothing is followed that is a symlink.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from codebutler.errors import RepoError, UsageError
from codebutler.sandbox import host, leading
from codebutler.sandbox.leading import read_small

_POINTER_BYTES = 4096
_MODULES = 64
_KEPT_EXTENSIONS = ("objectformat", "refstorage", "worktreeconfig", "compatobjectformat", "preciousobjects")
_KEPT_CORE = (
    "repositoryformatversion", "filemode", "bare", "logallrefupdates", "ignorecase", "precomposeunicode",
    "symlinks", "autocrlf", "eol", "safecrlf", "quotepath", "abbrev", "sparsecheckout", "sparsecheckoutcone",
    "bigfilethreshold", "trustctime", "checkstat", "compression",
    "worktree",
)  # fmt: skip


class GitParts(Struct, frozen=True):
    """``common`` holds objects and refs; ``gitdir`` is what GIT_DIR is: the same, or a linked worktree's.
    ``lenders`` are folders whose object stores it may borrow from; None: any."""

    common: Path
    gitdir: Path
    lenders: tuple[Path, ...] | None = ()


def real_folder(path: Path) -> Path:
    """The folder's real path. Refuses places that must never be opened to a sandbox."""
    try:
        real = path.resolve(strict=True)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", fix="Name a folder that exists.") from error
    if not real.is_dir():
        raise UsageError(f"{path} is not a folder", fix="Name a folder.")
    home = host.home()
    system = {Path(each) for each in ("/tmp", "/var/tmp", "/dev/shm")}  # noqa: S108 - refused, not used
    below = ("/proc", "/sys", "/dev", "/run", "/etc", "/boot")
    if (
        real in system
        or (home is not None and home.is_relative_to(real))
        or (len(real.parts) < 3 and real.name in _TOP)
        or len(real.parts) == 1
        or any(real.is_relative_to(each) for each in below)
    ):  # fmt: skip
        raise UsageError(f"{real} is not opened to the sandbox", fix="Name a project's own folder.")
    for each in (real, *real.parents):
        if (each == real or each.name == ".git") and repository(each):
            raise UsageError(f"{real} belongs to git's own records", fix="Name the folder with the files.")
    return real


_TOP = ("bin", "home", "lib", "lib64", "media", "mnt", "opt", "root", "sbin", "srv", "usr", "var")


def find_git(folder: Path) -> GitParts | None:
    """The git parts of a checkout or linked worktree; None for a plain folder or an untrue pointer."""
    dot = folder / ".git"
    kind = _kind(dot)
    if kind == "dir":
        return repository(dot)
    if kind != "file":
        return None
    text = read_small(dot, _POINTER_BYTES).decode("utf-8", "replace")
    if not text.startswith("gitdir:"):
        return None
    gitdir = Path(os.path.realpath(folder / text[len("gitdir:") :].strip()))
    return _linked(dot, gitdir)


def _linked(dot: Path, gitdir: Path) -> GitParts | None:
    """The parts of a linked worktree, if its repository knows of this very worktree."""
    back = read_small(gitdir / "gitdir", _POINTER_BYTES).decode("utf-8", "replace").strip()
    if gitdir.parent.name != "worktrees" or not back or os.path.realpath(gitdir / back) != str(dot):
        return None
    parts = repository(gitdir.parent.parent)
    return GitParts(parts.common, gitdir) if parts and leading.stays_private(gitdir) else None


def repository(path: Path) -> GitParts | None:
    """``path`` as a repository's own folder, bare or not; None if it is none."""
    ok = (
        _kind(path / "objects") == "dir"
        and _kind(path / "HEAD") == "file"
        and _kind(path / "config") == "file"
        and leading.stays(path, read_small(path / "config", leading.CONFIG_BYTES))
    )
    return GitParts(path, path) if ok else None


def unusable_git(root: Path) -> Path | None:
    """The folder that ``.git`` is, or leads to, within ``root``. Where no repository was found, that is one
    which was not believed: a person's all the same, or a command's."""
    real = Path(os.path.realpath(root / ".git"))
    return real if real != root and real.is_relative_to(root) and _kind(real) == "dir" else None


def git_parts(root: Path, gitdir: Path | None, lenders: tuple[Path, ...] | None = ()) -> GitParts | None:
    """The git parts of ``root``, or those of the repository ``gitdir``. RepoError if that is none."""
    found = find_git(root) if gitdir is None else repository(gitdir.resolve())
    if found is None and gitdir is not None:
        raise RepoError(f"{gitdir} is not a repository's folder", fix="Name its .git folder.")
    return replace(found, lenders=lenders) if found is not None else None


def holds_secrets(git: GitParts) -> bool:
    """Whether the folder that holds the index also holds what must not be shown to a sandbox."""
    files = existing(git.gitdir, ("config", "config.worktree"), "file")
    return bool(files + existing(git.gitdir, ("modules",), "dir"))


def seen_at_start(git: GitParts, *, mounts: bool = True) -> tuple[object, ...]:
    """The state of those files of the repository that a sandbox sees as they were at its start.

    Without ``mounts`` these are all that cannot be shown by their folder.
    """
    names = [git.common / "packed-refs", git.gitdir / "config.worktree"]
    if git.gitdir == git.common or (not mounts and holds_secrets(git)):
        names += [git.gitdir / "HEAD", git.gitdir / "index"]
    return tuple(_stamp(name) for name in names)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = os.lstat(path)
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def modules(folder: Path, depth: int = 4) -> list[Path]:
    """The submodules' repositories below ``folder``/modules, which may lie in each other; bounded."""
    found: list[Path] = []
    for path in _subfolders(folder / "modules"):
        if repository(path):
            found += [path, *modules(path, depth - 1)] if depth else [path]
        else:  # a submodule's name may hold slashes
            found += [each for each in _subfolders(path) if repository(each)]
    return found[:_MODULES]


def _subfolders(folder: Path) -> list[Path]:
    if _kind(folder) != "dir":
        return []
    return [each for each in sorted(folder.iterdir()) if _kind(each) == "dir"]


def _kind(path: Path) -> str:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return ""
    return "dir" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def existing(folder: Path, names: tuple[str, ...], kind: str) -> list[Path]:
    """Those of ``names`` that are really there, not by a symlink."""
    return [folder / name for name in names if _kind(folder / name) == kind]


def object_folders(common: Path, lenders: Sequence[Path] | None = None) -> list[Path]:
    """The repository's object folder and those it borrows from, which must look like object folders.

    Only those below ``lenders`` count, unless it is None: the list of a ``.git`` that a command may have made
    could name any repository of this machine.
    """
    found = [common / "objects"]
    for folder in found:
        listed = read_small(folder / "info" / "alternates", 65536).decode("utf-8", "replace")
        for line in listed.splitlines():
            other = Path(os.path.realpath(folder / line.strip()))
            is_store = (
                other.name == "objects" and _kind(other / "pack") == "dir" and _kind(other / "info") == "dir"
            )
            lent = lenders is None or any(other.is_relative_to(each) for each in lenders)
            if line.strip() and is_store and lent and other not in found and len(found) < 8:
                found.append(other)
    return found


def lent(git: GitParts, root: Path, show: Sequence[Path]) -> GitParts:
    """``git`` of a folder that is not our own: it may borrow from inside the folder and from what the host
    shows."""
    return replace(git, lenders=(root, *show))


def refused_lenders(git: GitParts) -> list[Path]:
    """Stores that the repository borrows from and that are not shown."""
    allowed = object_folders(git.common, git.lenders)
    return [store for store in object_folders(git.common) if store not in allowed]


def clean_config(path: Path) -> bytes:
    """A git config with only what describes the repository: no URL, header, name, or program survives."""
    listed = leading.listed(read_small(path, leading.CONFIG_BYTES))
    if listed is None:
        raise RepoError(
            f"{path} cannot be read by git", fix="Mend the file: `git config --list` shows where."
        )
    lines = []
    for key, value in listed:
        section, _, name = key.partition(".")
        if name in {"core": _KEPT_CORE, "extensions": _KEPT_EXTENSIONS}.get(section, ()):
            quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            lines.append(f'[{section}]\n\t{name} = "{quoted}"\n')
    return "".join(lines).encode()
