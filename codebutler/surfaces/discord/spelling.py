"""Marks that Discord keeps in a text, as its author saw them: roles and channels by name, emoji, times.

A bot has a role of its own name: people who mention that mean the bot.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from codebutler.surfaces.discord.places import Places
from codebutler.types import Json

_ROLE = re.compile(r"<@&(\d+)>")
_CHANNEL = re.compile(r"<#(\d+)>")
_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_COMMAND = re.compile(r"</([^:<>\n]{1,100}):\d+>")
_TIME = re.compile(r"<t:(\d{1,11})(?::\w)?>")


def unmarked(text: str) -> str:
    """A text with emoji and commands by name, and times in UTC."""
    text = _COMMAND.sub(r"/\1", _EMOJI.sub(r":\1:", text))
    return _TIME.sub(lambda at: time.strftime("%F %H:%M UTC", time.gmtime(int(at[1]))), text)


class Spelling:
    """What the gateway told of roles and channels."""

    def __init__(self, places: Places) -> None:
        """No role is known yet."""
        self._places = places
        self._known: dict[str, Json] = {}

    def note(self, roles: Iterable[Json]) -> None:
        """Learn of roles, or of what they are called now."""
        self._known |= {str(role.get("id")): role for role in roles}

    def spelt(self, event: Json, us: str) -> Json:
        """A message, and the one that it answers, with names in the text; our own role is a mention of us."""
        answered = event.get("referenced_message")
        if answered:
            event = {**event, "referenced_message": self.spelt(answered, us)}
        text = str(event.get("content") or "")
        if "<@&" not in text and "<#" not in text:
            return event
        text = _ROLE.sub(lambda found: self._role(found[1], us), text)
        return {**event, "content": _CHANNEL.sub(lambda found: self._channel(found[1]), text)}

    def _role(self, role: str, us: str) -> str:
        known = self._known.get(role) or {}
        if str((known.get("tags") or {}).get("bot_id")) == us:
            return f"<@{us}>"
        return f"@{known.get('name') or 'role'}"

    def _channel(self, channel: str) -> str:
        name = self._places.name(channel)
        return f"#{name}" if name else f"<#{channel}>"
