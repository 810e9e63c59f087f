"""What only an admin can mend: told once, in the log and in Slack, until it works again."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence

from codebutler.surfaces.slack.calls import Calls, SlackRefused
from codebutler.surfaces.telling import Admins

log = logging.getLogger("codebutler.slack")
_NEW = "Put a working bot token into slack.botToken (or SLACK_BOT_TOKEN) and restart."
_NEW_APP = (
    "Put a working app token (xapp-…, scope connections:write) into slack.appToken (or SLACK_APP_TOKEN) and"
    " restart; Socket Mode must be on."
)
_INVITE = "Invite the app into the channel: /invite @codebutler."
SHUT: Mapping[str, str] = {
    "invalid_auth": _NEW,
    "not_authed": _NEW,
    "token_revoked": _NEW,
    "token_expired": _NEW,
    "account_inactive": _NEW,
    "not_allowed_token_type": _NEW,
    "access_denied": _NEW,
    "org_login_required": "The workspace is being moved to another organisation; wait for its admins.",
    "ekm_access_denied": "The workspace's admins have taken the key away; ask them.",
    "team_access_not_granted": "Grant the app access to this workspace.",
    "missing_scope": "Add the scope to the app, reinstall it, and restart with the new token.",
    "no_permission": "Reinstall the app with the scopes of its manifest.",
    "not_in_channel": _INVITE,
    "channel_not_found": f"Check the channel's id. {_INVITE}",
    "is_archived": "Unarchive the channel, or name another one in slack.channelID.",
    "restricted_action": "A setting of the workspace keeps the app from posting here; ask its admins.",
    "restricted_action_read_only_channel": "The channel is read-only; let the app post in it.",
    "restricted_action_thread_only_channel": "The channel takes threads only.",
    "restricted_action_thread_locked": "The thread is locked.",
    "messages_tab_disabled": "Turn on the messages tab of the app's home.",
    "thread_not_found": "The thread's first message was deleted; its work goes on in codebutler threads.",
    "cannot_reply_to_message": "The thread's first message takes no replies.",
}
"""Slack's words for a door that lets nothing through, and what mends it."""
_PLACE = re.compile(r"\b(?P<channel>[CG][A-Z0-9]{7,})(?::(?P<second>\d{9,})\.\d+)?\b")
"""A channel, or a conversation in one."""
_THREADS = frozenset({"thread_not_found", "cannot_reply_to_message", "restricted_action_thread_locked"})
"""Those of one thread: the others of its channel know nothing of it."""
_ALIKE = frozenset(
    {
        "not_in_channel",
        "channel_not_found",
        "org_login_required",
        "ekm_access_denied",
        "team_access_not_granted",
    }
)
"""Those that refuse reading and writing alike: what can be read may well refuse to be written to, else."""


class Troubles(Admins):
    """Tells the admins."""

    def __init__(self, calls: Calls, *, channel: str, admins: Sequence[str]) -> None:
        """In ``channel``, or to each of ``admins``; always in the log."""
        super().__init__(log, channel=channel, admins=admins)
        self._calls = calls

    async def say(self, place: str, words: str) -> None:
        """Say it in a channel, or to a person."""
        await self._calls.call("chat.postMessage", channel=await self._place(place), text=_named(words))

    async def _place(self, place: str) -> str:
        if not place.startswith(("U", "W")):
            return place
        return str((await self._calls.call("conversations.open", users=place))["channel"]["id"])

    def mended(self, *keys: str) -> None:
        """It works: should it break again, they hear of it again."""
        self._told.difference_update(keys)


def barred(channel: str, error: SlackRefused) -> str:
    """What a person is told who wants a thread where we may not write."""
    fix = SHUT.get(error.error, "")
    if channel.startswith("D") and _INVITE in fix:  # nobody can be invited into talk of two
        fix = "It is a conversation of others, which I cannot join: write to me directly, or in a channel."
    return f"I cannot write here ({error.error}). {fix}".strip()


def _named(words: str) -> str:
    """The words with channels as Slack shows them by name, and threads by when they began."""

    def shown(place: re.Match[str]) -> str:
        since = place["second"]
        when = f" (thread of <!date^{since}^{{date_short_pretty}} {{time}}|{since}>)" if since else ""
        return f"<#{place['channel']}>{when}"

    return _PLACE.sub(shown, words)


def key_of(error: SlackRefused, channel: str, *, root: str = "", reading: bool = False) -> str:
    """What is the same trouble: a token's is one, a channel's or a thread's is its own."""
    return _key(error.error, channel, root=root, reading=reading)


def keys(channel: str, *, root: str = "", reading: bool = False) -> list[str]:
    """All troubles that are over when ``channel`` was read, or the thread at ``root`` was written to."""
    return [_key(word, channel, root=root, reading=reading) for word in SHUT]


def fix_of_connection(error: SlackRefused) -> str:
    """What lets the app connect again, or "" where nobody knows."""
    fix = SHUT.get(error.error, "")
    app = error.method == "apps.connections.open" and (fix == _NEW or error.error == "missing_scope")
    return _NEW_APP if app else fix


def of_token(error: SlackRefused) -> bool:
    """Whether nothing at all goes with this token."""
    return SHUT.get(error.error) == _NEW


def _key(word: str, channel: str, *, root: str, reading: bool) -> str:
    if SHUT.get(word) == _NEW:
        return word
    if word in _THREADS:
        return f"{word} {channel}:{root}"
    return f"{word} {channel}{' read' if reading and word not in _ALIKE else ''}"
