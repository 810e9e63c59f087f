"""``/codebutler …`` from the registry of commands, and the shortcut that hands a message over.

Slack sends no thread with a slash command: it is for the one that is open in the channel, or a new one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from codebutler.commands.bare import is_order
from codebutler.commands.builtin import REGISTRY
from codebutler.commands.typed import is_command
from codebutler.surfaces.slack.asked import key_of, tell
from codebutler.surfaces.slack.calls import SlackRefused
from codebutler.surfaces.slack.inbound import Heard, words
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.markup import escaped, mrkdwn
from codebutler.surfaces.slack.owners import NOT_HERE, opener
from codebutler.surfaces.slack.pages import replies
from codebutler.surfaces.slack.troubles import barred
from codebutler.types import Inbound, Json

if TYPE_CHECKING:
    from codebutler.surfaces.slack.hearing import Hearing
    from codebutler.surfaces.slack.link import Link

COMMAND = "/codebutler"
HAND_OVER = "codebutler_hand_over"
SHOWN = 20
_HELP = (
    f"`{COMMAND} WORDS` opens a thread with a request, `{COMMAND} threads` lists the open ones. The commands"
    " below are for the one thread that is open in this channel. Inside a thread, say them to the app:"
    " `@codebutler /status`."
)


async def command(link: Link, body: Json) -> str:
    """Do it, and what to tell the person, as mrkdwn."""
    text, channel, user = (str(body.get(name) or "").strip() for name in ("text", "channel_id", "user_id"))
    door = opener(link.doors, channel)
    if door is None:
        return NOT_HERE
    if not door.allows(user):
        return "You are not among the people who may use CodeButler here."
    word = text.lower().removeprefix("/")
    if word in {"", "help", "?"}:
        return f"{_HELP}\n\n{mrkdwn(REGISTRY.help())}"
    mere = is_order(text) and not is_command(text)
    if word != "threads" and not is_command(text) and not mere:
        await door.asked.keep(door, body)
        return "Your thread is being opened; you will be told here where it is."
    said = text if mere else f"/{text.removeprefix('/')}"
    bound = [b for b in await door.store.bound(SURFACE) if b.phase != "closed"]
    there = [b.external_id for b in bound if b.external_id.partition(":")[0] == channel]
    if word == "threads":
        return await _listed(link, there) or "No thread is open in this channel."
    if len(there) != 1:
        meant = f"@codebutler {escaped(said)}"
        several = f"Several are open here; say `{meant}` in the one you mean:\n"
        return several + await _listed(link, there) if there else "No thread is open in this channel."
    await door.receive(
        Inbound(
            surface=SURFACE, external_id=there[0], key=key_of(body), author=await door.person(user),
            text=said,
        )
    )  # fmt: skip
    return f"Said in {await _named(link, there[0])}."


async def _listed(link: Link, conversations: list[str]) -> str:
    named = [await _named(link, conversation, phase=True) for conversation in conversations[:SHOWN]]
    more = len(conversations) - SHOWN
    return "\n".join(
        [*(f"• {name}" for name in named if name), *([f"… and {more} more"] if more > 0 else [])]
    )


async def _named(link: Link, conversation: str, *, phase: bool = False) -> str:
    """A link to the thread in the words of its title; "" if there is none."""
    for door in link.doors:
        thread = await door.store.find(SURFACE, conversation)
        row = await door.store.thread(thread) if thread else None
        if row is not None:
            title = escaped(row.title) or row.id
            return f"<{(await link.us()).link(conversation)}|{title}>{f' ({row.phase})' if phase else ''}"
    return ""


async def hand_over(link: Link, body: Json) -> None:
    """A message's own menu: it becomes a thread's request, whoever wrote it."""
    message, user = body.get("message") or {}, str((body.get("user") or {}).get("id", ""))
    channel, ts = (
        str((body.get("channel") or {}).get("id", "")),
        str(message.get("ts") or body.get("message_ts")),
    )
    root = str(message.get("thread_ts") or ts)
    us, door = await link.us(), opener(link.doors, channel)
    if not link.doors:
        return
    teller = partial(tell, door or link.doors[0], channel=channel, user=user, root=root)
    why = NOT_HERE if door is None else await _hindered(link, door, channel, root, user)
    if why or door is None:
        link.later(teller(why, answer=str(body.get("response_url") or "")))
        return
    heard = Heard(
        "message", channel, ts, root, user, text=words(message, us),
        files=tuple(message.get("files") or ()), mention=True,
    )  # fmt: skip
    await door.accept(heard, called=root != ts, since=str(body.get("action_ts") or ""))


async def _hindered(link: Link, door: Hearing, channel: str, root: str, user: str) -> str:
    """Why a message cannot become a thread; "" if it can."""
    if not door.allows(user):
        return "You are not among the people who may do that."
    if [d for d in link.doors if await d.store.find(SURFACE, f"{channel}:{root}")]:
        return "That is a thread of mine already."
    try:
        async for _ in replies(link.calls, f"{channel}:{root}", limit=1):
            break
    except SlackRefused as error:  # what cannot be read there cannot be answered there
        return barred(channel, error)
    return ""
