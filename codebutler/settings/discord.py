"""The Discord door's settings. Token, people and pace are the host's; a repo may name guild and channels."""

from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from codebutler.settings.parts import REPO, Line, Section, Url


def _gateway(value: str) -> str:
    parts = urlsplit(value.strip())
    if parts.scheme not in {"ws", "wss"} or not parts.hostname or parts.username or parts.query:
        raise ValueError("must be a URL that starts with ws:// or wss://, and ends before ?")
    return value.strip()


def _snowflake(value: str) -> str:
    if value and not (value.isascii() and value.isdigit()):
        raise ValueError(
            "must be an id, all digits, and not a name: with Advanced, Developer Mode in Discord's settings,"
            " each menu has Copy ID"
        )
    return value


Id: TypeAlias = Annotated[Line, AfterValidator(_snowflake)]
GatewayUrl: TypeAlias = Annotated[str, AfterValidator(_gateway)]


class Discord(Section):
    """The Discord door. Every message in its channels opens a thread, and so does every post in its forums.

    ``channels`` are more of them; ``elsewhere``: so do mentions in other channels, and direct messages.
    ``users`` and those with one of ``roles`` may use it (none named: whoever is in the channel); ``admins``
    and ``admin_roles`` may also decide in threads of others, as may whoever manages the guild. ``command`` is
    the slash command's name, ``alias_prefix`` begins the other names of some of it, and with
    ``global_commands`` they are made for all guilds and direct messages, which takes Discord up to an hour.
    ``edit_seconds`` is the least time between two edits of a message.
    ``gateway_url`` goes before what the server at ``base_url`` says itself.
    """

    token: SecretStr | None = None
    guild_id: Id | None = Field(default=None, alias="guildID", json_schema_extra=REPO)
    channel_id: Id | None = Field(default=None, alias="channelID", json_schema_extra=REPO)
    channels: list[Id] = Field(default=[], json_schema_extra=REPO)
    elsewhere: bool = True
    users: list[Id] = []
    roles: list[Id] = []
    admins: list[Id] = []
    admin_roles: list[Id] = []
    admin_channel: Id | None = None
    command: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")] = "codebutler"
    alias_prefix: Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,16}$")] = "rm-"
    global_commands: bool = False
    edit_seconds: Annotated[float, Field(ge=0, le=60)] = 1.5
    base_url: Url = "https://discord.com/api/v10"
    gateway_url: GatewayUrl | None = None
