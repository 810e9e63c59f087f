"""Money that is held for a call, and what it has cost in the end."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from codebutler.store import money
from codebutler.store.care import Care


class Wallet(Care):
    """The part of ``Store`` that counts dollars."""

    async def reserve(self, *, key: str, usd: float, caps: Mapping[str, float], sync: bool = True) -> None:
        """Hold ``usd`` in every scope of ``caps`` (scope to cap, in dollars), or in none.

        Raises LimitReached if spent + reserved + ``usd`` passes a cap, naming the scope, its cap and
        what is spent. What is spent in ``money.RAISED`` and a scope lifts its cap. A known key is a no-op,
        settled or not. ``sync`` as in ``append``.
        """
        await self._writer.do(lambda tx: money.reserve(tx, key, usd, caps), sync=sync)

    async def settle(self, *, key: str, usd: float, sync: bool = True) -> None:
        """Replace a reservation by what was spent (0 gives it back); again is a no-op.

        Raises CodeButlerError for a key that was never reserved. Without ``sync``, as in ``append``, a power
        cut may leave it reserved.
        """
        await self._writer.do(lambda tx: money.settle(tx, key, usd), sync=sync)

    async def paid(self, keys: Collection[str]) -> dict[str, float]:
        """Dollars that those of ``keys`` have cost that are settled here."""
        return await self._readers.do(lambda c: money.paid(c, keys))

    async def spent(self, scope: str) -> float:
        """Dollars settled in ``scope``, without what is only reserved."""
        return (await self.spent_in([scope]))[scope]

    async def spent_in(self, scopes: Collection[str]) -> dict[str, float]:
        """The same of several scopes, at one moment."""
        return await self._readers.do(lambda c: money.spent(c, scopes))

    async def scopes(self, prefix: str) -> list[str]:
        """The scopes that start with ``prefix`` and have ever held money."""
        return await self._readers.do(lambda c: money.scopes(c, prefix))

    async def unsettled(self, prefix: str = "") -> list[str]:
        """The keys that start with ``prefix`` and still hold money; a crash or a cancel leaves such keys."""
        return await self._readers.do(lambda c: money.unsettled(c, prefix))
