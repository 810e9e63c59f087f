"""The chaos hook: ``CODEBUTLER_CRASH_AT=before:N`` or ``after:N`` kills the process around its Nth event row.

Counted are the event rows that this process commits, over all threads and all stores that it has open.
``before`` strikes before the COMMIT that holds row N, ``after`` once it is on disk but nobody has been told.
"""

from __future__ import annotations

import os
import re
import signal
import threading

from codebutler.errors import UsageError

VARIABLE = "CODEBUTLER_CRASH_AT"


class CrashHook:
    """One per process. Unarmed it only counts."""

    def __init__(self) -> None:
        """Unarmed."""
        self._lock = threading.Lock()
        self._when = ""
        self._row = 0
        self._committed = 0

    def arm(self) -> None:
        """Read the variable and take it out of the environment, so that no child inherits it.

        Raises UsageError for a value that is not ``before:N`` or ``after:N`` with N from 1.
        """
        value = os.environ.pop(VARIABLE, None)
        if value is None:
            return
        match = re.fullmatch(r"(before|after):([1-9][0-9]{0,8})", value)
        if match is None:
            raise UsageError(
                f"{VARIABLE} is {value!r}", fix=f"Write {VARIABLE}=before:N or after:N, N counting from 1."
            )
        self._when, self._row = match[1], int(match[2])

    def before_commit(self, rows: int) -> None:
        """``rows`` new event rows are about to be committed."""
        self._strike("before", self._committed, rows)

    def after_commit(self, rows: int) -> None:
        """They are on disk."""
        with self._lock:
            start, self._committed = self._committed, self._committed + rows
        self._strike("after", start, rows)

    def _strike(self, when: str, start: int, rows: int) -> None:
        if when == self._when and start < self._row <= start + rows:
            os.kill(os.getpid(), signal.SIGKILL)


HOOK = CrashHook()
"""A process dies only once, so its counter is the process's and not a store's."""
