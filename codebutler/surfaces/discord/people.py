"""Who somebody is in Discord, and whether they may use the bot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from codebutler.settings.discord import Discord as Settings
from codebutler.surfaces.discord.calls import DiscordRefused
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.types import Json, Person

if TYPE_CHECKING:
    from codebutler.surfaces.discord.link import Link

NO_MEMBER = frozenset({10007, 10013})
NOT_YOU = "You may not use CodeButler here. Ask an admin for a role that may, or to be in `discord.users`."


class People:
    """One repo's people. ``roles`` are asked for where they are None: an event does not always have them."""

    def __init__(self, link: Link, settings: Settings) -> None:
        """As the host's settings have it; a guild's own come with each question."""
        self._link = link
        self._settings = settings

    async def turn_away(self, user: str) -> None:
        """There is no word that only one person sees without an interaction: it goes as a direct message."""
        made = await self._link.calls.call("POST", "/users/@me/channels", body={"recipient_id": user})
        await self._link.calls.call(
            "POST", "/channels/{channel_id}/messages", body={"content": NOT_YOU}, channel_id=str(made["id"])
        )

    async def allows(
        self, user: str, roles: Sequence[str] | None, guild: str, listed_there: Sequence[str]
    ) -> bool:
        """Whether this person may use the door. ``listed_there``: roles that the guild's admins let in."""
        settings = self._settings
        if user in settings.admins:
            return True
        if not guild and settings.guild_id:
            guild, roles = settings.guild_id, await self._at_home(user, settings.guild_id)
            if roles is None:
                return False
        for users, listed in ((settings.users, settings.roles), ((), listed_there)):
            wanted = {*listed, *settings.admin_roles}
            if not (users or listed) or user in users:
                continue
            if not wanted & {guild, *await self._roles(user, roles, guild)}:  # @everyone has the guild's id
                return False
        return True

    async def person(
        self, user: str, name: str, roles: Sequence[str] | None, guild: str, *, manages: bool = False
    ) -> Person:
        """Who it is; ``manages``: Discord says that they manage the guild."""
        admin = manages or user in self._settings.admins
        if not admin and self._settings.admin_roles:
            admin = bool(set(self._settings.admin_roles) & set(await self._roles(user, roles, guild)))
        return Person(surface=SURFACE, id=user, name=name, admin=admin)

    async def _at_home(self, user: str, guild: str) -> Sequence[str] | None:
        """The roles in the repo's guild of somebody who writes directly; None where they are not in it."""
        try:
            member = await self._member(user, guild)
        except DiscordRefused as error:
            return None if error.code in NO_MEMBER else ()
        return [str(role) for role in member.get("roles") or []]

    async def _roles(self, user: str, roles: Sequence[str] | None, guild: str) -> Sequence[str]:
        if roles is not None or not guild or not user:
            return roles or ()
        try:
            member = await self._member(user, guild)
        except DiscordRefused:  # nobody of this guild any more
            return ()
        return [str(role) for role in member.get("roles") or []]

    async def _member(self, user: str, guild: str) -> Json:
        path = "/guilds/{guild_id}/members/{user_id}"
        return dict(await self._link.calls.call("GET", path, guild_id=guild, user_id=user))
