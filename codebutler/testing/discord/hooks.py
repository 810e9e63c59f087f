"""Interactions, their tokens and what answers them; and application commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from codebutler.testing.discord import limits
from codebutler.testing.discord.guild import APP, BOT, Channel
from codebutler.testing.discord.limits import Refused
from codebutler.testing.discord.methods import Files, Methods
from codebutler.types import Json

PROMPT, LIFE = 3.0, 900.0
"""Seconds for the first answer, and for which the token lives."""
EPHEMERAL = 64


@dataclass
class Interaction:
    """A person's doing that wants an answer."""

    id: str
    token: str
    type: int
    user: str
    channel: Channel
    born: float
    message: Json | None = None
    answer: int = 0
    """The type of the first answer; 0 while there is none."""
    original: Json | None = None
    choices: list[Json] = field(default_factory=list)
    modal: Json | None = None
    followups: list[Json] = field(default_factory=list)

    @property
    def words(self) -> str:
        """What the person has been told."""
        told = [self.original] if self.original else []
        return "\n".join(text_of(message) for message in [*told, *self.followups])


def text_of(message: Json) -> str:
    """All that a message says."""
    parts = [str(message.get("content") or "")]
    for embed in message.get("embeds") or []:
        parts += [str(embed.get("title") or ""), str(embed.get("description") or "")]
        parts += [f"{each['name']}: {each['value']}" for each in embed.get("fields") or []]
        parts.append(str((embed.get("footer") or {}).get("text") or ""))
    return "\n".join(part for part in parts if part)


class Hooks:
    """The part of REST that needs no bot token: an interaction's own token is enough."""

    def __init__(self, methods: Methods) -> None:
        """On the guild of ``methods``."""
        self.guild = methods.guild
        self._methods = methods
        self.given: dict[str, Interaction] = {}
        """By token."""

    def begin(self, kind: int, user: str, channel: Channel, *, message: Json | None = None) -> Interaction:
        """A person does something."""
        name = self.guild.new_id()
        made = Interaction(name, f"token{name}", kind, user, channel, self.guild.now(), message)
        self.given[made.token] = made
        return made

    def post_callback(
        self, *, interaction: str, token: str, body: Json, query: Mapping[str, str], files: Files, **_: object
    ) -> Json | None:
        """The first answer."""
        found = self.given.get(token)
        if found is None or found.id != interaction:
            raise Refused(10062, "Unknown interaction")
        if found.answer:
            raise Refused(40060, "Interaction has already been acknowledged.")
        if self.guild.now() > found.born + PROMPT:
            raise Refused(10062, "Unknown interaction")
        kind, data = int(body["type"]), body.get("data") or {}
        self._allow(found, kind)
        self._take(found, kind, data, files)
        found.answer = kind
        if query.get("with_response") == "true":
            shown = {"id": found.id, "type": found.type}
            return {"interaction": shown, "resource": {"type": kind, "message": found.original}}
        return None

    def _take(self, found: Interaction, kind: int, data: Json, files: Files) -> None:
        if kind == 4:
            limits.message(data, files=len(files))
            found.original = self._said(found, data, files)
        elif kind == 5:
            found.original = self._said(found, {"content": "", **data}, {})
        elif kind == 7 and found.message is not None:
            self._methods.changed(found.channel.id, found.message, data)
            found.original = found.message
        elif kind == 8:
            found.choices = list(data.get("choices") or [])
            if len(found.choices) > 25:
                raise limits.invalid("data.choices", "Must be 25 or fewer in length.")
        elif kind == 9:
            limits.modal(data)
            found.modal = data

    def _allow(self, found: Interaction, kind: int) -> None:
        fits = {2: {4, 5, 9}, 3: {4, 5, 6, 7, 9}, 4: {8}, 5: {4, 5, 6, 7}}[found.type]
        if kind not in fits:
            raise limits.invalid("type", f"Value must be one of {sorted(fits)}.")

    def _said(self, found: Interaction, data: Json, files: Files) -> Json:
        kept: Json = {k: data[k] for k in ("content", "embeds", "components", "flags") if k in data}
        kept["attachments"] = self._methods._attached(files)  # noqa: SLF001 - one server in two files
        if int(data.get("flags") or 0) & EPHEMERAL:
            name = self.guild.new_id()
            message = {"id": name, "author": self.guild.users[BOT], "to": found.user, **kept}
            self.guild.ephemeral.append(message)
            return message
        return self.guild.post(found.channel, BOT, kept)

    def _alive(self, application: str, token: str) -> Interaction:
        found = self.given.get(token)
        if application != APP or found is None:
            raise Refused(10015, "Unknown Webhook")
        if self.guild.now() > found.born + LIFE:
            raise Refused(50027, "Invalid Webhook Token")
        return found

    def post_followup(self, *, application: str, token: str, body: Json, files: Files, **_: object) -> Json:
        """One more message."""
        found = self._alive(application, token)
        if not found.answer:
            raise Refused(10015, "Unknown Webhook")
        limits.message(body, files=len(files))
        found.followups.append(self._said(found, body, files))
        return found.followups[-1]

    def get_original(self, *, application: str, token: str, **_: object) -> Json:
        """The first answer as a message."""
        found = self._alive(application, token)
        if found.original is None:
            raise Refused(10008, "Unknown Message")
        return found.original

    def patch_original(self, *, application: str, token: str, body: Json, files: Files, **_: object) -> Json:
        """Change the first answer; of a deferred one, make it."""
        found = self._alive(application, token)
        if found.original is None:
            found.original = found.message if found.answer in {6, 7} else None
        if found.original is None:
            raise Refused(10008, "Unknown Message")
        if int(found.original.get("flags") or 0) & EPHEMERAL:
            limits.message({**found.original, **body}, files=len(files))
            found.original |= {k: v for k, v in body.items() if k != "attachments"}
        else:
            self._methods.changed(
                found.channel.id, found.original, {"content": "…", **body} if files else body
            )
        had: list[Json] = found.original.get("attachments") or []
        named = {
            str(each["id"]) for each in body.get("attachments") or ([] if "attachments" in body else had)
        }
        kept = [each for each in had if str(each["id"]) in named]
        found.original["attachments"] = [*kept, *self._methods._attached(files)]  # noqa: SLF001 - as above
        return found.original

    def delete_original(self, *, application: str, token: str, **_: object) -> None:
        """Take the first answer back."""
        self._alive(application, token).original = None

    # ------------------------------------------------------------------------------------ commands

    def put_commands(self, *, body: Sequence[Json], guild: str = "", **_: object) -> list[Json]:
        """Replace all commands of a guild, or the global ones."""
        limits.commands(body)
        if guild and guild not in self.guild.joined:
            raise Refused(50001, "Missing Access")
        self.guild.commands[guild] = [
            {**each, "id": self.guild.new_id(), "application_id": APP, "version": "1"} for each in body
        ]
        return self.guild.commands[guild]

    def get_commands(self, *, guild: str = "", **_: object) -> list[Json]:
        """The commands of a guild, or the global ones."""
        return self.guild.commands.get(guild, [])
