"""The bash tool: one command, its output bounded, nothing of it left running but declared jobs."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import stat as modes
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import limits
from cancelling import Cancel
from faults import Fault
from jobs import Job, Jobs, unstarted
from output import Output, Watch
from scratch import Scratch
from workspace import Workspace

Answer = tuple[str, dict[str, Any], bool]
"""Text, details, and whether it counts as success."""


class Caller(NamedTuple):
    """Who calls: how to cancel, who watches, and the directory in which the caller's last command
    ended; None for a caller that keeps none, whose commands all begin at the root."""

    cancel: Cancel
    watch: Watch | None = None
    cwd: str | None = None
    tell_end: Callable[[int], None] | None = None
    """Is told the number of a job that was started here when it ends."""


class Shell:
    """Runs commands one at a time: the sweep after each would hit a neighbour's."""

    def __init__(self, space: Workspace, serial: threading.Lock, scratch: Scratch) -> None:
        """``serial`` is shared with everything else that must not run beside a command."""
        self.space, self.serial, self.scratch = space, serial, scratch
        self.jobs = Jobs(space, serial)

    def bash(self, arguments: Mapping[str, Any], caller: Caller) -> Answer:
        """Run a command to its end, start one as a job, or look at a job."""
        if self.space.config.read_only:
            raise Fault("bash cannot be used now: nothing may be run before the plan is approved")
        if ("command" in arguments) == ("job" in arguments):
            raise Fault("bash needs the argument 'command', or else 'job'")
        if "job" in arguments:
            return self._look(arguments, caller)
        command = arguments["command"]
        if "\0" in command:
            raise Fault("the command holds a NUL character")
        cwd = self._directory(caller)
        if arguments.get("background"):
            self.scratch.ready()
            return self._background(command, cwd, caller)
        with self.serial:
            if caller.cancel.is_set:
                raise Fault("cancelled before it started")
            self.scratch.ready()
            run = _Run(self.space, command, cwd, _timeout(arguments, limits.BASH_TIMEOUT), caller)
            return run.result()

    def _directory(self, caller: Caller) -> str:
        """Where the command begins: where the caller's last one ended, if that is still there."""
        cwd = caller.cwd or ""
        usable = cwd.startswith("/") and "\0" not in cwd and os.path.isdir(cwd) and os.access(cwd, os.X_OK)
        return cwd if usable else self.space.root

    def _background(self, command: str, cwd: str, caller: Caller) -> Answer:
        job = self.jobs.start(command, cwd, caller.tell_end)
        self.jobs.wait(job, limits.JOB_FIRST, caller.cancel)  # long enough to see that it cannot start
        return self._report(job)

    def _look(self, arguments: Mapping[str, Any], caller: Caller) -> Answer:
        job = self.jobs.find(arguments["job"])
        if arguments.get("stop"):
            self.jobs.stop(job)
        else:
            self.jobs.wait(job, _timeout(arguments, 0), caller.cancel)
        text, details, good = self._report(job)
        return text, details, good or bool(arguments.get("stop"))

    def _report(self, job: Job) -> Answer:
        code, seconds = job.code, job.seconds or time.monotonic() - job.began
        state = f"job {job.number} " + ("runs" if code is None else f"ended, exit code {code}")
        parts = [job.output.text(), f"[{state}, {seconds:.0f} s]"]
        details: dict[str, Any] = {"job": job.number, "exit_code": code, "output_bytes": job.output.total}
        if job.output.path:
            details["full_output"] = job.output.path
        return "\n".join(part for part in parts if part), details, not code


def _timeout(arguments: Mapping[str, Any], otherwise: float) -> float:
    return min(float(arguments.get("timeout", otherwise)), limits.BASH_TIMEOUT_MAX)


class _Run:
    def __init__(self, space: Workspace, command: str, cwd: str, timeout: float, caller: Caller) -> None:
        self.space, self.timeout, self.cancel, self.cwd = space, timeout, caller.cancel, cwd
        self.watch, self.keeps = caller.watch, caller.cwd is not None
        self.lost = caller.cwd if caller.cwd and caller.cwd != cwd else ""
        self.began = time.monotonic()
        self.note = os.path.join(space.config.state, f"cwd-{os.urandom(6).hex()}")
        self.output = Output(space, watch=caller.watch)
        script = self.script(command)
        try:
            self.child = space.children.start(
                ["/bin/bash", "-c", script],
                env=space.environment,
                stdout=self.output.end,
                stderr=self.output.end,
            )
        except OSError as error:
            self.output.close()
            raise unstarted(error) from error
        finally:
            self.output.started()

    def script(self, command: str) -> str:
        """The command, on the line where it begins, in its directory; at its end it notes where it is."""
        leave = f"{{ set +x; pwd -P >| {shlex.quote(self.note)}; }} 2>/dev/null"
        if not self.keeps:
            return command
        enter = "" if self.cwd == self.space.root else f"cd -- {shlex.quote(self.cwd)}; "
        return f"{enter}trap -- {shlex.quote(leave)} EXIT; {command}"

    def result(self) -> Answer:
        ended = self.pump()
        self.space.children.sweep(self.child)
        code = self.space.children.wait(self.child)
        self.output.drain()
        self.output.close()
        seconds = round(time.monotonic() - self.began, 3)
        code = 128 - code if code < 0 else code
        cwd = self.left_in()
        total = self.output.total
        details = {"exit_code": code, "seconds": seconds, "output_bytes": total, "ended": ended}
        if self.keeps:
            details["cwd"] = cwd
        if self.output.path:
            details["full_output"] = self.output.path
        return self.text(ended, code, cwd), details, ended == "exit" and code == 0

    def left_in(self) -> str:
        """The directory in which the shell ended. The command could write anything there: a hint, no more."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(self.note, flags)
        except OSError:
            return self.cwd
        try:
            regular = modes.S_ISREG(os.fstat(fd).st_mode)
            said = os.read(fd, 4096).removesuffix(b"\n").decode("utf-8", "replace") if regular else ""
        finally:
            os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(self.note)
        return said if said.startswith("/") and "\n" not in said else self.cwd

    def text(self, ended: str, code: int, cwd: str) -> str:
        notes = {
            "exit": f"[exit code {code}]" if code else "",
            "timeout": f"[stopped: timed out after {self.timeout:g} s]",
            "cancelled": "[stopped: cancelled]",
        }
        here = os.path.relpath(cwd, self.space.root) if cwd.startswith(self.space.root) else cwd
        moved = f"[now in {here}]" if self.keeps and cwd != self.cwd else ""
        lost = f"[{self.lost} is gone: this ran in the worktree's root]" if self.lost else ""
        parts = [lost, self.output.text(), notes[ended], moved]
        return "\n".join(part for part in parts if part) or "(no output)"

    def pump(self) -> str:
        """Read until the command ends; says how: exit, timeout or cancelled."""
        poll = select.poll()
        pipe, pidfd = self.output.pipe, self.child.pidfd
        for fd in (pipe, pidfd, self.cancel.fd):
            poll.register(fd, select.POLLIN)
        until = self.began + self.timeout
        while True:
            left = max(0.0, until - time.monotonic())
            ready = {fd for fd, _ in poll.poll(min(left, self.watch.wait() if self.watch else left) * 1000)}
            if self.cancel.fd in ready:
                return "cancelled"
            if pidfd in ready:
                return "exit"
            if time.monotonic() >= until:
                return "timeout"
            if self.watch:
                self.watch.flush()
            if pipe in ready and not self.output.take():
                poll.unregister(pipe)
