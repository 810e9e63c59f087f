"""The chaos hook: ``CODEBUTLER_CRASH_AT=before:N`` or ``after:N`` kills the process around its Nth event row,
and ``before:KIND:N`` around its Nth of that kind.

Counted are the event rows that this process commits, over all threads and all stores that it has open.
``before`` strikes before the COMMIT that holds row N, ``after`` once it is on disk but nobody has been told.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Sequence

from codebutler.errors import UsageError

VARIABLE = "CODEBUTLER_CRASH_AT"


class CrashHook:
    """One per process. Unarmed it only counts."""

    def __init__(self) -> None:
        """Unarmed."""
        self._lock = threading.Lock()
        self._when = ""
        self._kind = ""
        self._row = 0
        self._committed = 0

    def arm(self) -> None:
        """Read the variable and take it out of the environment, so that no child inherits it.

        Raises UsageError for a value of another form; N counts from 1.
        """
        value = os.environ.pop(VARIABLE, None)
        if value is None:
            return
        match = re.fullmatch(r"(before|after):(?:([a-z_]+):)?([1-9][0-9]{0,8})", value)
        if match is None:
            raise UsageError(
                f"{VARIABLE} is {value!r}",
                fix=f"Write {VARIABLE}=before:N or after:N, N counting from 1, or before:KIND:N.",
            )
        self._when, self._kind, self._row = match[1], match[2] or "", int(match[3])

    def before_commit(self, kinds: Sequence[str]) -> None:
        """New event rows of these kinds are about to be committed."""
        self._strike("before", self._committed, self._counted(kinds))

    def after_commit(self, kinds: Sequence[str]) -> None:
        """They are on disk."""
        rows = self._counted(kinds)
        with self._lock:
            start, self._committed = self._committed, self._committed + rows
        self._strike("after", start, rows)

    def _counted(self, kinds: Sequence[str]) -> int:
        return kinds.count(self._kind) if self._kind else len(kinds)

    def _strike(self, when: str, start: int, rows: int) -> None:
        if when == self._when and start < self._row <= start + rows:
            os.kill(os.getpid(), signal.SIGKILL)


HOOK = CrashHook()
"""A process dies only once, so its counter is the process's and not a store's."""
