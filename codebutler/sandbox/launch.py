"""From a job to a command line with its descriptors, for root, for a user, and without a border."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from codebutler.errors import NoSandbox
from codebutler.sandbox import asroot, host, reduced, scope
from codebutler.sandbox.border import Profile, command
from codebutler.sandbox.job import BOX, Job
from codebutler.sandbox.problems import unscratched
from codebutler.temporary import Room, collect

_TASKS = 4096


class Launch(Struct, frozen=True):
    """What to start. ``cleanup`` closes descriptors once the process runs; ``room`` goes at its end."""

    argv: list[str]
    env: Mapping[str, str]
    fds: tuple[int, ...]
    cwd: str
    cleanup: ExitStack
    room: Room | None = None
    end: signal.Signals = signal.SIGKILL
    """What ends it with all that is in it."""

    def popen(self, *, stdin: int | None, stdout: int | None, stderr: int | None) -> subprocess.Popen[bytes]:
        """Start it and let go of the descriptors."""
        with self.cleanup:
            return subprocess.Popen(
                self.argv,
                env=self.env,
                pass_fds=self.fds,
                cwd=self.cwd,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
            )

    def remove_scratch(self) -> None:
        """Delete what an executor without mounts of its own kept in a folder of the host."""
        if self.room is not None:
            self.room.remove()


def prepare(job: Job) -> Launch:
    """The launch for this host. Raises NoSandbox where a program is missing, or a setting asks too much."""
    if (refusal := unscratched(job.settings)) is not None:
        raise refusal
    if job.program is not None and job.settings.tier != "bwrap":
        raise NoSandbox(
            f"MCP servers run only behind the whole border, and sandbox.tier is {job.settings.tier}",
            fix="Set sandbox.tier to bwrap, or use servers with a url.",
        )
    if job.settings.tier == "off":
        return _plain(job)
    as_root = os.geteuid() == 0
    host.require_uid(job.settings.uid if as_root else os.geteuid())
    return _reduced(job) if job.settings.tier == "reduced" else _bordered(job, as_root=as_root)


def _bordered(job: Job, *, as_root: bool) -> Launch:
    fds: list[int] = []
    sources: list[tuple[str, str, bool]] = []
    with ExitStack() as cleanup:  # until it is whole

        def data(content: bytes) -> int:
            fd = os.memfd_create("codebutler", os.MFD_CLOEXEC)
            cleanup.callback(os.close, fd)
            os.write(fd, content)
            os.lseek(fd, 0, os.SEEK_SET)
            fds.append(fd)
            return fd

        def stage(path: Path, needed: bool, *, by_path: bool = False) -> tuple[str, str]:
            if not as_root and by_path:
                return "", str(path)
            if not as_root:
                fds.append(opened(path, job))
                cleanup.callback(os.close, fds[-1])
                return "-fd", str(fds[-1])
            sources.append((str(path), f"{asroot.STAGE}/{len(sources)}", needed))
            return "", sources[-1][1]

        profile = Profile(job, stage, data)
        program, beside = host.bwrap()
        argv = [str(program), *profile.arguments]
        if as_root:
            # Its libraries are found relative to the program, so both keep their places to each other.
            top = program.parents[2] if beside else program.parent
            places = [(path, f"{asroot.STAGE}/bwrap/{path.relative_to(top)}") for path in (program, *beside)]
            sources.extend((str(path), target, False) for path, target in places)
            argv[0] = f"{asroot.STAGE}/bwrap/{program.relative_to(top)}"
            staged = [word for path, to, needed in sources for word in (path, to, "needed" if needed else "")]
            start = [str(host.interpreter()[0]), "-I", "-S", asroot.__file__, str(job.settings.uid)]
            argv = [*start, str(len(sources)), *staged, *argv]
        argv, env = _scoped(job, argv)
        return Launch(argv, env, tuple(fds), "/", cleanup.pop_all())


def opened(path: Path, job: Job) -> int:
    """What is at ``path`` now, to be bound whatever is put there meanwhile. Where commands of another sandbox
    may write, no link is followed: NoSandbox for one."""
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    theirs = path.is_relative_to(job.root) or (job.git is not None and path.is_relative_to(job.git.common))
    if theirs and Path(f"/proc/self/fd/{fd}").readlink() != path:
        os.close(fd)
        raise NoSandbox(f"{path} was changed into a link at this moment", fix="Try again.")
    return fd


def _reduced(job: Job) -> Launch:
    plan = reduced.plan(job)
    argv, env = _scoped(job, plan.argv)
    return Launch(argv, env, (), "/", ExitStack(), plan.room, signal.SIGTERM)


def _scoped(job: Job, argv: list[str]) -> tuple[list[str], dict[str, str]]:
    """The command line and its environment, with a memory limit where that is asked for and offered."""
    env = scope.offered(os.environ, uid=os.geteuid()) if job.settings.memory else None
    if env is None:
        return argv, {}
    return scope.wrapped(argv, memory=job.settings.memory, tasks=_TASKS), env


def _plain(job: Job) -> Launch:
    """No border: only by an explicit flag of the host. The environment is clean all the same."""
    collect(BOX, job.settings.uid)
    room = Room.make(BOX)
    scratch = str(room.path)
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": scratch,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }
    parser = host.pdf_parser()
    shelf = str(parser.parent) if parser else ""
    argv = command(job, str(host.program(job.settings.tools)), scratch, str(host.ripgrep()), shelf)
    return Launch(argv, env, (), str(job.root), ExitStack(), room)


def give_to(folder: Path, uid: int) -> None:
    """Make a worktree of ours belong to the sandbox's user, following no symlink. ``.git`` stays.

    Also what a person has added by hand as root since: the roles could not write beside it. Raises NoSandbox
    where root has no such user, or may not give.
    """
    if os.geteuid() != 0:
        return
    host.require_uid(uid)
    try:
        _give(folder, uid)
    except PermissionError as error:
        raise NoSandbox(
            f"{error.filename} cannot be given to the sandbox's user, uid {uid}: {error.strerror}",
            fix="Run codebutler as an ordinary user: root lacks the right to chown here.",
        ) from error


def _give(folder: Path, uid: int) -> None:
    """A file with other names stays, too: they may lie outside."""
    for _, folders, files, fd in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *(name for name in files if name != ".git")):
            with contextlib.suppress(FileNotFoundError):  # a neighbour in the same folder has deleted it
                has = os.stat(name, dir_fd=fd, follow_symlinks=False)
                if has.st_uid != uid and (has.st_nlink == 1 or not stat.S_ISREG(has.st_mode)):
                    os.chown(name, uid, uid, dir_fd=fd, follow_symlinks=False)
    if folder.lstat().st_uid != uid:
        os.chown(folder, uid, uid, follow_symlinks=False)
