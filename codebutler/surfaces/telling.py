"""What only an admin can mend: told once, in the log and on the platform, until it works again."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence

from codebutler.errors import CodeButlerError

ADMINS = "ADMINS"
"""Marks the lines of the service's log that are for whoever runs the host."""


class Admins(ABC):
    """Those of one platform."""

    def __init__(self, log: logging.Logger, *, channel: str, admins: Sequence[str]) -> None:
        """In ``channel``, or to each of ``admins``; always in the log."""
        self._log = log
        self._places = [channel] if channel else list(admins)
        self._told: set[str] = set()

    @abstractmethod
    async def say(self, place: str, words: str) -> None:
        """Say it in a channel, or to a person. CodeButlerError when that cannot be."""

    async def tell(self, key: str, words: str) -> None:
        """Say it, unless it was said since it last worked."""
        if key in self._told:
            return
        self._told.add(key)
        self._log.warning("%s: %s", ADMINS, words)
        for place in self._places:
            try:
                await self.say(place, words)
            except CodeButlerError as error:
                self._log.warning("%s cannot be told: %s", place, error)
