"""What the admins of one place of a door, such as a guild, have set for it. None of it widens the host's."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from codebutler.settings.parts import Line, Section, Usd
from codebutler.settings.shape import Limits


class House(Section):
    """Settings of ``place`` (``discord:GUILD``); what is not set is the host's.

    Dollars of a thread, of a person's day and the place's own day; ``max_runs`` Coders at once; only people
    with one of ``roles`` get in; logs of closed threads are kept for ``logs_days``.
    """

    model_config = ConfigDict(extra="ignore")

    place: str = ""
    provider: Line | None = None
    models: dict[str, Line] = {}
    usd_per_thread: Usd | None = None
    usd_per_person_per_day: Usd | None = None
    usd_per_day: Usd | None = None
    tokens_per_thread: Annotated[int, Field(ge=1)] | None = None
    max_runs: Annotated[int, Field(ge=1, le=1000)] | None = None
    roles: list[Line] = []
    logs_days: Annotated[int, Field(ge=1)] | None = None

    def limits(self, host: Limits) -> Limits:
        """The caps that hold here: the lower one of each."""
        names = ("usd_per_thread", "usd_per_person_per_day", "tokens_per_thread")
        return host.model_copy(update={n: lower(getattr(self, n), getattr(host, n)) for n in names})

    def model_of(self, role: str, given: str) -> str:
        """The role's model here; ``given`` is the host's."""
        model = self.models.get(role) or given
        if self.provider is None or model.startswith(f"{self.provider}/"):
            return model
        return f"{self.provider}/{model}"


def lower(ours: float | None, hosts: float | None) -> float | None:
    """The lower of two caps; None is none."""
    if ours is None or hosts is None:
        return hosts if ours is None else ours
    return min(ours, hosts)
