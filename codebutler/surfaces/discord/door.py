"""The door itself: messages out, each once, in order.

Every post has a nonce that Discord enforces; it forgets them after some minutes. So after a start, and after
every failure, what we posted since the last message that is known to be delivered is looked at first.
"""

from __future__ import annotations

import asyncio
import time

from codebutler.errors import DoorClosed
from codebutler.settings.discord import Discord as Settings
from codebutler.store.store import Store
from codebutler.surfaces.cutting import without_long_code
from codebutler.surfaces.discord import looks
from codebutler.surfaces.discord.calls import (
    ARCHIVED,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    Answer,
    DiscordRefused,
    Files,
)
from codebutler.surfaces.discord.hearing import Hearing
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.link import Link
from codebutler.surfaces.discord.moving import Moving
from codebutler.surfaces.discord.places import DM, FORUMS, parent_of, placed, room
from codebutler.surfaces.discord.signs import Signs
from codebutler.surfaces.discord.standing import Standing, look
from codebutler.surfaces.discord.talks import opens_thread
from codebutler.surfaces.discord.troubles import fix_of, key_of
from codebutler.types import Capabilities, Json, Outbound

KEPT = 2_000
"""Conversations of which it is known what stands in them."""
MARKS = 100
"""Pieces that are kept of each."""
PINS = ("/channels/{channel_id}/messages/pins/{message_id}", "/channels/{channel_id}/pins/{message_id}")
"""Where messages are pinned, and where servers have it that know only the older way."""
FILES, FILE_BYTES = 10, 10 * 1024 * 1024
"""What one message takes."""


class Discord:
    """A repo's door (types.Surface). What comes in goes to ``hearing.receive``, which ``serve`` sets."""

    name = SURFACE
    capabilities = Capabilities(
        buttons=True, edits=True, files=True, reactions=True, bursts=True, text_limit=40_000, patience=600.0
    )

    def __init__(self, link: Link, settings: Settings, store: Store) -> None:
        """A door of the bot that ``link`` connects."""
        self._link = link
        self._settings = settings
        self._store = store
        self._moving = Moving(link, store, settings)
        self._standing: dict[str, Standing] = {}
        self._edited: dict[str, float] = {}
        self.hearing = Hearing(link, settings, store)
        link.join(self.hearing)

    @property
    def signs(self) -> Signs:
        """Reactions and typing."""
        return self.hearing.signs

    async def deliver(self, external_id: str, message: Outbound, *, mark: str, replaces: str) -> str:
        """Post or edit; see types.Surface. DoorClosed when only an admin can mend what is in the way."""
        if not placed(external_id):
            external_id = await self._moving.moved(external_id, mark.partition(":")[0])
        message = message.model_copy(update={"text": await self._moving.pointed(message.text)})
        talks = self.hearing.talks
        talk = await talks.state(external_id) == "open"
        if talk and message.slot:
            return ""  # a channel of others needs no status card
        try:
            if talk and opens_thread(message):
                await self.hearing.open_thread(external_id)
                asked = (await talks.messages(external_id))[-1]
                await talks.becomes_thread(external_id)
                self._link.later(self._point(external_id, asked, mark))
                self._standing.pop(external_id, None)
            if message.slot and replaces and await self._edit(external_id, message, replaces, mark):
                shown = replaces
            else:
                shown = await self._show(external_id, message, mark)
        except DiscordRefused as error:
            self._standing.pop(external_id, None)
            fix = fix_of(error)
            if not fix:
                raise
            words = f"Discord lets no message through in {external_id}: {error}"
            key = key_of(error, external_id)
            await self._link.troubles.hit(key, f"{words}. {fix}", about=external_id)
            raise DoorClosed(words, fix=fix) from error
        except BaseException:  # whether it was posted is not known: look before the next attempt
            self._standing.pop(external_id, None)
            raise
        self._link.troubles.mended(external_id)
        if "aloud" in message.data and not external_id.startswith(DM):
            self._link.later(self._aloud(external_id, message, mark))
        await self.hearing.buttons.offer(external_id, shown, message, mark)
        self._link.later(self.hearing.buttons.tidy(external_id))
        self._link.later(self.signs.said(external_id))
        return shown

    async def stream(self, external_id: str, role: str, delta: str) -> None:
        """Somebody is at work: they type."""
        if role:
            self._link.later(self.signs.type(external_id))

    def rested(self, thread: str) -> None:
        """A thread has nothing more to do for now."""
        self._link.later(self._rest(thread))

    async def _rest(self, thread: str) -> None:
        for surface, conversation in await self._store.bindings(thread):
            if surface == SURFACE:
                await self.hearing.buttons.tidy(conversation)
        await self.signs.tick(thread)

    # ------------------------------------------------------------------------------ what is shown

    async def _show(self, conversation: str, message: Outbound, mark: str) -> str:
        thread = mark.partition(":")[0]
        standing = await self._stands(conversation, thread)
        text, snippets = without_long_code(message.text, mark)
        bodies, whole = looks.pieces(message.model_copy(update={"text": text}), mark=mark, thread=thread)
        files = [(s.name, s.code.encode()) for s in snippets]
        files += [("message.md", whole.encode())] if whole else []
        for attachment in message.files:
            data = await self._store.get_blob(attachment.sha256)
            files += [(attachment.name, data)] if data else []
        bodies += [{"content": f"({len(files)} files)"}] if len(files) > FILES else []
        shown = ""
        for number, body in enumerate(bodies):
            own, last = looks.nonce(mark, number), number == len(bodies) - 1
            shown = standing.marks.get(own) or standing.adopted(body, thread if message.slot else "")
            if not shown:
                shown = await self._post(conversation, body, own, _sendable(files) if last else ())
            if message.slot:  # also one whose answer was lost: to pin it again changes nothing
                self._link.later(self._pin(conversation, shown))
            standing.marks[own] = shown
        while len(standing.marks) > MARKS:
            del standing.marks[next(iter(standing.marks))]
        return shown

    async def _aloud(self, conversation: str, message: Outbound, mark: str) -> None:
        """The words in the channel around the conversation, with the way to it; a forum has no such place."""
        home = await self._link.places.of(parent_of(conversation))
        if home.type not in FORUMS:
            text = f"<#{room(conversation)[0]}> {message.text}"[: looks.CONTENT]
            sent = {"content": text, "nonce": looks.nonce(f"{mark}:aloud", 0), "enforce_nonce": True}
            await self._raw(home.id, {**sent, "allowed_mentions": looks.NOBODY}, ())

    async def _point(self, conversation: str, asked: str, mark: str) -> None:
        """Say where a talk goes on, below what made it work; the thread stands below its first message."""
        channel, first = room(conversation)
        if asked == first:
            return
        body = {
            "content": f"It goes on in <#{channel}>.", "allowed_mentions": looks.NOBODY,
            "message_reference": {"message_id": asked, "fail_if_not_exists": False},
            "nonce": looks.nonce(f"{mark}:where", 0), "enforce_nonce": True,
        }  # fmt: skip
        said = await self._raw(parent_of(conversation), body, ())
        await self.hearing.talks.becomes_thread(conversation, str(said["id"]))

    async def _post(self, conversation: str, body: Json, nonce: str, files: Files) -> str:
        """One message; its thread is opened, or brought back from the archive, where that is in the way."""
        channel = await self.hearing.talks.channel(conversation)
        if await self.hearing.talks.state(conversation) == "open":
            asked = (await self.hearing.talks.messages(conversation))[-1]
            body = {**body, "message_reference": {"message_id": asked, "fail_if_not_exists": False}}
        sent = {**body, "nonce": nonce, "enforce_nonce": True, "allowed_mentions": looks.NOBODY}
        for _ in range(3):
            try:
                answer = await self._link.calls.call(
                    "POST", "/channels/{channel_id}/messages", body=sent, files=files, channel_id=channel
                )
            except DiscordRefused as error:
                if not await self._cleared(conversation, error):
                    raise
                continue
            return str(answer["id"])
        return str((await self._raw(channel, sent, files))["id"])

    async def _raw(self, channel: str, sent: Json, files: Files) -> Answer:
        return await self._link.calls.call(
            "POST", "/channels/{channel_id}/messages", body=sent, files=files, channel_id=channel
        )

    async def _cleared(self, conversation: str, error: DiscordRefused) -> bool:
        """Whether what was in the way could be removed."""
        if conversation.startswith(DM):
            return False
        if error.code == UNKNOWN_CHANNEL:
            await self.hearing.open_thread(conversation)
            return True
        if error.code == ARCHIVED:
            await self._link.calls.call(
                "PATCH", "/channels/{channel_id}", body={"archived": False}, channel_id=room(conversation)[0]
            )
            return True
        return False

    async def _pin(self, conversation: str, message: str) -> None:
        channel = room(conversation)[0]
        for path in PINS:
            try:
                await self._link.calls.call("PUT", path, channel_id=channel, message_id=message)
            except DiscordRefused as error:
                if error.status not in {404, 405} or error.code:
                    raise
            else:
                return

    async def _edit(self, conversation: str, message: Outbound, shown: str, mark: str) -> bool:
        """Bring the card up to date; False when it is gone."""
        pause = self._edited.get(shown, 0.0) + self._settings.edit_seconds - time.monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
        body = {**looks.card(message, mark.partition(":")[0]), "allowed_mentions": looks.NOBODY}
        for _ in range(2):
            try:
                await self._link.calls.call(
                    "PATCH", "/channels/{channel_id}/messages/{message_id}", body=body,
                    channel_id=room(conversation)[0], message_id=shown,
                )  # fmt: skip
            except DiscordRefused as error:
                if error.code == UNKNOWN_MESSAGE:
                    self._edited.pop(shown, None)
                    return False
                if error.code != ARCHIVED or not await self._cleared(conversation, error):
                    raise
            else:
                break
        self._edited.pop(shown, None)
        self._edited[shown] = time.monotonic()
        while len(self._edited) > KEPT:
            del self._edited[next(iter(self._edited))]
        return True

    # ------------------------------------------------------------------------------ what is known

    async def _stands(self, conversation: str, thread: str) -> Standing:
        """What stands there: looked up once, and again after every failure."""
        known = self._standing.pop(conversation, None)
        if known is None:
            known = await look(self._link, self._store, self.hearing.talks, conversation, thread)
        self._standing[conversation] = known
        while len(self._standing) > KEPT:
            del self._standing[next(iter(self._standing))]
        return known


def _sendable(files: Files) -> Files:
    """What a message takes; what is too large is said in its place."""
    made: list[tuple[str, bytes]] = []
    for name, data in files[:FILES]:
        if len(data) <= FILE_BYTES:
            made.append((name, data))
        else:
            words = f"{name} is larger than the {FILE_BYTES // 1024 // 1024} MiB that Discord takes.\n"
            made.append((f"{name}.txt", words.encode()))
    return made
