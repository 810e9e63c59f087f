"""REST on channels, messages and threads. Each method gets the path's names, the query and the body."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from codebutler.testing.discord import limits
from codebutler.testing.discord.guild import APP, BOT, FORUM_TYPE, GUILD, ROBIN, THREADS, Channel, Guild
from codebutler.testing.discord.limits import Refused
from codebutler.types import Json

Files = Mapping[str, tuple[str, bytes]]


class Methods:
    """Every method is named ``verb_resource``; server.py has the paths."""

    def __init__(self, guild: Guild) -> None:
        """On ``guild``."""
        self.guild = guild

    # -------------------------------------------------------------------------------- who and where

    def get_me(self, **_: object) -> Json:
        """The bot."""
        return self.guild.users[BOT]

    def get_app(self, **_: object) -> Json:
        """The application."""
        flags = (1 << 18) if self.guild.content_intent else 0
        return {
            "id": APP, "name": "CodeButler", "description": "", "icon": None, "bot_public": True,
            "flags": flags,
            "bot_require_code_grant": False, "owner": self.guild.users[ROBIN], "verify_key": "0" * 64,
            "summary": "", "team": None, "hook": True,
        }  # fmt: skip

    def get_gateway(self, **_: object) -> Json:
        """Where the gateway is."""
        limit = {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
        url = self.guild.url.replace("http", "ws") + "/gateway"
        return {"url": url, "shards": 1, "session_start_limit": limit}

    def get_guilds(self, **_: object) -> list[Json]:
        """The bot's guilds."""
        return [
            {"id": GUILD, "name": "twin", "owner": False, "permissions": "0", "features": [], "icon": None}
        ]

    def get_guild(self, **_: object) -> Json:
        """One guild."""
        return self.guild.described()

    def get_channels(self, **_: object) -> list[Json]:
        """The guild's channels without its threads."""
        return list(self.guild.described()["channels"])

    def get_member(self, *, user: str, **_: object) -> Json:
        """A member."""
        if user not in {BOT, *self.guild.members}:
            raise Refused(10007, "Unknown Member")
        roles = self.guild.members.get(user, [])
        return {"user": self.guild.users[user], "roles": roles, "nick": None, "flags": 0}

    def get_active(self, **_: object) -> Json:
        """Threads that are not archived."""
        return {"threads": [self.guild.shown(c) for c in self.guild.threads()], "members": []}

    def get_channel(self, *, channel: str, **_: object) -> Json:
        """A channel or thread."""
        return self.guild.shown(self.guild.channel(channel))

    def patch_channel(self, *, channel: str, body: Json, **_: object) -> Json:
        """Change a thread."""
        found = self.guild.channel(channel)
        self.guild.may("threads")
        meta = {"archived", "locked", "name", "applied_tags", "auto_archive_duration"}
        if unknown := set(body) - meta:
            raise limits.invalid(min(unknown), "Unknown field")
        if found.archived and body.get("archived") is not False and set(body) - {"archived", "locked"}:
            raise Refused(50083, "Thread is archived")
        found.archived = bool(body.get("archived", found.archived))
        found.locked = bool(body.get("locked", found.locked))
        found.name = str(body.get("name", found.name))
        found.applied = list(body.get("applied_tags", found.applied))
        self.guild.emit("THREAD_UPDATE", self.guild.shown(found))
        return self.guild.shown(found)

    def post_direct(self, *, body: Json, **_: object) -> Json:
        """Open a direct conversation."""
        return self.guild.shown(self.guild.direct(str(body["recipient_id"])))

    # ------------------------------------------------------------------------------------ messages

    def get_messages(self, *, channel: str, query: Mapping[str, str], **_: object) -> list[Json]:
        """A page of messages, the newest first."""
        found = self.guild.channel(channel)
        rows = sorted(found.messages.values(), key=lambda m: int(m["id"]))
        most = int(query.get("limit", 50))
        if not 1 <= most <= 100:
            raise limits.invalid("limit", "int value should be between 1 and 100.")
        if "after" in query:
            rows = [m for m in rows if int(m["id"]) > int(query["after"])][:most]
        elif "before" in query:
            rows = [m for m in rows if int(m["id"]) < int(query["before"])]
        return [self._given(found, m) for m in reversed(rows[-most:])]

    def _given(self, channel: Channel, message: Json) -> Json:
        thread = self.guild.channels.get(message["id"])
        if thread is None or thread.parent != channel.id:
            return message
        return {**message, "thread": self.guild.shown(thread), "flags": message["flags"] | 32}

    def get_message(self, *, channel: str, message: str, **_: object) -> Json:
        """One message."""
        return self._given(self.guild.channel(channel), self.guild.message(channel, message))

    def post_message(self, *, channel: str, body: Json, files: Files, **_: object) -> Json:
        """Post; with a nonce that is enforced, what was posted under it before."""
        found = self.guild.channel(channel)
        if found.type == FORUM_TYPE:
            raise Refused(50008, "Cannot send messages in a non-text channel")
        self.guild.may("messages")
        limits.message(body, files=len(files))
        nonce = str(body.get("nonce") or "")
        earlier = self.guild.nonces.get((channel, nonce)) if nonce and body.get("enforce_nonce") else None
        if earlier in found.messages:
            return found.messages[str(earlier)]
        kept: Json = {
            k: body[k]
            for k in ("content", "embeds", "components", "nonce", "flags", "message_reference")
            if k in body
        }
        kept["attachments"] = self._attached(files)
        message = self.guild.post(found, BOT, kept)
        if nonce:
            self.guild.nonces[(channel, nonce)] = message["id"]
        return message

    def _attached(self, files: Files) -> list[Json]:
        made = []
        for name, data in files.values():
            file = self.guild.new_id()
            self.guild.files[file] = (name, data)
            made.append(
                {
                    "id": file,
                    "filename": name,
                    "size": len(data),
                    "url": f"{self.guild.url}/cdn/{file}/{name}",
                }
            )
        return made

    def patch_message(self, *, channel: str, message: str, body: Json, **_: object) -> Json:
        """Change a message of ours."""
        found = self.guild.message(channel, message)
        if found["author"]["id"] != BOT:
            raise Refused(50005, "Cannot edit a message authored by another user", status=403)
        if self.guild.channels[channel].archived:
            raise Refused(50083, "Thread is archived")
        return self.changed(channel, found, body)

    def changed(self, channel: str, message: Json, body: Json) -> Json:
        """Bring a message up to date and tell of it."""
        kept: Json = {k: body[k] for k in ("content", "embeds", "components", "flags") if k in body}
        limits.message({**message, **kept}, files=len(message["attachments"]))
        message |= {**kept, "edited_timestamp": self.guild.stamp()}
        self.guild.edits.append((channel, message["id"], self.guild.now()))
        self.guild.emit("MESSAGE_UPDATE", self.guild.event_of(self.guild.channels[channel], message))
        return message

    def delete_message(self, *, channel: str, message: str, **_: object) -> None:
        """Take a message away."""
        self.guild.message(channel, message)
        del self.guild.channels[channel].messages[message]
        self.guild.emit("MESSAGE_DELETE", {"id": message, "channel_id": channel, "guild_id": GUILD})

    def put_reaction(self, *, channel: str, message: str, emoji: str, **_: object) -> None:
        """React."""
        found = self.guild.message(channel, message)
        self.guild.may("reactions")
        react(found, unquote(emoji), BOT)

    def get_reactions(self, *, channel: str, message: str, emoji: str, **_: object) -> list[Json]:
        """Who reacted with an emoji."""
        given = self.guild.message(channel, message).get("reactions", [])
        users = [user for each in given if each["emoji"]["name"] == unquote(emoji) for user in each["users"]]
        return [self.guild.users[user] for user in users]

    def delete_reaction(self, *, channel: str, message: str, emoji: str, **_: object) -> None:
        """Take a reaction of ours away."""
        for each in self.guild.message(channel, message).get("reactions", []):
            if each["emoji"]["name"] == unquote(emoji) and BOT in each["users"]:
                each["users"].remove(BOT)

    def put_pin(self, *, channel: str, message: str, **_: object) -> None:
        """Pin a message."""
        found = self.guild.message(channel, message)
        self.guild.may("pins")
        pins = self.guild.channels[channel].pins
        if len(pins) >= 50:
            raise Refused(30003, "Maximum number of pins reached (50)")
        if message not in pins:
            pins.append(message)
            found["pinned"] = True

    def post_typing(self, *, channel: str, **_: object) -> None:
        """Somebody types."""
        self.guild.channel(channel).typed += 1

    # ------------------------------------------------------------------------------------- threads

    def post_thread_from(self, *, channel: str, message: str, body: Json, **_: object) -> Json:
        """Open the thread of a message: it has the message's id."""
        parent = self.guild.channel(channel)
        self.guild.message(channel, message)
        self.guild.may("threads")
        if message in self.guild.channels:
            raise Refused(160004, "A thread has already been created for this message")
        return self.guild.shown(self.guild.thread(parent, _name(body), BOT, id=message))

    def post_thread(self, *, channel: str, body: Json, files: Files, **_: object) -> Json:
        """Open a thread by itself, or a forum's post with its first message."""
        parent = self.guild.channel(channel)
        self.guild.may("threads")
        if parent.type in THREADS:
            raise Refused(50024, "Cannot execute action on this channel type")
        if parent.type != FORUM_TYPE:
            return self.guild.shown(self.guild.thread(parent, _name(body), BOT))
        first = body.get("message") or {}
        limits.message(first, files=len(files))
        if parent.tag_needed and not body.get("applied_tags"):
            raise Refused(40067, "A tag is required to create a forum post in this channel")
        made = self.guild.thread(parent, _name(body), BOT, tags=body.get("applied_tags"))
        message = self.guild.post(made, BOT, {**first, "id": made.id})
        return {**self.guild.shown(made), "message": message}

    def put_thread_member(self, *, channel: str, user: str, **_: object) -> None:
        """Put somebody, or the bot itself, into a thread."""
        self.guild.channel(channel).people.append(BOT if user == "@me" else user)


def react(message: Json, emoji: str, user: str) -> None:
    """Put an emoji on a message."""
    reactions = message.setdefault("reactions", [])
    for each in reactions:
        if each["emoji"]["name"] == emoji:
            if user not in each["users"]:
                each["users"].append(user)
                each["count"] += 1
            return
    if len(reactions) >= 20:
        raise Refused(30010, "Maximum number of reactions reached (20)")
    reactions.append({"emoji": {"id": None, "name": emoji}, "users": [user], "count": 1, "me": user == BOT})


def _name(body: Json) -> str:
    name = str(body.get("name") or "")
    if not 0 < len(name) <= 100:
        raise limits.invalid("name", "Must be between 1 and 100 in length.")
    if body.get("auto_archive_duration", 60) not in {60, 1_440, 4_320, 10_080}:
        raise limits.invalid("auto_archive_duration", "Value must be one of {60, 1440, 4320, 10080}.")
    return name
