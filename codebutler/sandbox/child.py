"""A process of a job, from its start to what is left of it, however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from codebutler.processes import let_go
from codebutler.sandbox.job import Job
from codebutler.sandbox.launch import Launch, prepare
from codebutler.waiting import whole


class Child:
    """A process with pipes to it."""

    def __init__(self, process: asyncio.subprocess.Process, launch: Launch) -> None:
        """Use ``start``."""
        self.process, self._launch = process, launch
        self._pidfd = -1
        with contextlib.suppress(ProcessLookupError):  # it may have ended, and been waited for, already
            self._pidfd = os.pidfd_open(process.pid)

    @classmethod
    async def start(cls, job: Job, line: int) -> Child:
        """The job's process; lines of its pipes may have ``line`` bytes. Raises NoSandbox and OSError.

        Called off, it begins all the same, and ends: half a start would leave descriptors and folders.
        """
        return await whole(_started(job, line), cls._undo)

    def kill(self) -> None:
        """End the process and with it, in a sandbox, everything that it started."""
        # Not Process.kill(): that one polls first, and takes the exit status from asyncio's own watcher.
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, self._launch.end)

    async def _undo(self) -> None:
        self.kill()
        await self.end()

    async def end(self) -> None:
        """Wait until it has ended, and let go of what is left of it: pipes, descriptors, its folder."""
        await let_go(self.process)
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        self._launch.remove_scratch()


async def _started(job: Job, line: int) -> Child:
    launch = await asyncio.to_thread(prepare, job)
    try:
        with launch.cleanup:
            process = await asyncio.create_subprocess_exec(
                *launch.argv,
                env=launch.env,
                pass_fds=launch.fds,
                cwd=launch.cwd,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=line,
            )
    except BaseException:
        launch.remove_scratch()
        raise
    return Child(process, launch)
