"""Conversations that begin with a message of ours: a request by command, and a thread of another door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.surfaces.discord import looks
from codebutler.surfaces.discord.calls import DiscordRefused
from codebutler.surfaces.discord.doing import Doing, linked
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.places import DM, FORUMS, Place, address, room
from codebutler.surfaces.discord.signs import OPEN_TAGS
from codebutler.surfaces.wording import load
from codebutler.text import fit
from codebutler.thread import render
from codebutler.types import Inbound, Json

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing
    from codebutler.surfaces.discord.link import Link

TAG_NEEDED = 40067
ARCHIVE_MINUTES = 10_080


async def request(doing: Doing, door: Hearing, place: Place, words: str) -> str:
    """A new thread; its first message is ours, in the person's words."""
    if not words.strip():
        return "Say what is to be done."
    author, user = await doing.person(door), str(doing.user.get("id"))
    said = Inbound(surface=SURFACE, external_id="", key=f"command:{doing.id}", author=author, text=words)
    conversation = await _opened(doing, door, place, f"<@{user}> asks: {words}", words)
    guild = "" if place.direct else place.guild
    address_of = address(doing.link.settings.base_url, guild, room(conversation)[0])
    await door.receive(said.model_copy(update={"external_id": conversation, "link": address_of}))
    return f"Your thread: {await linked(doing, door, conversation)}"


async def follow(doing: Doing, door: Hearing, place: Place, task: str) -> str:
    """Show a thread of another door here, too: from now on both doors show all of it."""
    row = await door.store.thread(task)
    person = await doing.person(door)
    if row is None:
        return f"There is no thread {fit(task, 40)}."
    state = await load(door.store, task)
    owner = state.opened.owner if state.opened else None
    if not person.admin and (owner is None or (owner.surface, owner.id) != (person.surface, person.id)):
        return "Only its owner or an admin may show a thread somewhere else."
    shown = [there for surface, there in await door.store.bindings(task) if surface == SURFACE]
    if shown:
        return f"It is shown in {await linked(doing, door, shown[0])} already."
    conversation = await _opened(doing, door, place, f"{row.title}\n{render.status(state).text}", row.title)
    await door.store.bind(task, SURFACE, conversation)
    return f"It is shown in {await linked(doing, door, conversation)} now."


async def _opened(doing: Doing, door: Hearing, place: Place, first: str, title: str) -> str:
    """A conversation that begins with a message of ours."""
    home = await doing.link.places.of(place.parent) if place.thread else place
    name = " ".join(title.split())[:100] or "CodeButler"
    sent: Json = {"content": first[: looks.CONTENT], "allowed_mentions": looks.NOBODY}
    if home.type in FORUMS:
        conversation = f"{home.id}:{await posted(doing.link, home, name, sent)}"
        await door.settle(home, conversation)
        return conversation
    sent |= {"nonce": doing.id[-25:], "enforce_nonce": True}
    made = await doing.link.calls.call(
        "POST", "/channels/{channel_id}/messages", body=sent, channel_id=home.id
    )
    if home.direct:
        return f"{DM}{home.id}:{made['id']}"
    await doing.link.calls.call(
        "POST", "/channels/{channel_id}/messages/{message_id}/threads",
        channel_id=home.id, message_id=str(made["id"]),
        body={"name": name, "auto_archive_duration": ARCHIVE_MINUTES},
    )  # fmt: skip
    conversation = f"{home.id}:{made['id']}"
    await door.settle(home, conversation)
    return conversation


async def posted(link: Link, forum: Place, name: str, sent: Json) -> str:
    """A forum's post; with a tag where the forum wants one."""
    calls, body = link.calls, {"name": name, "message": sent, "auto_archive_duration": ARCHIVE_MINUTES}
    try:
        made = await calls.call("POST", "/channels/{channel_id}/threads", body=body, channel_id=forum.id)
    except DiscordRefused as error:
        if error.code != TAG_NEEDED:
            raise
        known = await calls.call("GET", "/channels/{channel_id}", channel_id=forum.id)
        tags = [tag for tag in known.get("available_tags") or [] if not tag.get("moderated")]
        fitting = [tag for tag in tags if str(tag.get("name")).lower() in OPEN_TAGS] or tags
        body["applied_tags"] = [str(tag["id"]) for tag in fitting[:1]]
        made = await calls.call("POST", "/channels/{channel_id}/threads", body=body, channel_id=forum.id)
    return str(made["id"])
