"""Setting an app up: its manifest, whether its tokens are what they should be, and the repo's channel."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from msgspec import Struct

from codebutler import assets
from codebutler.errors import CodeButlerError, ConfigError
from codebutler.surfaces.slack.calls import Calls, SlackAway, SlackRefused
from codebutler.surfaces.slack.troubles import SHUT
from codebutler.types import Json

NEEDED = (
    "app_mentions:read", "channels:history", "channels:read", "chat:write", "commands", "files:read",
    "files:write", "groups:history", "groups:read", "im:history", "im:write", "reactions:read",
    "reactions:write", "users:read",
)  # fmt: skip
WANTED = {
    "assistant:write": "no status line, and no text while it is written",
    "im:read": "direct messages sent during an outage are not found afterwards",
    "mpim:history": "in group direct messages only mentions are heard",
    "mpim:read": "mentions in group direct messages during an outage are not found afterwards",
    "channels:join": "it must be invited into channels",
    "channels:manage": "it cannot create its channel",
}
"""Scopes that it can do without, and what is then missing."""
ID = re.compile(r"[CG][A-Z0-9]{7,}")
_LINK = re.compile(
    r"<#(?P<named>[CG][A-Z0-9]{7,})(?:\|[^>]*)?>|"
    r"https?://[^/\s]+/(?:archives|client/[A-Z0-9]+)/(?P<linked>[CG][A-Z0-9]{7,})(?:[/?#].*)?"
)
"""A channel as Slack's own "Copy link" has it, and as it stands in messages."""
_SECRET = re.compile(r"\W*(?:xox\w{0,3}|xapp)-", re.IGNORECASE)
"""How Slack's tokens begin."""
_CREATE = "https://api.slack.com/apps?new_app=1&manifest_yaml="
_BOT_PAGE = "It stands under OAuth & Permissions as Bot User OAuth Token (xoxb-…)"
_APP_PAGE = (
    "It stands under Basic Information, App-Level Tokens (xapp-…), made with the scope connections:write"
)
_APP_OF = re.compile(r"xapp-\d+-(A[A-Z0-9]{7,})-")
"""An app token names its app."""
ADD_SCOPES = "Paste the manifest into the app (codebutler init slack prints it) and reinstall it"
_PAGE = 200


class Bot(Struct, frozen=True):
    """Whose token it is, and what it may do; ``scopes`` is empty where the server does not say."""

    user: str
    team: str
    scopes: frozenset[str]
    id: str = ""

    @property
    def lacks(self) -> list[str]:
        """Scopes that it cannot do without and does not have."""
        return [scope for scope in NEEDED if self.scopes and scope not in self.scopes]

    @property
    def misses(self) -> list[str]:
        """Scopes that it can do without, each with what that means."""
        return [f"{s}: {why}" for s, why in WANTED.items() if self.scopes and s not in self.scopes]


class Found(Struct, frozen=True):
    """The repo's channel, with the app in it. ``made``: it did not exist."""

    id: str
    name: str
    made: bool = False


def manifest() -> str:
    """The app's manifest, as Slack takes it."""
    return assets.text("service-templates", "slack-manifest.yaml")


def create_link() -> str:
    """A page of Slack's that makes the app from the manifest."""
    return _CREATE + quote(manifest(), safe="")


def bot_token(text: str) -> str:
    """A bot token as it was pasted, or ConfigError that says what it is in place of one."""
    return _token(text, "xoxb-", "bot token", _BOT_PAGE)


def app_token(text: str) -> str:
    """An app-level token as it was pasted, or ConfigError that says what it is in place of one."""
    return _token(text, "xapp-", "app token", _APP_PAGE)


def _token(text: str, start: str, what: str, fix: str) -> str:
    token = text.strip()
    if token[:1] in {'"', "'"} and token[-1:] == token[:1]:
        token = token[1:-1].strip()
    if not token:
        raise ConfigError(f"the {what} is empty", fix=fix)
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ConfigError(f"the {what} holds a line break, a blank or the like", fix=f"Copy it whole. {fix}")
    if token.startswith(start):
        return token
    kinds = {"xoxp-": "a user token", "xapp-": "an app token", "xoxb-": "a bot token",
             "xoxe": "a token that expires: turn token rotation off in the app"}  # fmt: skip
    kind = next((name for head, name in kinds.items() if token.startswith(head)), "no Slack token")
    raise ConfigError(f"what was given as {what} is {kind}", fix=fix)


async def whose(calls: Calls) -> Bot:
    """Ask Slack whose bot token it is. ConfigError when it is not accepted, or Slack is out of reach."""
    told = await _asked(calls, "auth.test")
    return Bot(
        user=str(told.get("user") or told.get("user_id")),
        team=str(told.get("team") or told.get("team_id")),
        scopes=frozenset(part.strip() for part in calls.scopes.split(",") if part.strip()),
        id=str(told.get("bot_id") or ""),
    )


async def may_connect(calls: Calls, token: str, bot: Bot) -> None:
    """Ask Slack for a connection, and do not use it. ConfigError when the app token does not get one, or when
    it is of another app than ``bot``: then no event would ever come."""
    named = _APP_OF.match(token)
    app = await _app_of(calls, bot) if named else ""
    if named and app.startswith("A") and app != named[1]:
        raise ConfigError(
            f"the tokens are of two apps: the bot token of {app}, the app token of {named[1]}",
            fix="Copy both from the pages of one app.",
        )
    try:
        await calls.call("apps.connections.open", app_token=token)
    except SlackRefused as error:
        fix = f"{_APP_PAGE}, and Socket Mode must be on"
        raise ConfigError(f"Slack does not accept the app token: {error.error}", fix=fix) from error
    except SlackAway as error:
        raise _away(error) from error


async def _app_of(calls: Calls, bot: Bot) -> str:
    """The app behind a bot, or "" where nobody says."""
    try:
        known = (await calls.call("bots.info", bot=bot.id)).get("bot") or {}
    except (SlackRefused, SlackAway):  # it needs a scope, and is worth nothing but the check
        return ""
    return str(known.get("app_id") or "")


async def channel(calls: Calls, wish: str) -> Found:
    """The channel that a person names by id, link or name: found, joined or made.

    ConfigError says what bars it.
    """
    if linked := _LINK.fullmatch(wish.strip()):
        wish = linked["named"] or linked["linked"]
    if ID.fullmatch(wish):
        try:
            known: Json | None = (await calls.call("conversations.info", channel=wish))["channel"]
        except SlackRefused as error:
            raise _closed(wish, error.error) from error
    else:
        wish = as_name(wish)
        known = await _by_name(calls, wish)
    if known is None:
        return await _make(calls, wish)
    if known.get("is_archived"):
        raise _closed(str(known.get("name") or wish), "is_archived")
    found = Found(str(known["id"]), str(known.get("name") or ""))
    if known.get("is_member") is False:
        try:
            await calls.call("conversations.join", channel=found.id)
        except SlackRefused as error:
            why = "not_in_channel" if error.error == "missing_scope" else error.error
            raise _closed(found.name, why) from error
    return found


def as_name(text: str) -> str:
    """A channel's name as Slack has them. ConfigError for what cannot be meant as one."""
    if _SECRET.match(text):  # a channel of that name would show it to everybody
        raise ConfigError("what was given as channel is a token", fix="Name one, such as codebutler-shop.")
    name = re.sub(r"[^\w-]+", "-", text.strip().lstrip("#").lower()).strip("-")[:80]
    if (
        not name or "://" in text or text.strip().startswith(("@", "<"))
    ):  # a channel of that name helps nobody
        raise ConfigError(f"{text!r} is no channel", fix="Name one, such as codebutler-shop, or give its id.")
    return name


async def _by_name(calls: Calls, name: str) -> Json | None:
    cursor = ""
    while True:
        page = await _asked(
            calls,
            "conversations.list",
            types="public_channel,private_channel",
            limit=_PAGE,
            **({"cursor": cursor} if cursor else {}),
        )
        for known in page.get("channels", []):
            if known.get("name") == name:
                return dict(known)
        cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return None


async def _make(calls: Calls, name: str) -> Found:
    try:
        made = await calls.call("conversations.create", name=name)
    except SlackRefused as error:
        if error.error == "name_taken":
            raise _closed(name, "channel_not_found") from error
        fix = "Create it in Slack, invite the app into it (/invite @codebutler), and name it with --channel."
        raise ConfigError(f"Slack does not let the app create #{name}: {error.error}", fix=fix) from error
    return Found(str(made["channel"]["id"]), name, made=True)


def _closed(name: str, error: str) -> ConfigError:
    private = " It may be private: invite the app there first (/invite @codebutler)."
    own = {"is_archived": "Unarchive it, or name another one with --channel."}
    fix = own.get(error, SHUT.get(error, ""))
    if error == "channel_not_found":
        return ConfigError(f"the app cannot see the channel {name}", fix=f"Check its name or id.{private}")
    return ConfigError(f"the channel {name} cannot be used: {error}", fix=fix)


async def hello(calls: Calls, found: Found, repo: str) -> None:
    """Say in the channel that this is the place. ConfigError when the app may not."""
    words = (
        f"Hello! This is the channel of *{repo}*: a message here opens a thread, and I answer in it."
        " Say what you need; `/codebutler help` has the rest."
    )
    try:
        await calls.call("chat.postMessage", channel=found.id, text=words)
    except SlackRefused as error:
        raise _closed(found.name or found.id, error.error) from error
    except SlackAway as error:
        raise _away(error) from error


async def states(calls: Calls, channels: Sequence[str]) -> list[tuple[str, str]]:
    """What is wrong with each of the channels: (channel, fix); none for those that are as they should be."""
    wrong = []
    for each in channels:
        try:
            known = (await calls.call("conversations.info", channel=each))["channel"]
        except SlackRefused as error:
            wrong.append((f"{each}: {error.error}", SHUT.get(error.error, "Check the channel's id.")))
            continue
        if known.get("is_archived"):
            wrong.append((f"#{known.get('name')} is archived", SHUT["is_archived"]))
        elif known.get("is_member") is False:
            wrong.append((f"the app is not in #{known.get('name')}", SHUT["not_in_channel"]))
    return wrong


async def unknown(calls: Calls, people: Iterable[str]) -> list[str]:
    """Which of the people that the settings name by id nobody is."""
    wrong = []
    for each in people:
        try:
            await calls.call("users.info", user=each)
        except SlackRefused as error:
            if error.error in {"user_not_found", "user_not_visible"}:
                wrong.append(f"{each!r} of slack.users or slack.admins is nobody's id: {error.error}")
    return wrong


async def _asked(calls: Calls, method: str, **args: str | int) -> Json:
    try:
        return await calls.call(method, post_to="", **args)
    except SlackRefused as error:
        words = f"Slack does not accept the bot token: {error.error}"
        fix = _BOT_PAGE if method == "auth.test" else SHUT.get(error.error, "")
        if method == "auth.test" and error.error == "unknown_method":
            words, fix = "no Slack API is at slack.baseUrl", "Name the address that methods are added to."
        raise ConfigError(words, fix=fix) from error
    except SlackAway as error:
        raise _away(error) from error


def _away(error: CodeButlerError) -> CodeButlerError:
    return CodeButlerError(error.message, fix="Check the network, then run it again: nothing was changed.")
