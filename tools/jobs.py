"""Background jobs: declared by the model, so they outlive their call; everything else is swept away.

A job's shell adopts the orphans of its job (PR_SET_CHILD_SUBREAPER), so that the job is one tree of
processes: what is in it stays, and stopping the job ends all of it.
"""

from __future__ import annotations

import errno
import select
import sys
import threading
import time
from collections.abc import Callable

import limits
from cancelling import Cancel
from children import Child
from faults import Fault
from output import Output
from workspace import Workspace

_ADOPT = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); "
    "os.chdir(sys.argv[1]); os.execv('/bin/bash', ['/bin/bash', '-c', sys.argv[2]])"
)


class Job:
    """One job. ``code`` is None while it runs; ``ended`` is set when it no longer does."""

    def __init__(
        self, number: int, child: Child, output: Output, tell_end: Callable[[int], None] | None
    ) -> None:
        """It has just begun. ``tell_end`` is told its number at its end."""
        self.number, self.child, self.output, self.tell_end = number, child, output, tell_end
        self.began, self.seconds = time.monotonic(), 0.0
        self.code: int | None = None
        self.ended = threading.Event()


def unstarted(error: OSError) -> Fault:
    """Why bash did not start, and for a command that is too long what to do."""
    if error.errno == errno.E2BIG:
        return Fault(
            "the command is too long (128 KiB at most): write it to a file, and run that with bash FILE"
        )
    return Fault(f"bash could not be started: {error.strerror}")


class Jobs:
    """The jobs of one executor, by number."""

    def __init__(self, space: Workspace, serial: threading.Lock) -> None:
        """``serial`` is held by foreground commands: a sweep waits for them."""
        self.space, self.serial = space, serial
        self.known: dict[int, Job] = {}
        self.count = 0

    def start(self, command: str, cwd: str, tell_end: Callable[[int], None] | None) -> Job:
        """Start a job in ``cwd``. Raises Fault when too many run."""
        if sum(job.code is None for job in self.known.values()) >= limits.JOBS:
            raise Fault(f"{limits.JOBS} background jobs run already: stop one")
        self.count += 1
        output = Output(self.space, f"job-{self.count}.txt")
        argv = [sys.executable, "-I", "-S", "-c", _ADOPT, cwd, command]
        try:
            child = self.space.children.start(
                argv, env=self.space.environment, stdout=output.end, stderr=output.end, keep=True
            )
        except OSError as error:
            output.close()
            raise unstarted(error) from error
        finally:
            output.started()
        job = self.known[self.count] = Job(self.count, child, output, tell_end)
        threading.Thread(target=self._pump, args=(job,), daemon=True).start()
        self._forget()
        return job

    def find(self, number: int) -> Job:
        """The job. Raises Fault if there is none."""
        if number not in self.known:
            raise Fault(f"there is no job {number}: a job ends with the sandbox it was started in")
        return self.known[number]

    def wait(self, job: Job, seconds: float, cancel: Cancel) -> None:
        """Wait until the job has ended, at most ``seconds``, or until the call is cancelled."""
        until = time.monotonic() + seconds
        while not cancel.is_set and not job.ended.wait(min(0.1, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= until:
                return

    def stop(self, job: Job) -> None:
        """End all of the job's processes."""
        if job.code is None:
            self.space.children.kill_tree(job.child)
            job.ended.wait(5)

    def close(self) -> None:
        """The executor ends."""
        for job in self.known.values():
            if job.code is None:
                self.space.children.kill_tree(job.child)

    def _forget(self) -> None:
        over = [number for number, job in self.known.items() if job.ended.is_set()][: -limits.JOBS_KNOWN]
        for number in over:
            del self.known[number]

    def _pump(self, job: Job) -> None:
        """Read until the job ends; then nothing of it stays behind."""
        poll = select.poll()
        for fd in (job.output.pipe, job.child.pidfd):
            poll.register(fd, select.POLLIN)
        while job.child.pidfd not in (ready := {fd for fd, _ in poll.poll()}):
            if job.output.pipe in ready and not job.output.take():
                poll.unregister(job.output.pipe)
        if not self.space.children.owns_all:
            self.space.children.kill(job.child)  # without a sandbox: what stayed in its group, nothing else
        code = self.space.children.wait(job.child)
        job.output.drain()
        job.output.close()
        job.seconds = time.monotonic() - job.began
        job.code = 128 - code if code < 0 else code
        job.ended.set()
        if job.tell_end is not None:
            job.tell_end(job.number)
        with self.serial:
            self.space.children.sweep()
