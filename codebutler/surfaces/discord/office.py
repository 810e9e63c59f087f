"""What admins' commands need of the host: its configuration, its models, what is set for servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from codebutler.agent.roles import load_role, shipped_names
from codebutler.config import Config
from codebutler.models.routing import Router
from codebutler.settings.house import House
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.thread.houses import Houses
from codebutler.types import Person

WORKERS = ("pm", "coder", "lead", "researcher", "artist")


@dataclass(frozen=True)
class Office:
    """A repo's."""

    config: Config
    houses: Houses
    router: Router
    make_room: Callable[[Person, float], Awaitable[str]]
    """Puts folders away in which nothing has happened for so many days."""

    async def house(self, guild: str) -> House:
        """What is set for a guild; nothing for direct messages."""
        return await self.houses.of(place(guild))

    def model(self, role: str) -> str:
        """The host's own model of a role."""
        return self.config.model_of(role) or load_role(role).model

    def models(self) -> list[tuple[str, str]]:
        """Models to offer, with a name each: of the pools, then what the server is known to have."""
        pools = [load_role(name).pool for name in shipped_names()] + [self.config.models.pm.pool]
        found = {model: name for pool in pools for name, model in pool.items()}
        named = [(f"{name} ({model})", model) for model, name in sorted(found.items())]
        return named + [(model, model) for model in sorted(self.router.offered) if model not in found]

    def providers(self) -> list[str]:
        """Providers that a server's models can go through."""
        return [*self.config.providers, *(f"litellm/{name}" for name in self.config.litellm)]


def place(guild: str) -> str:
    """A guild as settings know it."""
    return f"{SURFACE}:{guild}" if guild else ""
