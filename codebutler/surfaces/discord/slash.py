"""``/codebutler …`` from the registry of commands, its completions, and the entry that hands over."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from codebutler.commands.builtin import REGISTRY
from codebutler.settings.discord import Discord as Settings
from codebutler.surfaces.discord import admin, catalogue, inbound, logs, looks, opening, seeing
from codebutler.surfaces.discord.calls import DiscordAway, DiscordRefused, Files
from codebutler.surfaces.discord.doing import (
    OFFER,
    ONLY_THEM,
    PATIENCE,
    PUT_OFF,
    Doing,
    conversations,
    linked,
)
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.people import NOT_YOU
from codebutler.surfaces.discord.places import Place
from codebutler.surfaces.discord.talks import keeps_out
from codebutler.surfaces.discord.troubles import fix_of
from codebutler.surfaces.wording import load, not_theirs
from codebutler.text import fit
from codebutler.thread import render, rewind
from codebutler.thread.linking import ask
from codebutler.thread.state import ThreadState
from codebutler.types import Inbound, Json

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing

SHOWN, OFFERED = 20, 25
"""Threads of a list, and of a completion."""
NOT_HERE = (
    "No repo is served here: its own channel is the place, or this one is of a repo that is not at work."
)
WHICH = "Which thread? Type the command in it, or name it with `task`."
SHELVED = 7
"""Days for which a folder is idle, where nobody says it."""
LOOKS: Mapping[str, Callable[[ThreadState], str]] = {
    "status": lambda state: render.status(state).text,
    "cost": render.usage_table,
    "rewind": rewind.listing,
}
"""What is answered to who asks, and to nobody else."""
_ISSUE = re.compile(r"https?://\S+|#?\d+|[\w.-]+/[\w.-]+#\d+|[A-Z][A-Z0-9]*-\d+")
REQUESTS = {
    "new": "{}",
    "plan": "Plan what this issue asks for, and wait for approval: {}",
    "implement": "Implement what this issue asks for: {}",
}
_HELP = (
    "`/{0} new` opens a thread with a request; so does a message in the repo's channel, a mention, or a"
    " direct message. Inside a thread, plain words do what commands do.\n\n"
    "What follows is typed in a thread as it stands. As slash commands they are below `/{0}` (`usage` is"
    " `cost`), the rarer ones below `/{0} thread`. There are `plan`, `implement`, `close` and `logs`, too;"
    " for admins `status-all`, `raise-cap`, `link-user`, `set-model`, `set-provider`, `set-max-runs` and"
    " `/{0} server`."
)


async def command(doing: Doing) -> None:
    """Put the answer off once the command is in the store, or takes long; then say what came of it.

    Were it put off before, a crash in between would leave its person waiting for ever.
    """
    work = asyncio.ensure_future(_done(doing))
    await asyncio.wait([work], timeout=PATIENCE)
    try:
        await doing.answer(PUT_OFF, {"flags": ONLY_THEM})
    finally:  # what was begun counts, whatever Discord says to it
        words, files = await work
    if words:
        await doing.tell(words, files)


async def _done(doing: Doing) -> tuple[str, Files]:
    """Do it: what is to be said of it, with files."""
    try:
        place = await doing.link.places.of(doing.channel)
        door = opener(doing, place)
        if door is None:
            return NOT_HERE, ()
        if not await doing.allowed(door):
            return NOT_YOU, ()
        if doing.data.get("name") == catalogue.HAND_OVER:
            return await _hand_over(doing, door, place), ()
        name, options = spoken(doing.data, door.settings)
        if name == "logs":
            return await _log(doing, door, str(options.get("task") or ""), int(options.get("page") or 1))
        return await _run(doing, door, place, name, options), ()
    except DiscordRefused as error:
        return f"I cannot do that here: {error.message}. {fix_of(error)}", ()
    except DiscordAway as error:  # a request is kept: the next look opens it
        doing.link.log.warning("a command waits for the next look: %s", error)
        doing.link.hello.set()
        return "", ()


async def _log(doing: Doing, door: Hearing, task: str, number: int) -> tuple[str, Files]:
    """A page of the log of a thread that is named, else of the one in which it is typed."""
    for owner, _, thread in [] if task else (await conversations(doing))[:1]:
        door, task = owner, thread
    if not task:
        return f"{WHICH}\n{await _listed(doing, door, everybody=False)}", ()
    return await logs.page(doing, door, task, number)


async def _run(doing: Doing, door: Hearing, place: Place, name: str, options: dict[str, Any]) -> str:
    if name in admin.COMMANDS:
        return await admin.changed(doing, door, name, options)
    if name in REQUESTS:
        return await _request(doing, door, place, name, options)
    if name == "help":
        return f"{_HELP.format(door.settings.command)}\n\n{REGISTRY.help()}"
    if name in {"threads", "status-all"}:
        return await _listed(doing, door, everybody=name == "status-all")
    if name == "follow":
        return await opening.follow(doing, door, place, str(options.get("task")))
    if name in {"link", "link-user", "cleanup"}:
        return await _people(doing, door, name, options)
    if name == "raise-cap" and not (await doing.person(door)).admin:
        return admin.ADMINS
    return await _in_thread(doing, door, "raise" if name == "raise-cap" else name, options)


def spoken(data: Json, settings: Settings) -> tuple[str, dict[str, Any]]:
    """The command below ours, and its options; another name of it is a command of its own."""
    name, given = str(data.get("name")), data.get("options") or []
    if name == settings.command:
        name = "help"
        while given and given[0].get("type") in {catalogue.SUB, catalogue.GROUP}:
            name, given = str(given[0]["name"]), given[0].get("options") or []
    else:
        name = name.removeprefix(settings.alias_prefix)
    return name, {str(o["name"]): o.get("value", "") for o in given}


def opener(doing: Doing, place: Place) -> Hearing | None:
    """Whose channel it is, else the first repo's, if it is open to requests from elsewhere."""
    home = place.parent if place.thread else place.id
    ranked = sorted(doing.link.doors, key=lambda door: door.rank)
    own = next((door for door in ranked if home in door.channels), None)
    return own or next((door for door in ranked if door.elsewhere(home)), None)


async def _request(doing: Doing, door: Hearing, place: Place, name: str, options: dict[str, Any]) -> str:
    """A thread for a request, or for an issue."""
    told = str(options.get("request") or options.get("issue") or "").strip()
    if name != "new" and _ISSUE.fullmatch(told) is None:
        return "That is no issue: give its address, such as https://HOST/OWNER/REPO/issues/12."
    return await opening.request(doing, door, place, REQUESTS[name].format(told))


async def _people(doing: Doing, door: Hearing, name: str, options: dict[str, Any]) -> str:
    """Who is who at GitHub; and room for new work. These need no thread."""
    by, here = await doing.person(door), await conversations(doing)
    if name == "cleanup":
        return await door.office.make_room(by, float(options.get("days", SHELVED)))
    who = str(options.get("user") or "")
    if who and not who.isdigit():
        return "That is nobody here."
    said = await ask(
        door.store, by, str(options.get("name") or ""), f"{SURFACE}:{who}" if who else "",
        mention=door.office.config.github.mention, thread=here[0][2] if here else "",
    )  # fmt: skip
    typed = said.replace("**/link NAME**", f"`/{door.settings.command} link`")
    return typed.replace(f"`{SURFACE}:{who}`", f"<@{who}>")


async def _in_thread(doing: Doing, door: Hearing, name: str, options: dict[str, Any]) -> str:
    """A command of the registry, for the thread that it names or is typed in."""
    task = str(options.pop("task", ""))
    here = await conversations(doing)
    if task:
        person = await doing.person(door)
        bound = [b.external_id for b in await door.store.bound(SURFACE) if b.thread == task]
        seen = [each for each in bound if await seeing.may_see(doing, door, person, task, each)]
        here = [(door, seen[0], task)] if seen else []
        if not here:
            return await _unknown(doing, door, task)
    if not here:
        return f"{WHICH}\n{await _listed(doing, door, everybody=False)}"
    owner, conversation, thread = here[0]
    if name in LOOKS and "point" not in options:  # with one, it is a deed: back to there
        return LOOKS[name](await load(owner.store, thread))
    person = await doing.person(owner)
    if why := await keeps_out(owner, person, conversation, thread):
        return why
    words = await _words(owner, thread, name, options)
    if name == "close" and words == "/merge":
        why = not_theirs(owner.access, await load(owner.store, thread), "merge", person)
        if why:
            return f"{why} Nothing is merged, and the thread stays where it is."
    said = Inbound(
        surface=SURFACE, external_id=conversation, key=f"command:{doing.id}", text=words, author=person
    )
    await owner.signs.shut(conversation, on=name == "close")
    await owner.receive(said)
    told = f"`{words}` is said in {await linked(doing.link, owner, conversation)}"
    return f"{told}, which is put away then: a word there brings it back." if name == "close" else told


async def _unknown(doing: Doing, door: Hearing, task: str) -> str:
    """Nothing is done by a part of a title: another thread may be called so by now."""
    like = await _listed(doing, door, everybody=False, title=task)
    if like:
        return f"{fit(task, 40)!r} is no thread's id. `task` takes the id of one:\n{like}"
    return f"No thread {fit(task, 40)} is shown in Discord; `follow` shows one of another door here."


async def _words(door: Hearing, thread: str, name: str, options: dict[str, Any]) -> str:
    """The command as it would be typed in the thread."""
    if name == "close":
        state = await load(door.store, thread)
        lands = state.pr is not None and state.pr_state == "open" and not state.called_off
        return "/merge" if lands else "/cancel"
    if name == "model" and options.get("role"):
        name = str(options.pop("role"))
    known = {alias: d for d in REGISTRY.definitions for alias in (d.name, *d.aliases)}
    fields = known[name].arguments.model_fields if name in known else options
    given = [
        " ".join(str(options[field]).split()) for field in fields if options.get(field) not in {None, ""}
    ]
    return " ".join([f"/{name}", *given])


async def _listed(doing: Doing, door: Hearing, *, everybody: bool, title: str | None = None) -> str:
    """The open threads, or "" where none has ``title`` in its own."""
    if everybody and not (await doing.person(door)).admin:
        return "That is for admins."
    lines = []
    for row, conversation in await seeing.shown(doing, door):
        if (everybody or conversation) and (title or "").lower() in row.title.lower():
            where = await linked(doing.link, door, conversation) if conversation else "(another door)"
            lines.append(f"- {where} `{row.id}` {row.phase}, {row.status}: {looks.name(row.title)}")
    if len(lines) > SHOWN:
        more = f"- … and {len(lines) - SHOWN} more: `codebutler threads` in a terminal lists all,"
        lines[SHOWN:] = [f"{more} and `task` completes each as you type."]
    return "\n".join(lines) or ("" if title else "No thread is open.")


async def _hand_over(doing: Doing, door: Hearing, place: Place) -> str:
    """A message's own menu: it becomes a thread's request, whoever wrote it."""
    target = str(doing.data.get("target_id"))
    found = ((doing.data.get("resolved") or {}).get("messages") or {}).get(target)
    if not found:
        return "That message is gone."
    us = await doing.link.us()
    if str((found.get("author") or {}).get("id")) == us:
        return "That is a message of mine."
    given = {"guild_id": doing.guild, **found, "channel_id": place.id}
    heard = inbound.message(doing.link.spelling.spelt(given, us), us, handed=True)
    if heard is None:
        return "That message has no words and no file that I could read."
    who = await doing.person(door)
    heard = replace(heard, user=who.id, name=who.name, roles=doing.roles, mention=True)
    conversation = await door.conversation(place, heard)
    if await door.store.find(SURFACE, conversation):
        return "That is in a thread of mine already."
    await door.accept(heard, place, conversation, called=True)
    return f"Your thread: {await linked(doing.link, door, conversation)}"


async def complete(doing: Doing) -> None:
    """What an option's value may be, by what was typed of it."""
    given = doing.data.get("options") or []
    while given and given[0].get("type") in {catalogue.SUB, catalogue.GROUP}:
        given = given[0].get("options") or []
    field: Json = next((o for o in given if o.get("focused")), {})
    typed = str(field.get("value") or "").lower()
    found = await _offered(doing, str(field.get("name")))
    fits = [(name, value) for name, value in found if typed in f"{name} {value}".lower()]
    offered = [{"name": name[:100], "value": value[:100]} for name, value in fits[:OFFERED]]
    await doing.answer(OFFER, {"choices": offered})


async def _offered(doing: Doing, option: str) -> list[tuple[str, str]]:
    """Names and values that this person may see."""
    door = opener(doing, await doing.link.places.of(doing.channel))
    if door is None or not await doing.allowed(door):
        return []
    if option == "model":
        return door.office.models()
    if option == "provider":
        return [(name, name) for name in door.office.providers()]
    return [(f"{row.title} ({row.phase})", row.id) for row, _ in await seeing.shown(doing, door)]
