"""``/codebutler …`` from the registry of commands, its completions, and the entry that hands over."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from codebutler.agent.roles import load_role, shipped_names
from codebutler.commands.builtin import REGISTRY
from codebutler.surfaces.discord import catalogue, inbound, looks
from codebutler.surfaces.discord.calls import DiscordRefused
from codebutler.surfaces.discord.hands import OFFER, ONLY_THEM, PUT_OFF, Doing, conversations, linked
from codebutler.surfaces.discord.hearing import NOT_YOU
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.places import DM, FORUMS, Place
from codebutler.surfaces.discord.troubles import fix_of
from codebutler.surfaces.wording import load
from codebutler.text import fit
from codebutler.thread import render
from codebutler.types import Inbound, Json

if TYPE_CHECKING:
    from codebutler.store.rows import ThreadRow
    from codebutler.surfaces.discord.hearing import Hearing

SHOWN, OFFERED = 20, 25
LINE = 600
"""Characters of an event in a log."""
LOG = 4_000_000
"""Characters of a log as a file."""
REQUESTS = {
    "new": "{}",
    "plan": "Plan what this issue asks for, and wait for approval: {}",
    "implement": "Implement what this issue asks for: {}",
}
_HELP = (
    "`/{0} new` opens a thread with a request; so does a message in the repo's channel, a mention, or a"
    " direct message. Inside a thread, plain words do what commands do."
)


async def command(doing: Doing) -> None:
    """Put the answer off at once, do it, and say so."""
    await doing.answer(PUT_OFF, {"flags": ONLY_THEM})
    try:
        place = await doing.link.places.of(doing.channel)
        door = await _door(doing, place)
        if door is None or not await doing.allowed(door):
            await doing.tell(NOT_YOU)
        elif doing.data.get("name") == catalogue.HAND_OVER:
            await doing.tell(await _hand_over(doing, door, place))
        else:
            await _run(doing, door, place)
    except DiscordRefused as error:
        await doing.tell(f"I cannot do that here: {error.message}. {fix_of(error)}")


async def _run(doing: Doing, door: Hearing, place: Place) -> None:
    name, options = _spoken(doing.data)
    if name in REQUESTS:
        words = REQUESTS[name].format(str(options.get("request") or options.get("issue") or ""))
        await doing.tell(await _request(doing, door, place, words))
    elif name == "help":
        await doing.tell(f"{_HELP.format(door.settings.command)}\n\n{REGISTRY.help()}")
    elif name in {"threads", "status-all"}:
        await doing.tell(await _listed(doing, door, everybody=name == "status-all"))
    elif name == "logs":
        await _logs(doing, door, str(options.get("task")))
    elif name == "follow":
        await doing.tell(await _follow(doing, door, place, str(options.get("task"))))
    else:
        await doing.tell(await _in_thread(doing, door, name, options))


def _spoken(data: Json) -> tuple[str, dict[str, str | int | float]]:
    """The subcommand and its options."""
    [sub, *_] = data.get("options") or [{"name": "help"}]
    return str(sub["name"]), {str(o["name"]): o.get("value", "") for o in sub.get("options") or []}


async def _door(doing: Doing, place: Place) -> Hearing | None:
    """Whose channel it is, else the first repo's."""
    home = place.parent if place.thread else place.id
    named = [door for door in doing.link.doors if home in door.channels]
    return next(iter([*named, *sorted(doing.link.doors, key=lambda door: door.rank)]), None)


async def _in_thread(doing: Doing, door: Hearing, name: str, options: dict[str, str | int | float]) -> str:
    """A command of the registry, for the thread that it names or is typed in."""
    task = str(options.pop("task", ""))
    here = await conversations(doing)
    if task:
        bound = [b for b in await door.store.bound(SURFACE) if b.thread == task]
        here = [(door, bound[0].external_id, task)] if bound else []
        if not here:
            return f"No thread {fit(task, 40)} is shown in Discord; `follow` shows one of another door here."
    if not here:
        return "Which thread? Type the command in it, or name it with `task`."
    owner, conversation, thread = here[0]
    words = await _words(owner, thread, name, options)
    said = Inbound(
        surface=SURFACE, external_id=conversation, key=f"command:{doing.id}", text=words,
        author=await doing.person(owner),
    )  # fmt: skip
    await owner.receive(said)
    return f"`{words}` is said in {linked(doing, conversation)}"


async def _words(door: Hearing, thread: str, name: str, options: dict[str, str | int | float]) -> str:
    """The command as it would be typed in the thread."""
    if name == "close":
        state = await load(door.store, thread)
        return "/merge" if state.pr is not None and state.pr_state == "open" else "/cancel"
    if name == "model" and options.get("role"):
        name = str(options.pop("role"))
    known = {alias: d for d in REGISTRY.definitions for alias in (d.name, *d.aliases)}
    fields = known[name].arguments.model_fields if name in known else options
    given = [
        " ".join(str(options[field]).split()) for field in fields if options.get(field) not in {None, ""}
    ]
    return " ".join([f"/{name}", *given])


async def _request(doing: Doing, door: Hearing, place: Place, words: str) -> str:
    """A new thread; its first message is ours, in the person's words."""
    author, user = await doing.person(door), str(doing.user.get("id"))
    said = Inbound(surface=SURFACE, external_id="", key=f"command:{doing.id}", author=author, text=words)
    conversation = await _opened(doing, place, f"<@{user}> asks: {words}", words)
    await door.receive(said.model_copy(update={"external_id": conversation}))
    return f"Your thread: {linked(doing, conversation)}"


async def _opened(doing: Doing, place: Place, first: str, title: str) -> str:
    """A conversation that begins with a message of ours."""
    home = await doing.link.places.of(place.parent) if place.thread else place
    name = " ".join(title.split())[:100] or "CodeButler"
    sent: Json = {"content": first[: looks.CONTENT], "allowed_mentions": looks.NOBODY}
    if home.type in FORUMS:
        made = await doing.link.calls.call(
            "POST", "/channels/{channel_id}/threads", body={"name": name, "message": sent}, channel_id=home.id
        )
        return f"{home.id}:{made['id']}"
    sent |= {"nonce": doing.id[-25:], "enforce_nonce": True}
    posted = await doing.link.calls.call(
        "POST", "/channels/{channel_id}/messages", body=sent, channel_id=home.id
    )
    if home.direct:
        return f"{DM}{home.id}:{posted['id']}"
    await doing.link.calls.call(
        "POST", "/channels/{channel_id}/messages/{message_id}/threads",
        channel_id=home.id, message_id=str(posted["id"]), body={"name": name},
    )  # fmt: skip
    return f"{home.id}:{posted['id']}"


async def _follow(doing: Doing, door: Hearing, place: Place, task: str) -> str:
    """Show a thread of another door here, too: from now on both doors show all of it."""
    row = await door.store.thread(task)
    person = await doing.person(door)
    if row is None:
        return f"There is no thread {fit(task, 40)}."
    state = await load(door.store, task)
    owner = state.opened.owner if state.opened else None
    if not person.admin and (owner is None or owner.id != person.id):
        return "Only its owner or an admin may show a thread somewhere else."
    shown = [there for surface, there in await door.store.bindings(task) if surface == SURFACE]
    if shown:
        return f"It is shown in {linked(doing, shown[0])} already."
    conversation = await _opened(doing, place, f"{row.title}\n{render.status(state).text}", row.title)
    await door.store.bind(task, SURFACE, conversation)
    return f"It is shown in {linked(doing, conversation)} now."


async def _listed(doing: Doing, door: Hearing, *, everybody: bool) -> str:
    person = await doing.person(door)
    if everybody and not person.admin:
        return "That is for admins."
    bound = {b.thread: b.external_id for b in await door.store.bound(SURFACE)}
    lines = []
    for row in await _open(door):
        if everybody or row.id in bound:
            where = linked(doing, bound[row.id]) if row.id in bound else "(another door)"
            lines.append(f"- {where} `{row.id}` {row.phase}, {row.status}: {row.title}")
    return "\n".join(lines[:SHOWN]) or "No thread is open."


async def _open(door: Hearing) -> list[ThreadRow]:
    return [row for row in await door.store.threads(limit=200) if row.phase != "closed"]


async def _logs(doing: Doing, door: Hearing, task: str) -> None:
    """The log as a file; its owner's or an admin's."""
    person, state = await doing.person(door), await load(door.store, task)
    owner = state.opened.owner if state.opened else None
    if owner is None or not (person.admin or (owner.surface, owner.id) == (SURFACE, person.id)):
        await doing.tell("There is no such thread of yours.")
        return
    lines = [
        f"{time.strftime('%F %T', time.gmtime(row.ts))} {row.seq} {row.kind} {fit(row.body, LINE)}"
        for row in await door.store.events(task)
    ]
    text = fit("\n".join(lines), LOG)
    await doing.tell(f"The log of `{task}`, {len(lines)} events.", [(f"{task}.log", text.encode())])


async def _hand_over(doing: Doing, door: Hearing, place: Place) -> str:
    """A message's own menu: it becomes a thread's request, whoever wrote it."""
    target = str(doing.data.get("target_id"))
    found = ((doing.data.get("resolved") or {}).get("messages") or {}).get(target)
    if not found:
        return "That message is gone."
    author = {**(found.get("author") or {}), "bot": False}
    given = {"guild_id": doing.guild, **found, "author": author, "type": 0, "channel_id": place.id}
    us = await doing.link.us()
    heard = inbound.message(given, us)
    if heard is None or author.get("id") == us:
        return "That is a message of mine."
    who = await doing.person(door)
    heard = replace(heard, user=who.id, name=who.name, roles=doing.roles, mention=True)
    conversation = await door.conversation(place, heard)
    if await door.store.find(SURFACE, conversation):
        return "That is in a thread of mine already."
    await door.accept(heard, place, conversation, called=True)
    return f"Your thread: {linked(doing, conversation)}"


async def complete(doing: Doing) -> None:
    """What an option's value may be, by what was typed of it."""
    [sub, *_] = doing.data.get("options") or [{}]
    field: Json = next((o for o in sub.get("options") or [] if o.get("focused")), {})
    typed = str(field.get("value") or "").lower()
    found = _models() if field.get("name") == "model" else await _tasks(doing)
    fits = [(name, value) for name, value in found if typed in f"{name} {value}".lower()]
    offered = [{"name": name[:100], "value": value[:100]} for name, value in fits[:OFFERED]]
    await doing.answer(OFFER, {"choices": offered})


def _models() -> list[tuple[str, str]]:
    """The models of the shipped roles' pools."""
    pools = [load_role(name).pool for name in shipped_names()]
    found = {model: name for pool in pools for name, model in pool.items()}
    return [(f"{name} ({model})", model) for model, name in sorted(found.items())]


async def _tasks(doing: Doing) -> list[tuple[str, str]]:
    place = await doing.link.places.of(doing.channel)
    door = await _door(doing, place)
    if door is None or not await doing.allowed(door):
        return []
    return [(f"{row.title} ({row.phase})", row.id) for row in await _open(door)]
