"""Messages in: a door's native event becomes an event of its thread, once, before anybody is told of it."""

from __future__ import annotations

import hashlib
from typing import Literal, TypeAlias

from codebutler.errors import UsageError
from codebutler.events import (
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ThreadOpened,
    dump,
)
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store
from codebutler.thread.decisions import Interpreter
from codebutler.thread.state import ThreadState
from codebutler.thread.titles import title_of
from codebutler.types import Inbound, Person
from codebutler.wellformed import well_formed

Mode: TypeAlias = Literal["team", "coder"]
Stop: TypeAlias = Literal["", "soft", "now"]
"""How a message stops what is under way: not at all, as soon as no step is cut short, or at once."""
STOPS: dict[str, Stop] = {"cancel": "now", "rewind": "now", "pause": "soft"}
"""The commands that do not wait their turn."""
SETS_OFF = frozenset({"approve", "code", "merge", "raise", "rebase", "respond", "retry"})
"""The commands by which a thread goes on: said before a stop, they are not obeyed after it."""
NAME = 80
"""Characters of a person's name."""
LOOKS = frozenset({"points", "status", "usage", "threads", "help"})
"""The commands that change nothing: they are answered also while a step is under way."""

SWAPS = frozenset({"artist", "coder", "lead", "model", "pm", "researcher"})
"""The commands that change a role's model: so are they, and count from its next call."""


def thread_id(surface: str, external_id: str) -> str:
    """A thread's id follows from where it was opened: a redelivered first message opens nothing new."""
    return "t" + hashlib.sha256(f"{surface}\n{external_id}".encode()).hexdigest()[:9]


async def receive(store: Store, inbound: Inbound, *, title: str = "", mode: Mode = "team") -> str:
    """Append a native event to its thread, opening one for a conversation that is new. Returns its id.

    "" for a change to a message of a conversation that is no thread: there is nothing to do.
    """
    return (await take_in(store, inbound, title=title, mode=mode))[0]


async def take_in(
    store: Store, inbound: Inbound, *, title: str = "", mode: Mode = "team"
) -> tuple[str, bool]:
    """As ``receive``; also says whether a thread was opened just now.

    Raises UsageError when the conversation's id looks like a secret: messages must find their way back by it.
    """
    inbound = _without_secrets(Inbound.model_validate(well_formed(inbound.model_dump())), store)
    inbound = inbound.model_copy(update={"author": _in_one_line(inbound.author)})
    said = event_of(inbound)
    event = NewEvent(said.kind, f"{inbound.surface}:{inbound.key}", dump(said))
    thread = await store.find(inbound.surface, inbound.external_id)
    if thread is None:
        if not isinstance(said, MessageReceived):
            return "", False
        thread = thread_id(inbound.surface, inbound.external_id)
        name = store.redactor.text(title) or title_of(inbound.text, inbound.attachments)
        opened = ThreadOpened(title=name, owner=inbound.author, mode=mode)
        if await store.open_thread(
            thread,
            title=name,
            owner=inbound.author.label,
            bindings=[(inbound.surface, inbound.external_id)],
            events=[NewEvent(opened.kind, "opened", dump(opened)), event],
            row={"phase": "pm", "status": "new"},
        ):
            return thread, True
    await store.append(thread, [event], ready=True)
    return thread, False


def stops(interpreter: Interpreter, inbound: Inbound, state: ThreadState) -> Stop:
    """What this does to the step that is under way in ``state``. A changed message waits until it is read."""
    said = event_of(inbound)
    if not isinstance(said, MessageReceived):
        return ""
    command = interpreter.read(state, said)
    return "" if command is None else STOPS.get(command.name, "")


def event_of(inbound: Inbound) -> MessageReceived | MessageEdited | MessageDeleted:
    """The event that a native event becomes."""
    if inbound.deletes:
        return MessageDeleted(surface=inbound.surface, of=inbound.deletes, by=inbound.author)
    if inbound.edits:
        return MessageEdited(
            surface=inbound.surface, of=inbound.edits, text=inbound.text, by=inbound.author, gone=inbound.gone
        )
    return MessageReceived(
        surface=inbound.surface,
        external_id=inbound.external_id,
        key=inbound.key,
        author=inbound.author,
        text=inbound.text,
        action=inbound.action,
        value=inbound.value,
        attachments=inbound.attachments,
        link=inbound.link,
        seen=inbound.seen,
    )


def _without_secrets(inbound: Inbound, store: Store) -> Inbound:
    """Before anything is cut out of it, such as a title: half a secret is not known for one any more."""
    given = inbound.model_dump()
    ids = {name: given[name] for name in ("surface", "external_id")}
    if store.redactor.value(ids) != ids:
        raise UsageError(
            "the key of this conversation looks like a secret, and keys are kept", fix="Use another key."
        )
    ids |= {name: given[name] for name in ("gone", "seen")}  # hashes of our own making, as those below
    ids |= {name: _known_by(store, given[name]) for name in ("key", "edits", "deletes")}
    clean = Inbound.model_validate({**store.redactor.value(given), **ids})
    hashes = (
        file.sha256 for file in inbound.attachments
    )  # of our own making, and they must stay what they are
    files = [c.model_copy(update={"sha256": sha}) for c, sha in zip(clean.attachments, hashes, strict=True)]
    return clean.model_copy(update={"attachments": files})


def _in_one_line(person: Person) -> Person:
    """Their name begins lines that models and people read: one of several could speak for somebody else."""
    words = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in person.name).split()
    return person.model_copy(update={"name": " ".join(words)[:NAME].rstrip()})


def _known_by(store: Store, key: str) -> str:
    """An event's key, which need only be told from others: the hash of one that looks like a secret."""
    return key if store.redactor.text(key) == key else hashlib.sha256(key.encode()).hexdigest()
