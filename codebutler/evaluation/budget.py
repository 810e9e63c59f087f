"""Dollars over all runs of an eval: what a run may cost at most is held back until it is over."""

from __future__ import annotations

import asyncio

_LEAST = 1e-9


class Budget:
    """``most`` dollars for everything. Runs beside each other cannot overspend it together."""

    def __init__(self, most: float) -> None:
        """Nothing is spent yet."""
        self.most = most
        self.spent = 0.0
        self._held = 0.0
        self._freed = asyncio.Condition()

    @property
    def left(self) -> float:
        """What nobody has spent or holds."""
        return self.most - self.spent - self._held

    async def hold(self, usd: float) -> bool:
        """Hold ``usd``, waiting for runs that may leave some; False when there is too little in the end."""
        async with self._freed:
            while self.left + _LEAST < usd and self._held > 0:
                await self._freed.wait()
            if self.left + _LEAST < usd:
                return False
            self._held += usd
            return True

    async def settle(self, held: float, spent: float) -> None:
        """A run that held so much is over and has cost so much."""
        async with self._freed:
            self._held = max(0.0, self._held - held)
            self.spent += spent
            self._freed.notify_all()
