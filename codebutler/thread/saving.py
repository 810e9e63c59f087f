"""Cheap models in time, by ``limits.onCap``: when most of a cap is used, or a call does not fit into it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from codebutler.agent.roles import Role
from codebutler.text import sentence
from codebutler.thread.host import Host
from codebutler.thread.housed import Housed
from codebutler.thread.log import ThreadLog
from codebutler.thread.pool import cheaper

NEAR = 0.8
"""Share of a cap from which people are warned, and ``onCap: cheaper`` prefers cheap models."""


class Saving(Housed, ABC):
    """Which of a role's models is asked first."""

    def __init__(self, host: Host, log: ThreadLog) -> None:
        """No call has been too dear yet."""
        super().__init__(host, log)
        self._saving: dict[str, str] = {}
        """By role: the cheaper model that is asked in this turn, as the other one's call did not fit."""

    @abstractmethod
    async def tell_once(self, notice: str, *, source: str = "") -> None:
        """Say it in the thread, once."""

    @property
    def usd_cap(self) -> float | None:
        """Dollars that this thread may cost."""
        cap = self.config.limits.usd_per_thread
        return None if cap is None else cap + self.state.raised_usd

    async def saves(self, why: str, role: Role, model: str, tokens: int, *, room: float) -> bool:
        """Whether ``onCap`` has a cheaper one of the role's own models asked: its call fits ``room`` dollars.

        ``why`` the call of ``model`` does not, people are told once.
        """
        if self.config.limits.on_cap != "cheaper":
            return False
        own = [
            m for m in self.host.router.candidates(role, self.chosen(role)) if not self.host.breaker.wait(m)
        ]
        output = role.limits.max_output
        other = cheaper(own, self.host.router, than=model, tokens=tokens, output=output, room=room)
        if not other:
            return False
        self._saving[role.name] = other
        words = f"{sentence(f'With {model}, {why}')} The {role.title} goes on with {other}, which fits."
        await self.tell_once(words, source=f"notice:saving:{role.name}:{other}")
        return True

    def saving(self, role: Role, models: Sequence[str]) -> Sequence[str]:
        """``models`` in the order in which money wants them asked."""
        models = self.cheapest_first(models) if self.is_saving() else models
        first = self._saving.get(role.name, "")
        return [first, *(model for model in models if model != first)] if first in models else models

    def is_saving(self) -> bool:
        """Whether it is time for cheap models."""
        cap = self.usd_cap
        return self.config.limits.on_cap == "cheaper" and cap is not None and self.state.usd >= NEAR * cap

    def cheapest_first(self, models: Sequence[str]) -> Sequence[str]:
        """``models`` by the price of a typical call."""
        return sorted(models, key=lambda model: self.host.router.worst_case(model, 20_000, 1_000))
