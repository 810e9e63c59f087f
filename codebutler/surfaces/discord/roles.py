"""A guild's roles by their ids. A bot has one of its own name: people who mention that mean the bot."""

from __future__ import annotations

import re
from collections.abc import Iterable

from codebutler.types import Json

_ROLE = re.compile(r"<@&(\d+)>")


class Roles:
    """What the gateway told of roles."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: dict[str, Json] = {}

    def note(self, roles: Iterable[Json]) -> None:
        """Learn of them, or of what they are called now."""
        self._known |= {str(role.get("id")): role for role in roles}

    def spelt(self, event: Json, us: str) -> Json:
        """A message with roles by name in its text, and our own role as a mention of us."""
        if "<@&" not in str(event.get("content") or ""):
            return event
        return {**event, "content": _ROLE.sub(lambda found: self._spelt(found[1], us), str(event["content"]))}

    def _spelt(self, role: str, us: str) -> str:
        known = self._known.get(role) or {}
        if str((known.get("tags") or {}).get("bot_id")) == us:
            return f"<@{us}>"
        return f"@{known.get('name') or 'role'}"
