"""Which file a store is, and what to tell a person whose store is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from codebutler.errors import StoreGone

Rescue = Callable[[], str]
"""How the store's threads come back, asked when they are lost; "" when there is no way."""


def no_rescue() -> str:
    """For a store of which no copy is kept."""
    return ""


class Standing:
    """The file at ``path`` as it is now. SQLite goes on with one that was deleted, where nobody sees it."""

    def __init__(self, path: Path, rescue: Rescue = no_rescue) -> None:
        """Raises StoreGone when there is none."""
        self.path = path
        self.rescue = rescue
        self._file = self._there()
        self.check()

    def check(self) -> None:
        """Raises StoreGone once the file is deleted, moved or replaced. One look at the folder."""
        if self._file is None or self._there() != self._file:
            raise StoreGone(
                f"the store {self.path} was deleted or replaced while it was in use",
                fix=self.rescue() or "Start again: a new one is made.",
            )

    def _there(self) -> tuple[int, int] | None:
        try:
            info = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return info.st_dev, info.st_ino
