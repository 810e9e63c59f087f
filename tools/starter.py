"""Starts every child behind rules that this process itself is not under: a thread that is.

Children inherit the border of the thread that starts them. Behind it they can signal and trace each other,
but not this process, whose id they share a table with.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

_LANDLOCK_RESTRICT_SELF = 446
_PR_SET_CHILD_SUBREAPER = 36


class Starter:
    """The thread. ``rules`` is a Landlock ruleset, closed here: no child may pass it on."""

    def __init__(self, rules: int) -> None:
        """Adopt all orphans, and go behind the rules with the first start."""
        from concurrent.futures import ThreadPoolExecutor  # only this border pays for the import

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._pool = ThreadPoolExecutor(1, initializer=_enter, initargs=(rules,))

    def run(self, start: Callable[[], int]) -> int:
        """What ``start`` returns; nothing is started where the rules cannot be had."""
        return self._pool.submit(start).result()


def _enter(rules: int) -> None:
    if ctypes.CDLL(None).syscall(_LANDLOCK_RESTRICT_SELF, rules, 0) != 0:
        raise OSError("no border for commands")
