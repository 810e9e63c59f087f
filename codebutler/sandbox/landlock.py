"""The reduced border, as a program of its own: ``python -I -S landlock.py SPEC``. Stdlib only.

For hosts without user namespaces. As root it becomes the sandbox's user first. Then it goes behind Landlock
and starts the executor as its child, which goes behind seccomp too. It stays as the keeper: it adopts what
the executor leaves behind, and when the executor or the daemon ends, it ends everything.

Three domains lie in each other, and none can signal or trace an outer one: the keeper; the executor; the
commands, which see even less of /proc. So no command can end the executor, and ``kill(-1)`` of an outer one
reaches all of the inner ones at once, and nothing else of this user.

SPEC: {"uid": number or null, "parent": pid, "root": path, "writes": bool, "needs": [path], "rules":
[[path, kind]], "outer": [[path, kind]], "filter": base64, "tasks": number, "env": {}, "exec": [argv]}.
``outer`` is for the executor alone; ``tasks`` is how many more of them its user may have; ``needs`` must be
there and open to that user.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import resource
import signal
import stat
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

CLOSED = "codebutler: closed to the sandbox's user"
NO_LANDLOCK = "codebutler: no Landlock"
LEAST_ABI = 6
"""Linux 6.12. Before, a sandboxed command could end every process of its user, and outlive its call."""
INNER_FD = 9
"""Where the executor finds the rules that its commands get."""

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE, _MAKE_DIR, _MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_MAKE_FIFO, _MAKE_LINK, _REFER, _TRUNCATE = 1 << 10, 1 << 12, 1 << 13, 1 << 14
_FILES = (1 << 16) - 1
"""Everything that this many bits can forbid: also sockets, devices and their ioctl."""
_TCP, _SCOPES = 3, 3
_OF_A_FILE = _EXECUTE | _WRITE | _READ | _TRUNCATE
KINDS = {
    "see": _EXECUTE | _READ | _LIST,
    "read": _READ | _LIST,
    "device": _READ | _WRITE,
    "work": _EXECUTE | _WRITE | _READ | _LIST | _REMOVE_DIR | _REMOVE | _MAKE_DIR | _MAKE_FILE | _MAKE_FIFO
    | _MAKE_LINK | _REFER | _TRUNCATE,
}  # fmt: skip
_NO_NEW_PRIVS, _SUBREAPER, _DEATH_SIGNAL, _DUMPABLE, _SECCOMP = 38, 36, 1, 4, 22

_libc = ctypes.CDLL(None, use_errno=True)
Rules = list[tuple[str, str]]


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr"""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("files", "tcp", "scopes"))


class _Beneath(ctypes.Structure):
    """struct landlock_path_beneath_attr"""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def abi() -> int:
    """The version of Landlock that this kernel has switched on; 0 for none."""
    return max(0, int(_libc.syscall(_CREATE, None, 0, _VERSION)))


def ruleset(rules: Rules) -> int:
    """A descriptor of rules: what they do not name is forbidden. Raises OSError."""
    wanted = _Ruleset(_FILES, _TCP, _SCOPES)
    fd = _checked(_libc.syscall(_CREATE, ctypes.byref(wanted), ctypes.sizeof(wanted), 0))
    for path, kind in rules:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, PermissionError):
            continue  # what is not there, or closed to this user, needs no rule
        allowed = KINDS[kind]
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            allowed &= _OF_A_FILE
        _checked(_libc.syscall(_ADD_RULE, fd, _PATH_BENEATH, ctypes.byref(_Beneath(allowed, place)), 0))
        os.close(place)
    return fd


def _scoped() -> int:
    """Rules that only keep signals and abstract sockets in."""
    wanted = _Ruleset(0, 0, _SCOPES)
    return _checked(_libc.syscall(_CREATE, ctypes.byref(wanted), ctypes.sizeof(wanted), 0))


def _enter(rules: int) -> None:
    _checked(_libc.syscall(_RESTRICT, rules, 0))
    os.close(rules)


def _set(option: int, *values: int) -> None:
    _checked(_libc.prctl(option, *(*values, 0, 0, 0, 0)[:4]))


def _filter(program: bytes) -> None:
    code = ctypes.create_string_buffer(program, len(program))
    wanted = _Program(len(program) // 8, ctypes.cast(code, ctypes.c_void_p))
    _checked(_libc.prctl(_SECCOMP, 2, ctypes.byref(wanted), 0, 0))


def _tasks(uid: int) -> int:
    """How many threads this user runs already: the kernel counts them all against one limit."""
    found = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":\t", 1) for line in status.read_text("utf-8", "replace").splitlines())
        except (OSError, ValueError):
            continue  # it has ended meanwhile
        if int(lines["Uid"].split()[0]) == uid:
            found += int(lines["Threads"])
    return found


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _follow(signal_number: int, parent: int) -> None:
    """Get a signal when the parent ends; be gone if it has ended already."""
    _set(_DEATH_SIGNAL, signal_number)
    if os.getppid() != parent:
        os._exit(1)


def _look(spec: dict[str, Any]) -> None:
    """Whether this user can use what the sandbox needs. Only the kernel knows: modes tell half of it."""
    for path in spec["needs"]:
        if not os.access(path, os.R_OK):
            sys.exit(f"{CLOSED}: {path}")
    if spec["writes"] and not os.access(spec["root"], os.W_OK | os.X_OK):
        sys.exit(f"{CLOSED}: {spec['root']} (it cannot write there)")


def _execute(spec: dict[str, Any], inner: int, keeper: int) -> NoReturn:
    """The child: in a session of its own, behind the rest of the border, it becomes the executor."""
    _follow(signal.SIGKILL, keeper)
    os.setsid()
    limit = _tasks(os.getuid()) + spec["tasks"]
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
    os.dup2(inner, INNER_FD, inheritable=True)
    _enter(_scoped())
    _filter(base64.b64decode(spec["filter"]))
    os.chdir(spec["root"])
    os.execve(spec["exec"][0], spec["exec"], spec["env"])  # noqa: S606 - no shell is what we want


def _keep(child: int) -> int:
    """Wait for the executor, then end all that it left: every orphan comes to this process."""

    def end(_number: int, _frame: FrameType | None) -> None:
        os.kill(-1, signal.SIGKILL)

    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(null, fd)
    signal.signal(signal.SIGTERM, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    code = 1
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return code
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os.kill(-1, signal.SIGKILL)


def main(text: str) -> int:
    """Become the sandbox's user, go behind the border, start the executor, and keep it."""
    spec = json.loads(text)
    if abi() < LEAST_ABI:
        sys.exit(f"{NO_LANDLOCK}: version {LEAST_ABI} (Linux 6.12) is needed, this kernel has {abi()}")
    os.umask(0o022)
    if spec["uid"] is not None:
        _become(spec["uid"])
    os.setsid()
    _look(spec)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # not before there is a child to end
    _follow(signal.SIGTERM, spec["parent"])
    _set(_NO_NEW_PRIVS, 1)
    _set(_SUBREAPER, 1)
    _set(_DUMPABLE, 0)
    rules = spec["rules"]
    inner = ruleset(rules)
    _enter(ruleset(rules + spec["outer"]))
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        _execute(spec, inner, keeper)
    os.close(inner)
    return abs(_keep(child))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
