"""From a job to an executor that answers; begun anew where git replaced a file while it was being mounted."""

from __future__ import annotations

from collections.abc import Callable

from codebutler.sandbox.client import Client, Lost, Refused
from codebutler.sandbox.job import Job
from codebutler.sandbox.problems import explain, vanished

_TRIES = 4
_PROTOCOL = {"protocolVersion": "2025-06-18"}


async def started(job: Job, on_end: Callable[[int | None], None]) -> Client:
    """A running executor that has answered. Raises NoSandbox.

    A file that was there when the start was planned and is not when it is mounted (packed-refs, which every
    ``git gc`` and every deleted branch writes anew) says nothing about this host: the start is planned again.
    """
    for left in range(_TRIES - 1, -1, -1):
        try:
            return await _attempt(job, on_end)
        except _Failed as failed:
            if not left or not vanished(failed.said):
                raise explain(failed.said, job.settings) from failed
    raise AssertionError("the last try returns or raises")


class _Failed(Exception):
    """One attempt; ``said`` is what bwrap or the launcher printed."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


async def _attempt(job: Job, on_end: Callable[[int | None], None]) -> Client:
    try:
        client = await Client.connect(job, on_end)
    except OSError as error:
        raise _Failed(str(error)) from error
    try:
        try:
            await client.request("initialize", _PROTOCOL, job.settings.start_timeout)
        except (Lost, Refused) as error:
            client.kill()
            raise _Failed(await client.complaint() or str(error)) from error
    except BaseException:
        client.kill()
        await client.close()
        raise
    return client
