"""A process that runs the repo's turns may hang, or have no disk to write to: who waits for it is told so."""

from __future__ import annotations

import asyncio
import sys
import time

from codebutler.service.app import Place
from codebutler.service.owner import PATIENCE, stalled
from codebutler.store.faults import refusal

QUIET = 5.0
"""Seconds without anything new in the log after which the owner is asked for a sign of life."""


class Silence:
    """Watches over another process for one that follows its log."""

    def __init__(self, place: Place, *, quiet: float = QUIET, patience: float = PATIENCE) -> None:
        """``quiet`` and ``patience`` in seconds."""
        self._place = place
        self._quiet = quiet
        self._patience = patience
        self._since = time.monotonic()
        self._told = False

    def heard(self) -> None:
        """The log goes on, or this process runs the turns."""
        self._since = time.monotonic()
        self._told = False

    async def look(self) -> None:
        """Once it was quiet for long: say on standard error that the owner is silent, or why it can say
        nothing here: what it would write has no room. Once."""
        if self._told or time.monotonic() < self._since + self._quiet:
            return
        found = await stalled(self._place.repo, self._place.home, patience=self._patience)
        if found is None:  # the thread cannot tell: all that it says is in the store first
            found = await asyncio.to_thread(refusal, self._place.repo.inner / "store.db")
        self._since = time.monotonic()
        if found is not None:
            self._told = True
            print(self._place.redactor.text(str(found)), file=sys.stderr, flush=True)
