"""Git without a worktree. Two ways in, and no third:

``git``    in the real gitdir: refs, worktree administration, fetch. Reads the repository's configuration, so
           only commands that run no program named there under the settings of ``process``.
``plumb``  on the objects alone: trees, commits, diffs, merges, pushes. Runs in an empty gitdir that borrows
           the object database, so the repository's configuration, attributes and hooks do not exist for it.

``try_git`` and ``try_plumb`` are the same for commands whose exit code is an answer.
"""

from __future__ import annotations

import atexit
import os
import re
from collections.abc import AsyncIterable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from codebutler import temporary
from codebutler.errors import RepoError
from codebutler.repo.process import OUTPUT, Result, complaint, environment, owner_of, run
from codebutler.temporary import Room

_PREFIX = "codebutler-plumb-"
_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_formats: dict[Path, str] = {}
_rooms: dict[str, Room] = {}
"""Empty gitdirs of this process by object format."""


class Options(TypedDict, total=False):
    """How to run one git command. ``timeout`` is seconds, ``limit`` bytes of output (64 MiB).

    ``config`` are settings laid over all others. ``reach`` are folders outside the repository that the
    command must get at: as root, git runs as the repository's owner if that user can reach all of them.
    """

    stdin: bytes | AsyncIterable[bytes]
    timeout: float | None
    limit: int
    env_extra: Mapping[str, str]
    config: Sequence[tuple[str, str]]
    reach: Sequence[Path]


async def git(*args: str, gitdir: Path, check: bool = True, **options: Unpack[Options]) -> bytes:
    """Standard output of ``git --git-dir=GITDIR ARGS``. Failure: RepoError, or b"" without ``check``."""
    return _outcome(args, await try_git(*args, gitdir=gitdir, **options), check=check)


async def plumb(*args: str, gitdir: Path, check: bool = True, **options: Unpack[Options]) -> bytes:
    """Standard output of a git command that knows the objects of ``gitdir`` and nothing else of it."""
    return _outcome(args, await try_plumb(*args, gitdir=gitdir, **options), check=check)


async def try_git(*args: str, gitdir: Path, **options: Unpack[Options]) -> Result:
    """Run a command in the real gitdir; RepoError only if it cannot be run or takes too long."""
    identity = owner_of(gitdir, *options.get("reach", ()))
    return await run(
        (f"--git-dir={gitdir}", *args),
        environment(options.get("config", ())) | dict(options.get("env_extra", {})),
        stdin=options.get("stdin", b""),
        timeout=options.get("timeout"),
        limit=options.get("limit", OUTPUT),
        identity=identity,
    )


async def try_plumb(*args: str, gitdir: Path, **options: Unpack[Options]) -> Result:
    """Run a command on the objects alone; RepoError only if it cannot be run or takes too long."""
    common = common_dir(gitdir)
    borrowed = await _borrowed(common)
    return await run(
        args,
        environment(options.get("config", ())) | borrowed | dict(options.get("env_extra", {})),
        stdin=options.get("stdin", b""),
        timeout=options.get("timeout"),
        limit=options.get("limit", OUTPUT),
        identity=owner_of(common, *options.get("reach", ())),
    )


def _outcome(args: Sequence[str], result: Result, *, check: bool) -> bytes:
    if result.cut:
        raise RepoError(f"git {args[0]} had more to say than is reasonable")
    if result.code == 0:
        return result.out
    if check:
        raise RepoError(f"git {args[0]} failed: {complaint(result.err)}")
    return b""


async def _borrowed(common: Path) -> dict[str, str]:
    """The environment of a call that uses the objects of ``common`` and an empty gitdir."""
    if common not in _formats:
        said = await git("rev-parse", "--show-object-format", gitdir=common)
        _formats[common] = said.decode().strip()
    env = {"GIT_DIR": str(_room(_formats[common])), "GIT_OBJECT_DIRECTORY": str(common / "objects")}
    if (common / "shallow").exists():
        env["GIT_SHALLOW_FILE"] = str(common / "shallow")
    return env


def _room(object_format: str) -> Path:
    """An empty gitdir, made once in this process: nothing that runs there writes into it."""
    room = _rooms.get(object_format)
    if room is not None and not (room.path / "HEAD").exists():  # a service outlives what cleans up there
        room.remove()
        room = None
    if room is None:
        if not _rooms:
            atexit.register(leave)
            temporary.collect(_PREFIX)
        room = _rooms[object_format] = _make_room(object_format)
    return room.path


def leave() -> None:
    """Take away what this process made for git in the temporary folder: an end may skip ``atexit``."""
    for room in _rooms.values():
        room.remove()


def _make_room(object_format: str) -> Room:
    made = Room.make(_PREFIX)
    path = made.path
    config = "[core]\n\trepositoryFormatVersion = 0\n\tbare = true\n"
    if object_format != "sha1":
        config = config.replace("= 0", "= 1") + f"[extensions]\n\tobjectFormat = {object_format}\n"
    (path / "refs").mkdir()
    (path / "HEAD").write_text("ref: refs/heads/none\n")
    (path / "config").write_text(config)
    for each in (path, path / "refs", path / "HEAD", path / "config"):
        each.chmod(0o755)  # started by root, git runs as the repository's owner
    return made


def common_dir(gitdir: Path) -> Path:
    """The gitdir that holds objects and refs: for a linked worktree's private gitdir, its repository's."""
    pointer = text_of(gitdir / "commondir").strip()
    return Path(os.path.normpath(gitdir / pointer)) if pointer else gitdir


def text_of(file: Path) -> str:
    """What one of git's small files holds; "" if it is not there: other processes delete them at any time."""
    try:
        return file.read_text(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def need_oid(text: str, what: str) -> str:
    """``text`` if it is a full object id, else a RepoError. What a sandbox reports comes through here."""
    if _OID.fullmatch(text) is None:
        raise RepoError(f"{what} is not an object id: {text[:80]!r}")
    return text


async def resolve(gitdir: Path, rev: str) -> str | None:
    """The commit that a revision (branch, tag, sha, HEAD~2 …) names, or None."""
    ask = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    said = await git(*ask, gitdir=gitdir, check=False)
    return said.decode().strip() or None


async def tip_of(gitdir: Path, ref: str) -> str | None:
    """The commit that a branch points at, or None. A ref that lies in a file of its own costs no process."""
    try:
        said = (common_dir(gitdir) / ref).read_text(errors="replace").strip()
    except OSError:  # packed, of another ref store, or gone
        said = ""
    return said if _OID.fullmatch(said) else await resolve(gitdir, ref)


async def is_ancestor(gitdir: Path, old: str, new: str) -> bool:
    """Whether commit ``new`` contains commit ``old``; False if either is unknown here."""
    if old == new:
        return True
    result = await try_plumb("merge-base", "--is-ancestor", old, new, gitdir=gitdir)
    return result.code == 0


async def move_ref(gitdir: Path, ref: str, new: str, old: str, *, why: str) -> None:
    """Point ``ref`` at ``new`` if it is still at ``old`` ("" = it must not exist yet), else RepoError."""
    if not ref.startswith("refs/"):
        raise RepoError(f"not a full ref name: {ref!r}")
    result = await try_git("update-ref", "-m", why, ref, new, old or "0" * len(new), gitdir=gitdir)
    if result.code == 0:
        return
    if (await resolve(gitdir, ref) or "") != old:
        raise RepoError(f"{ref} was moved by somebody else meanwhile", fix="Look at it and try again")
    raise RepoError(f"{ref} could not be moved: {complaint(result.err)}")
