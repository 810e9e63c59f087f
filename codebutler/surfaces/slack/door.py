"""The door itself: messages out, each once, in order; and the small signs that go with them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from codebutler.errors import DoorClosed
from codebutler.settings.slack import Slack as Settings
from codebutler.store.store import Store
from codebutler.surfaces.cutting import without_long_code
from codebutler.surfaces.slack import blocks, uploads
from codebutler.surfaces.slack.blocks import Piece, pieces
from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.hearing import Hearing
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.link import Link
from codebutler.surfaces.slack.markup import letters
from codebutler.surfaces.slack.opening import Moving, placed
from codebutler.surfaces.slack.pages import replies
from codebutler.surfaces.slack.signs import Signs
from codebutler.surfaces.slack.streams import Streams
from codebutler.surfaces.slack.troubles import SHUT, key_of, keys
from codebutler.types import Capabilities, Json, Outbound

KEPT = 2_000
"""Conversations of which it is known what stands in them."""
MARKS = 100
"""Marks that are kept of each."""
AT_WORK = {"pm": "is thinking…", "coder": "is coding…", "lead": "is looking back…", "artist": "is drawing…"}
"""The assistant's status while a role's model is asked."""
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"})
"""A card that cannot be edited any more: a new one takes its place."""


@dataclass
class Standing:
    """What stands in a conversation: our messages by mark, and the names of our files."""

    marks: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    unmarked: dict[str, str] = field(default_factory=dict)
    """By their letters, where a server gives no marks back: messages that may be the one of unknown fate."""


class Slack:
    """A repo's door (types.Surface). What comes in goes to ``hearing.receive``, which ``serve`` sets."""

    name = SURFACE
    capabilities = Capabilities(
        buttons=True, edits=True, files=True, reactions=True, streaming=True, bursts=True, text_limit=40_000,
        patience=600.0,
    )  # fmt: skip

    def __init__(self, link: Link, settings: Settings, store: Store) -> None:
        """A door of the app that ``link`` connects."""
        self._link = link
        self._settings = settings
        self._store = store
        self._standing: dict[str, Standing] = {}
        self._edited: dict[str, float] = {}
        self.hearing = Hearing(link, settings, store)
        self.streams = Streams(link, settings, store, self.hearing.speakers)
        self._moving = Moving(link, store, lambda: self.hearing.channels)
        link.join(self.hearing)

    async def deliver(self, external_id: str, message: Outbound, *, mark: str, replaces: str) -> str:
        """Post or edit; see types.Surface. DoorClosed when only an admin can mend what is in the way."""
        channel, _, root = external_id.partition(":")
        try:
            if not placed(external_id):
                external_id = await self._moving.moved(external_id, mark)
                channel, _, root = external_id.partition(":")
            message = message.model_copy(update={"text": await self._moving.pointed(message.text)})
            if message.slot and replaces and await self._edit(channel, message, replaces):
                shown = replaces
            else:
                shown = await self._show(external_id, message, mark)
        except SlackRefused as error:
            self._standing.pop(external_id, None)
            if error.error not in SHUT:
                raise
            words = f"Slack lets no message through in {external_id}: {error.error}"
            await self._tell_admins(external_id, error, f"{words}. {SHUT[error.error]}")
            raise DoorClosed(words, fix=SHUT[error.error]) from error
        except BaseException:  # whether it was posted is not known: look before the next attempt
            self._standing.pop(external_id, None)
            raise
        self._link.troubles.mended(*keys(channel, root=root))
        await self.hearing.buttons.offer(external_id, shown, message, mark)
        self._link.later(self.hearing.buttons.tidy(external_id))
        self._link.later(self.signs.said(external_id))
        return shown

    async def _tell_admins(self, conversation: str, error: SlackRefused, words: str) -> None:
        """Once; of a first message that was deleted, which nobody can mend, also not after a restart."""
        channel, _, root = conversation.partition(":")
        lost = f"{SURFACE}:told:{conversation}" if error.error == "thread_not_found" else ""
        if lost and await self._store.noted(lost):
            return
        await self._link.troubles.tell(key_of(error, channel, root=root), words)
        if lost:
            await self._store.note(lost, error.error)

    async def stream(self, external_id: str, role: str, delta: str) -> None:
        """Show what is being written, and by the assistant's status that somebody is at work."""
        if role and not delta:
            self._link.later(self.signs.say(external_id, AT_WORK.get(role, f"is at work as {role}…")))
        await self.streams.write(external_id, role, delta)

    def rested(self, thread: str) -> None:
        """A thread has nothing more to do for now."""
        self._link.later(self._rest(thread))

    async def _rest(self, thread: str) -> None:
        for surface, conversation in await self._store.bindings(thread):
            if surface == SURFACE:
                await self.streams.forsake(conversation)
                await self.hearing.buttons.tidy(conversation)
        await self.signs.tick(thread)

    @property
    def signs(self) -> Signs:
        """Reactions and the status line."""
        return self.hearing.signs

    # ------------------------------------------------------------------------------ what is shown

    async def _show(self, conversation: str, message: Outbound, mark: str) -> str:
        channel, _, root = conversation.partition(":")
        standing = await self._stands(conversation)
        text, snippets = without_long_code(message.text, mark)
        message = message.model_copy(update={"text": text})
        shown = ""
        for number, piece in enumerate(pieces(message, conversation=conversation, mark=mark)):
            own = f"{mark}#{number}"
            shown = standing.marks.get(own) or standing.unmarked.pop(letters(piece.text), "")
            aloud = "aloud" in message.data
            if not shown and not message.slot and not aloud:
                shown = await self.streams.become(conversation, message, piece, own)
            shown = shown or await self._post(channel, root, piece, own, aloud=aloud)
            standing.marks[own] = shown
        for snippet in snippets:
            await self._file(
                conversation,
                uploads.Upload(snippet.name, snippet.code.encode(), snippet.language),
                standing,
            )
        for attachment in message.files:
            data = await self._store.get_blob(attachment.sha256) or b""
            name = uploads.named(attachment.name, f"{mark}{attachment.sha256}")
            await self._file(conversation, uploads.Upload(name, data), standing)
        while len(standing.marks) > MARKS:
            del standing.marks[next(iter(standing.marks))]
        return shown

    async def _file(self, conversation: str, file: uploads.Upload, standing: Standing) -> None:
        """A file into the thread, once; what Slack does not take is said in its place."""
        if file.name in standing.files:
            return
        channel, _, root = conversation.partition(":")
        why = "" if file.data else "it is empty"
        if not why:
            try:
                await uploads.send(self._link.calls, file, channel=channel, thread=root)
            except SlackRefused as error:  # a channel that takes nothing says so again to the words
                why = f"Slack: {error.error}"
        if why:
            words = pieces(uploads.instead(file, why), conversation=conversation, mark="")
            for number, piece in enumerate(words):
                own = f"{file.name}#{number}"
                standing.marks[own] = standing.marks.get(own) or await self._post(channel, root, piece, own)
        standing.files.add(file.name)

    async def _post(self, channel: str, root: str, piece: Piece, mark: str, *, aloud: bool = False) -> str:
        """One message. Where its blocks are refused it goes with plainer ones, at last with none.

        ``aloud``: Slack shows it in the channel, too.
        """
        refused: SlackRefused | None = None
        for way in piece.ways:
            try:
                answer = await self._link.calls.call(
                    "chat.postMessage", post_to=channel, channel=channel, thread_ts=root,
                    text=piece.text if way else piece.whole or piece.text,
                    metadata=blocks.metadata(mark), unfurl_links=False, unfurl_media=False,
                    **({"blocks": way} if way else {}), **({"reply_broadcast": True} if aloud else {}),
                )  # fmt: skip
            except SlackRefused as error:
                if error.error not in blocks.NO_BLOCKS:
                    raise
                refused = error
            else:
                self.signs.covered(f"{channel}:{root}")
                return str(answer["ts"])
        assert refused is not None  # noqa: S101 - the loop ends by it only
        raise refused

    async def _edit(self, channel: str, message: Outbound, ts: str) -> bool:
        """Bring the card up to date; False when it is gone."""
        key = f"{channel}:{ts}"
        pause = self._edited.get(key, 0.0) + self._settings.edit_seconds - time.monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
        [piece] = pieces(message, conversation="", mark="")
        try:
            await self._link.calls.call(
                "chat.update", channel=channel, ts=ts, text=piece.text, blocks=piece.blocks
            )
        except SlackRefused as error:
            if error.error not in GONE:
                raise
            self._edited.pop(key, None)
            return False
        self._edited.pop(key, None)
        self._edited[key] = time.monotonic()
        while len(self._edited) > KEPT:
            del self._edited[next(iter(self._edited))]
        return True

    async def _stands(self, conversation: str) -> Standing:
        """What stands there: looked up once, and again after every failure."""
        known = self._standing.pop(conversation, None)
        if self.hearing.fresh.pop(conversation, 0) is None and known is None:
            known = Standing()
        if known is None:
            known = await self._look(conversation)
        self._standing[conversation] = known
        while len(self._standing) > KEPT:
            del self._standing[next(iter(self._standing))]
        return known

    async def _look(self, conversation: str) -> Standing:
        us, found = await self._link.us(), Standing()
        try:
            async for message in replies(self._link.calls, conversation, include_all_metadata=True):
                if us.wrote(message) and str(message["ts"]) != conversation.partition(":")[2]:
                    _note(found, message)
        except SlackRefused as error:
            if error.error != "thread_not_found":
                raise
        draft = await self.streams.sweep(conversation, found.marks.values())
        if found.marks or not found.unmarked:
            found.unmarked.clear()
        else:
            thread = await self._store.find(SURFACE, conversation)
            sent = {post.external_id for post in await self._store.posts(thread)} if thread else set()
            found.unmarked = {text: ts for text, ts in found.unmarked.items() if ts not in {draft, *sent}}
        return found


def _note(found: Standing, message: Json) -> None:
    if mark := blocks.mark_of(message):
        found.marks[mark] = str(message["ts"])
    elif not message.get("files"):
        found.unmarked[letters(str(message.get("text") or ""))] = str(message["ts"])
    found.files |= {str(file.get("name")) for file in message.get("files") or []}
