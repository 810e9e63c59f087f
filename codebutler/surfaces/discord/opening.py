"""Conversations that begin with a message of ours: a request by command, and a thread of another door."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from codebutler.commands.bare import is_order
from codebutler.events import Posted, dump
from codebutler.store.rows import NewPost
from codebutler.surfaces.buttons import MATTERS, ending
from codebutler.surfaces.discord import looks, loose
from codebutler.surfaces.discord.calls import UNKNOWN_CHANNEL, DiscordRefused
from codebutler.surfaces.discord.doing import Doing, linked
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.partner import Partner
from codebutler.surfaces.discord.places import HEARD, Place, address, placed, room
from codebutler.surfaces.discord.seeing import owns
from codebutler.surfaces.wording import choices, load
from codebutler.text import fit
from codebutler.thread import render
from codebutler.thread.state import ThreadState
from codebutler.types import Inbound, Json, Person

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing
    from codebutler.surfaces.discord.link import Link

ASKED = f"{SURFACE}:asked:"
"""Requests that are not opened yet."""
NO_THREADS = "Discord has no threads in a channel of this kind: say it in a text channel."


async def request(doing: Doing, door: Hearing, place: Place, words: str) -> str:
    """A new thread; its first message is ours, in the person's words. It is kept before it is opened."""
    if not words.strip():
        return "Say what is to be done."
    home = await doing.link.places.of(place.parent) if place.thread else place
    if home.type not in HEARD and not home.direct:
        return NO_THREADS
    if is_order(words):
        return await loose.words(door, home.id, words)
    asked: Json = {
        "id": doing.id, "channel": home.id, "user": str(doing.user.get("id")), "words": words,
        "author": (await doing.person(door)).model_dump(),
    }  # fmt: skip
    door.opening.add(doing.id)
    try:
        await door.store.note(f"{ASKED}{doing.id}", json.dumps(asked))
        conversation = await _request(doing.link, door, asked, again=False)
    except DiscordRefused:  # its person is told, and may ask again
        await door.store.note(f"{ASKED}{doing.id}", "")
        raise
    finally:
        door.opening.discard(doing.id)
    return f"Your thread: {await linked(doing.link, door, conversation)}"


async def mend(link: Link, door: Hearing) -> None:
    """Open what a crash or an outage kept from being opened. Raises DiscordAway when it broke off."""
    for row in await door.store.notes(ASKED):
        asked: Json = json.loads(row)
        if asked["id"] in door.opening:
            continue
        try:
            await _request(link, door, asked, again=True)
        except DiscordRefused as error:
            link.log.warning("a request by command cannot be opened: %s", error)
            await door.store.note(f"{ASKED}{asked['id']}", "")


async def _request(link: Link, door: Hearing, asked: Json, *, again: bool) -> str:
    """``again``: its first message may stand there already."""
    words = str(asked["words"])
    home = await link.places.of(str(asked["channel"]))
    first = f"<@{asked['user']}> asks: {words}"
    conversation = await _opened(link, door, home, first, words, mark=str(asked["id"]), again=again)
    link.later(Partner(link, home.id).join(conversation, str(asked["user"])))
    guild = "" if home.direct else home.guild
    where = address(link.settings.base_url, guild, room(conversation)[0])
    await door.receive(
        Inbound(
            surface=SURFACE, external_id=conversation, key=f"command:{asked['id']}", text=words, link=where,
            author=Person.model_validate(asked["author"]),
        )
    )  # fmt: skip
    await door.store.note(f"{ASKED}{asked['id']}", "")
    return conversation


async def follow(doing: Doing, door: Hearing, place: Place, task: str) -> str:
    """Show a thread of another door here, too: from now on both doors show all of it."""
    row = await door.store.thread(task)
    person = await doing.person(door)
    if row is None:
        return f"There is no thread {fit(task, 40)}."
    state = await load(door.store, task)
    if not (person.admin or await owns(door, person, task)):
        return "Only its owner or an admin may show a thread somewhere else."
    shown = [there for surface, there in await door.store.bindings(task) if surface == SURFACE]
    if shown and not await _is_gone(doing.link, shown[0]):
        return f"It is shown in {await linked(doing.link, door, shown[0])} already."
    home = await doing.link.places.of(place.parent) if place.thread else place
    if home.type not in HEARD and not home.direct:
        return NO_THREADS
    first = f"{row.title}\n{render.status(state).text}"
    conversation = await _opened(doing.link, door, home, first, row.title, mark=doing.id)
    posts = await door.store.posts(task)
    coming = {
        p.key.partition("@")[0] for p in posts if shown and p.state == "pending" and p.surface == SURFACE
    }
    if shown:
        await door.store.move(task, SURFACE, shown[0], conversation)
    else:
        await door.store.bind(task, SURFACE, conversation)
    await _show(door, state, conversation, coming)
    return f"It is shown in {await linked(doing.link, door, conversation)} now."


async def _is_gone(link: Link, conversation: str) -> bool:
    """Whether somebody deleted the thread in Discord, and all that stood there with it."""
    if not placed(conversation):
        return False
    try:
        await link.calls.call("GET", "/channels/{channel_id}", channel_id=room(conversation)[0])
    except DiscordRefused as error:
        if error.code != UNKNOWN_CHANNEL:
            raise
        return True
    return False


async def _show(door: Hearing, state: ThreadState, conversation: str, coming: AbstractSet[str]) -> None:
    """Post what waits for people there, with its buttons, else the last words: they were said elsewhere.

    ``coming``: sources of what could not be said before, and is said there by itself.
    """
    said = [event for _, _, event in state.live if isinstance(event, Posted) and not event.post.slot]
    waits: dict[str, Posted] = {}
    for event in said:
        offered = [c.action for c in choices(event.post) if c.action in MATTERS]
        if offered and ending(state, event.post, event.source) is None:
            waits[offered[0]] = event  # a list of items is posted again whenever one of them is decided
    posts = [
        NewPost(f"{event.source}@{SURFACE}:{conversation}", SURFACE, conversation, dump(event.post))
        for event in [*waits.values()] or said[-1:]
        if event.source not in coming
    ]
    await door.store.append(state.id, [], posts=posts)


async def _opened(
    link: Link, door: Hearing, home: Place, first: str, title: str, *, mark: str, again: bool = False
) -> str:
    """A conversation that begins with a message of ours."""
    conversation = await Partner(link, home.id).begin(first, mark=mark, title=looks.name(title), again=again)
    await door.settle(home, conversation)
    return conversation
