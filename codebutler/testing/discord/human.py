"""What a person does in the guild: write, edit, react, press a button, fill a form, type a command."""

from __future__ import annotations

from collections.abc import Mapping

from codebutler.testing.discord.guild import APP, BOT, DM, GUILD, ROBIN, SHOP, Channel
from codebutler.testing.discord.hooks import Interaction, text_of
from codebutler.testing.discord.methods import react
from codebutler.testing.discord.server import DiscordTwin
from codebutler.types import Json

OPTIONS = {str: 3, int: 4, bool: 5, float: 10}


class Human:
    """A person in a channel."""

    def __init__(self, twin: DiscordTwin, user: str = ROBIN, channel: str = SHOP) -> None:
        """Whoever ``user`` is, in ``channel``."""
        self.twin = twin
        self.guild = twin.guild
        self.user = user
        self.channel = channel

    def say(self, text: str, *, channel: str = "", files: list[Json] | None = None, **more: object) -> str:
        """Write a message in a channel or thread; returns its id."""
        where = self.guild.channels[channel or self.channel]
        given = {"content": text, "attachments": files or [], **more}
        return str(self.guild.post(where, self.user, given)["id"])

    def direct(self, text: str) -> tuple[str, str]:
        """Write to the bot itself; returns channel and message."""
        where = self.guild.direct(self.user)
        return where.id, self.say(text, channel=where.id)

    def thread(self, name: str, text: str) -> str:
        """Open a thread of one's own in the channel and write in it."""
        made = self.guild.thread(self.guild.channels[self.channel], name, self.user)
        self.say(text, channel=made.id)
        return made.id

    def forum_post(self, forum: str, title: str, text: str) -> str:
        """Open a post in a forum: its first message has its id."""
        made = self.guild.thread(self.guild.channels[forum], title, self.user)
        self.guild.post(made, self.user, {"content": text, "id": made.id})
        return made.id

    def file(self, name: str, data: bytes, media_type: str) -> Json:
        """A file to send with a message."""
        file = self.guild.new_id()
        self.guild.files[file] = (name, data)
        url = f"{self.guild.url}/cdn/{file}/{name}"
        return {"id": file, "filename": name, "size": len(data), "url": url, "content_type": media_type}

    def edit(self, message: str, text: str, *, channel: str = "") -> None:
        """Change a message of one's own."""
        where = self.guild.channels[channel or self.channel]
        found = where.messages[message]
        found |= {"content": text, "edited_timestamp": self.guild.stamp()}
        self.guild.emit("MESSAGE_UPDATE", self.guild.event_of(where, found))

    def delete(self, message: str, *, channel: str = "") -> None:
        """Take a message back."""
        where = self.guild.channels[channel or self.channel]
        del where.messages[message]
        self.guild.emit("MESSAGE_DELETE", {"id": message, "channel_id": where.id, "guild_id": GUILD})

    def react(self, message: str, emoji: str, *, channel: str = "") -> None:
        """Put an emoji on a message."""
        where = self.guild.channels[channel or self.channel]
        found = where.messages[message]
        react(found, emoji, self.user)
        event: Json = {"user_id": self.user, "channel_id": where.id, "message_id": message, "guild_id": GUILD}
        event |= {"emoji": {"id": None, "name": emoji}, "message_author_id": found["author"]["id"], "type": 0}
        self.guild.emit("MESSAGE_REACTION_ADD", {**event, "burst": False, "member": self._member()})

    # ------------------------------------------------------------------- buttons, forms, commands

    def button(self, channel: str, message: str, label: str) -> str:
        """The custom id of a message's button."""
        for row in self.guild.channels[channel].messages[message]["components"]:
            for part in row.get("components", []):
                if part.get("label") == label and not part.get("disabled"):
                    return str(part["custom_id"])
        raise AssertionError(f"no button {label!r} on {message}")

    def press(self, channel: str, message: str, label: str) -> Interaction:
        """Press the button with this label."""
        return self.press_id(channel, message, self.button(channel, message, label))

    def press_id(self, channel: str, message: str, custom: str) -> Interaction:
        """Press a button as it was, though it may be gone by now."""
        where = self.guild.channels[channel]
        found = where.messages[message]
        made = self.twin.hooks.begin(3, self.user, where, message=found)
        self._emit(made, {"component_type": 2, "custom_id": custom}, message=found)
        return made

    def choose(self, channel: str, message: str, label: str) -> Interaction:
        """Choose the option with this label from a message's list."""
        where = self.guild.channels[channel]
        found = where.messages[message]
        for row in found["components"]:
            for part in row.get("components", []):
                for option in part.get("options", []):
                    if option["label"] == label:
                        made = self.twin.hooks.begin(3, self.user, where, message=found)
                        given = {"custom_id": part["custom_id"], "values": [option["value"]]}
                        self._emit(made, {"component_type": 3, **given}, message=found)
                        return made
        raise AssertionError(f"no option {label!r} on {message}")

    def submit(self, asked: Interaction, values: Mapping[str, str]) -> Interaction:
        """Fill the form that ``asked`` was answered with, and send it."""
        form = asked.modal
        assert form is not None, "no form is open"
        made = self.twin.hooks.begin(5, self.user, asked.channel, message=asked.message)
        rows = []
        for row in form["components"]:
            field = row["component"] if row["type"] == 18 else row["components"][0]
            value = values.get(field["custom_id"], field.get("value", ""))
            given = {"type": 4, "custom_id": field["custom_id"], "value": value, "id": 2}
            rows.append(
                {"type": 18, "id": 1, "component": given}
                if row["type"] == 18
                else {"type": 1, "components": [given]}
            )
        self._emit(made, {"custom_id": form["custom_id"], "components": rows}, message=asked.message)
        return made

    def command(self, *path: str, channel: str = "", **options: str | float | bool) -> Interaction:
        """Type a slash command: its words, then its options."""
        given: list[Json] = []
        for name, value in options.items():
            given.append({"name": name.replace("_", "-"), "type": OPTIONS[type(value)], "value": value})
        return self._command(2, path, channel, given)

    def complete(self, *path: str, option: str, typed: str, channel: str = "") -> list[Json] | Interaction:
        """Begin to type an option's value."""
        return self._command(4, path, channel, [{"name": option, "type": 3, "value": typed, "focused": True}])

    def _command(self, kind: int, path: tuple[str, ...], channel: str, options: list[Json]) -> Interaction:
        inner = options
        for depth, word in enumerate(reversed(path[1:])):
            inner = [{"name": word, "type": 1 if depth == 0 else 2, "options": inner}]
        made = self.twin.hooks.begin(kind, self.user, self.guild.channels[channel or self.channel])
        known = [c for each in self.guild.commands.values() for c in each if c["name"] == path[0]]
        self._emit(
            made, {"id": known[0]["id"] if known else "0", "name": path[0], "type": 1, "options": inner}
        )
        return made

    def menu(self, name: str, message: str, *, channel: str = "") -> Interaction:
        """Choose an entry of a message's own menu."""
        where = self.guild.channels[channel or self.channel]
        made = self.twin.hooks.begin(2, self.user, where)
        found = {"messages": {message: where.messages[message]}}
        self._emit(made, {"id": "0", "name": name, "type": 3, "target_id": message, "resolved": found})
        return made

    def _emit(self, made: Interaction, data: Json, *, message: Json | None = None) -> None:
        where = made.channel
        event: Json = {
            "id": made.id, "application_id": APP, "type": made.type, "token": made.token, "version": 1,
            "channel_id": where.id, "channel": self.guild.shown(where), "data": data, "locale": "en-US",
            "app_permissions": "0", "entitlements": [], "authorizing_integration_owners": {}, "context": 0,
        }  # fmt: skip
        if where.type == DM:
            event["user"] = self.guild.users[self.user]
        else:
            event |= {"guild_id": GUILD, "member": self._member()}
        self.guild.emit("INTERACTION_CREATE", {**event, **({"message": message} if message else {})})

    def _member(self) -> Json:
        more = {
            "roles": self.guild.members.get(self.user, []),
            "joined_at": None,
            "deaf": False,
            "mute": False,
        }
        admin = "32" if "admin" in self.guild.members.get(self.user, []) else "0"
        return {"user": self.guild.users[self.user], **more, "permissions": admin, "flags": 0, "nick": None}

    def told(self, channel: str) -> list[Json]:
        """What the bot said in a channel."""
        found: Channel | None = self.guild.channels.get(channel)
        rows = found.messages.values() if found else []
        return [m for m in rows if m["author"]["id"] == BOT]

    def words(self, channel: str) -> str:
        """The same, as text."""
        return "\n\n".join(text_of(message) for message in self.told(channel))
