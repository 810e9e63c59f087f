"""The Slack door's settings. Tokens, people and pace are the host's; a repo may name its channel."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, SecretStr

from codebutler.settings.parts import REPO, HostPort, Line, Section, Url

COPY_ID = "In Slack, a person's profile has it: More, Copy member ID."


def _member(value: str) -> str:
    if value.startswith(("@", "<")):
        raise ValueError(f"must be a member's id, such as U012AB3CD, and no name. {COPY_ID}")
    return value


Member: TypeAlias = Annotated[Line, AfterValidator(_member)]


class Slack(Section):
    """The Slack door. Every message in its channels opens a thread.

    ``channels`` are more of them; ``elsewhere``: so do mentions in other channels, and direct messages.
    ``users`` may use it (none named: whoever is in the channel), ``admins`` may also decide in threads of
    others and hear of troubles. ``listen`` takes signed requests over HTTP in place of Socket Mode.
    ``post_seconds`` and ``edit_seconds`` are the least time between two posts in a channel and two edits of a
    message.
    """

    bot_token: SecretStr | None = None
    app_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    channel_id: Line | None = Field(default=None, alias="channelID", json_schema_extra=REPO)
    channel_name: Line | None = Field(default=None, json_schema_extra=REPO)
    channels: list[Line] = Field(default=[], json_schema_extra=REPO)
    elsewhere: bool = True
    users: list[Member] = []
    admins: list[Member] = []
    admin_channel: Line | None = None
    listen: HostPort | None = None
    post_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    edit_seconds: Annotated[float, Field(ge=0, le=60)] = 1.5
    base_url: Url = "https://slack.com/api"


def lacking(slack: Slack) -> str:
    """The key without which a half-configured door stays shut; "" if there is nothing of it, or all."""
    if slack.bot_token is None:
        return "slack.botToken" if slack.app_token or slack.listen else ""
    return "" if slack.app_token or slack.listen else "slack.appToken (or slack.listen)"
