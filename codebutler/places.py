"""Places for those who cannot all work at once, given out in the order in which they were asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Place:
    """A place, or the wish for one."""

    def __init__(self) -> None:
        """Use ``Places.place``."""
        self.number = -1
        """How many are served until this one is: 1 = the next; 0 = the place is there."""
        self.changed = asyncio.Event()

    def move(self, number: int) -> None:
        """It stands elsewhere in the line now."""
        if number != self.number:
            self.number = number
            self.changed.set()


class Places:
    """So many places, and a line before them."""

    def __init__(self, count: int) -> None:
        """``count`` may work at the same time."""
        self.count = count
        self._free = count
        self._line: deque[Place] = deque()

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Stand in line, and hold the place once it is there; leaving gives it to the next one."""
        mine = Place()
        self._line.append(mine)
        self._advance()
        try:
            yield mine
        finally:
            if mine.number:
                self._line.remove(mine)
            else:
                self._free += 1
            self._advance()

    def resize(self, count: int) -> None:
        """Another number may work from now on; nobody is sent away."""
        self._free += count - self.count
        self.count = count
        self._advance()

    def _advance(self) -> None:
        while self._free > 0 and self._line:
            self._free -= 1
            self._line.popleft().move(0)
        for number, place in enumerate(self._line, 1):
            place.move(number)
