"""What holds for one thread: the host's configuration, and below it that of the place where people talk."""

from __future__ import annotations

from codebutler.agent.roles import Role
from codebutler.config import Config
from codebutler.events import Cap
from codebutler.places import Places
from codebutler.settings.house import House
from codebutler.thread.host import Host
from codebutler.thread.log import ThreadLog
from codebutler.thread.state import ThreadState


class Housed:
    """A claimed thread and its settings."""

    def __init__(self, host: Host, log: ThreadLog) -> None:
        """The host's settings hold until ``obey``."""
        self.host = host
        self.log = log
        self.house = House()
        self._config = host.config

    @property
    def state(self) -> ThreadState:
        """The fold of the log so far."""
        return self.log.state

    @property
    def config(self) -> Config:
        """The configuration that holds for this thread."""
        return self._config

    def obey(self, house: House) -> None:
        """From now on the place's settings hold, too."""
        self.house = house
        limits = house.limits(self.host.config.limits)
        self._config = self.host.config.model_copy(update={"limits": limits})

    def chosen(self, role: Role) -> str | None:
        """The model that people chose for a role, in the thread or for its place; None leaves it open."""
        swap, config = self.state.models.get(role.name), self.host.config
        if swap or config.model_override or (self.house.provider is None and not self.house.models):
            return swap
        given = config.model_of(role.name) or role.model
        ours = self.house.model_of(role.name, given)
        return None if ours == given else ours

    def lines(self) -> list[tuple[Places, str]]:
        """Where a Coder stands in line, the narrowest first, and why: of its person, its place, the repo."""
        found: list[tuple[Places, str]] = []
        opened, most = self.state.opened, self.config.limits.max_coders_per_person
        if opened is not None and most is not None:
            many = "1 Coder" if most == 1 else f"{most} Coders"
            own = self.host.own_coders(opened.owner, most)
            found.append((own, f"{opened.owner.label} has {many} at work"))
        if self.house.max_runs is not None:
            there = self.host.coders_at(self.house.place, self.house.max_runs)
            found.append((there, f"All {there.count} Coders of this server are at work"))
        return [*found, (self.host.coders, f"All {self.host.coders.count} Coders are at work")]

    def set_caps(self, day: str) -> dict[str, tuple[Cap, float]]:
        """Scopes of the caps over several threads, of a day, a place and a person, as they are configured."""
        limits, shared = self.config.limits, dict[str, tuple[Cap, float]]()
        if limits.usd_per_day is not None:
            shared[f"day:{day}"] = ("day", limits.usd_per_day)
        if self.house.usd_per_day is not None:
            shared[f"place:{self.house.place}:{day}"] = ("day", self.house.usd_per_day)
        if self.state.opened is not None and limits.usd_per_person_per_day is not None:
            owner = self.state.opened.owner
            shared[f"person:{owner.surface}:{owner.id}:{day}"] = ("person", limits.usd_per_person_per_day)
        return shared

    def whose(self, scope: str) -> str:
        """Whose cap a scope's is, in words."""
        kind = scope.partition(":")[0]
        return {"day": "this host's", "place": "this server's"}.get(kind, f"{self.owner}'s")

    @property
    def owner(self) -> str:
        """Whose money it is, in words."""
        return self.state.opened.owner.label if self.state.opened else "one person"
