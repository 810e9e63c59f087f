"""Child processes of the executor, which is PID 1 of its sandbox: start, wait, and leave no survivor.

PID 1 inherits every orphan, so all reaping happens here in one place and statuses are kept for those
who wait. Starting uses posix_spawn: no fork of this process's memory, no Python between fork and exec.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from starter import Starter

_RESET = (signal.SIGPIPE, signal.SIGXFSZ)
_TRIES = 5
_Patience = tuple[float, Callable[[], bool]]
_TRUST = 1.0  # seconds after which a run is doubted
_ROOM = 1024 * 1024
"""Bytes of output that a captured command may be ahead of us: it need not wait for each piece to be read."""


class Child(NamedTuple):
    """A running child; ``pidfd`` becomes readable when it ends."""

    pid: int
    pidfd: int


class Captured(NamedTuple):
    """What a finished command printed. ``code`` is negative for a signal; ``cut`` if it was stopped."""

    code: int
    out: bytes
    err: bytes
    cut: bool = False


class Children:
    """The process table of this executor."""

    def __init__(self, inner: int = -1) -> None:
        """Nothing runs yet. ``_gate`` is closed to new children while a sweep is under way.

        ``inner``: where the sandbox has no processes of its own to be the first of, a descriptor of rules
        for the children. This process then adopts their orphans, and signals reach nothing but them.
        """
        self._lock = threading.Lock()
        self._gate = threading.Lock()
        self._ended: dict[int, int | None] = {}
        self.kept: set[int] = set()  # survive sweeps
        self._starter = Starter(inner) if inner >= 0 else None
        self.owns_all = os.getpid() == 1 or inner >= 0

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: int = -1,
        stdout: int = -1,
        stderr: int = -1,
        keep: bool = False,
    ) -> Child:
        """Start ``argv`` in its own session. Streams not given are /dev/null (0, 1, 2 of this process).

        A child to ``keep`` and its descendants survive sweeps until it ends.
        """
        actions = [
            (os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate((stdin, stdout, stderr)) if fd >= 0
        ]
        with self._gate, self._lock:
            spawn = partial(
                os.posix_spawnp,
                argv[0],
                list(argv),
                os.environ if env is None else env,
                file_actions=actions,
                setsid=True,
                setsigdef=_RESET,
            )
            pid = self._starter.run(spawn) if self._starter else spawn()
            self._ended[pid] = None
            if keep:
                self.kept.add(pid)
            return Child(pid, os.pidfd_open(pid))

    def wait(self, child: Child) -> int:
        """Wait for the end: exit code, or minus the signal number. Closes the pidfd."""
        poll = select.poll()
        poll.register(child.pidfd, select.POLLIN)
        poll.poll()
        os.close(child.pidfd)
        self._reap()
        with self._lock:
            code = self._ended.pop(child.pid)
            self.kept.discard(child.pid)
        return 1 if code is None else code

    def kill(self, child: Child) -> None:
        """Kill the child and everything that stayed in its process group."""
        for send in (os.killpg, os.kill):
            try:
                send(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def kill_tree(self, child: Child) -> None:
        """Kill a kept child and all its descendants, the child last: until then it adopts the orphans."""
        if self.owns_all:
            _signal({child.pid}, signal.SIGSTOP)  # or it would go on with its next command, or end as if well
        for _ in range(_TRIES * 10):
            below = descendants({child.pid}) if self.owns_all else set()
            if not below:
                break
            _signal(below, signal.SIGKILL)
        self.kill(child)

    def sweep(self, child: Child | None = None, seconds: float = 2.0) -> None:
        """Kill every process of the sandbox but this one and those to keep. Outside a sandbox: only
        ``child``'s group. What cannot be told apart in time goes with everything else.
        """
        if not self.owns_all:
            if child is not None:
                self.kill(child)
            return
        until = time.monotonic() + seconds
        with self._gate:
            self._reap()  # a dead child that nobody has waited for yet would look like a survivor
            while self.kept and time.monotonic() < until and self._kill_strangers():
                time.sleep(0.0005)
                self._reap()
            if self.kept and time.monotonic() < until:
                return
            until = time.monotonic() + seconds
            while time.monotonic() < until and _kill_all():
                time.sleep(0.0005)
                self._reap()

    def _kill_strangers(self) -> bool:
        """Kill everything outside the trees of the kept children; False if there was nothing."""
        parents = processes()
        strangers = descendants({os.getpid()}, parents) - self.kept - descendants(self.kept, parents)
        _signal(strangers, signal.SIGKILL)
        return bool(strangers)

    def _reap(self) -> None:
        with self._lock:
            if self.owns_all:
                self._reap_all()
            else:
                for pid in [pid for pid, code in self._ended.items() if code is None]:
                    self._note(*os.waitpid(pid, os.WNOHANG))

    def _reap_all(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._note(pid, status)

    def _note(self, pid: int, status: int) -> None:
        if pid in self._ended:
            self._ended[pid] = os.waitstatus_to_exitcode(status)

    def capture(
        self,
        argv: Sequence[str],
        *,
        limit: int,
        timeout: float,
        env: Mapping[str, str] | None = None,
        stdin: int = -1,
        stdout: int = -1,
        doubt: Callable[[], bool] = bool,
    ) -> Captured:
        """Run to the end and return what it printed, stopping it past ``limit`` bytes or ``timeout``.

        ``doubt`` is asked once, when it takes long: True stops it then.

        ``stdout`` sends the output to a descriptor instead. A run that fell victim to the sweep after
        somebody's command is started again.
        """
        patience = (timeout, doubt)
        result = self._capture(argv, limit=limit, patience=patience, env=env, stdin=stdin, stdout=stdout)
        for _ in range(_TRIES):
            if result.code != -signal.SIGKILL or result.cut:
                break
            result = self._capture(argv, limit=limit, patience=patience, env=env, stdin=stdin, stdout=stdout)
        return result

    def _capture(
        self,
        argv: Sequence[str],
        *,
        limit: int,
        patience: _Patience,
        env: Mapping[str, str] | None,
        stdin: int,
        stdout: int,
    ) -> Captured:
        out_r, out_w = os.pipe2(os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # this user has too many pipes: slower, no more
            fcntl.fcntl(out_r, fcntl.F_SETPIPE_SZ, _ROOM)
        err_r, err_w = os.pipe2(os.O_CLOEXEC)
        child = self.start(argv, env=env, stdin=stdin, stdout=out_w if stdout < 0 else stdout, stderr=err_w)
        os.close(out_w)
        os.close(err_w)
        data = {out_r: bytearray(), err_r: bytearray()}
        cut = self._collect(child, data, limit, patience)
        code = self.wait(child)
        for fd in data:
            os.close(fd)
        return Captured(code, bytes(data[out_r][:limit]), bytes(data[err_r][:65536]), cut)

    def _collect(self, child: Child, data: dict[int, bytearray], limit: int, patience: _Patience) -> bool:
        """Read until the child has ended and its pipes are dry. True if it had to be stopped."""
        until, trust = time.monotonic() + patience[0], time.monotonic() + _TRUST
        poll = select.poll()
        for fd in (*data, child.pidfd):
            poll.register(fd, select.POLLIN)
        live = set(data)
        while live:
            ready = {fd for fd, _ in poll.poll(max(0.0, min(trust, until) - time.monotonic()) * 1000)}
            if not ready and trust < until:
                trust = until
                if not patience[1]():
                    continue
            if not ready or sum(map(len, data.values())) > limit:
                self.kill(child)
                return True
            for fd in ready & live:
                piece = os.read(fd, 262_144)
                data[fd] += piece
                if not piece:
                    live.discard(fd)
                    poll.unregister(fd)
            if ready == {child.pidfd}:
                break
        return False


def processes() -> dict[int, int]:
    """The parent of every living process of this namespace, by process id."""
    found: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    state, parent = file.read().rpartition(b") ")[2].split()[:2]
            except (OSError, ValueError):
                continue  # it has ended meanwhile
            if state not in (b"Z", b"X"):
                found[int(name)] = int(parent)
    return found


def descendants(roots: set[int], parents: dict[int, int] | None = None) -> set[int]:
    """All living processes below ``roots``, at any depth."""
    children: dict[int, list[int]] = {}
    for pid, parent in (processes() if parents is None else parents).items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    todo = list(roots)
    while todo:
        for pid in children.get(todo.pop(), []):
            if pid not in found:
                found.add(pid)
                todo.append(pid)
    return found


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _kill_all() -> bool:
    """Kill all that signals reach from here, which lies below this process; False if there was nothing."""
    try:
        os.kill(-1, signal.SIGKILL)
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ProcessLookupError, ChildProcessError):
        return False
    return True
