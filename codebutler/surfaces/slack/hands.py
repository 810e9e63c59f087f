"""Buttons, forms, commands: each verified for person, thread and staleness before it counts."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from codebutler.events import parse
from codebutler.surfaces.slack import blocks, views
from codebutler.surfaces.slack.blocks import Pressed
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.markup import escaped
from codebutler.thread.fold import fold
from codebutler.thread.state import ThreadState
from codebutler.types import Inbound, Json

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

    from codebutler.surfaces.slack.hearing import Hearing
    from codebutler.surfaces.slack.link import Link

Ack = Callable[..., Awaitable[object]]
OWNERS = frozenset({"approve", "merge", "memory", "raise", "code", "refine", "pick"})
"""What only the thread's owner, or an admin, decides."""


def register(app: AsyncApp, link: Link) -> None:
    """Tell bolt who handles what."""

    async def on_event(event: Json) -> None:
        await link.event(event)

    async def on_button(ack: Ack, body: Json) -> None:
        await press(link, body)
        await ack()

    async def on_form(ack: Ack, body: Json) -> None:
        problem = await views.submitted(link, body)
        await (ack(response_action="errors", errors=problem) if problem else ack())

    async def nothing(ack: Ack) -> None:
        await ack()

    for kind in ("message", "app_mention", "reaction_added"):
        app.event(kind)(on_event)
    app.event(re.compile(".*"))(nothing)
    app.action(re.compile(f"^{re.escape(blocks.ACTION)}"))(on_button)
    app.action(re.compile(".*"))(nothing)
    app.view(re.compile(f"^{re.escape(blocks.ACTION)}"))(on_form)


async def press(link: Link, body: Json) -> None:
    """A button was pressed: it counts, opens a form, or the person is told why not."""
    container, user = body.get("container") or {}, str((body.get("user") or {}).get("id", ""))
    channel, ts = str(container.get("channel_id", "")), str(container.get("message_ts", ""))
    message = body.get("message") or {}
    root = str(message.get("thread_ts") or container.get("thread_ts") or ts)
    action = (body.get("actions") or [{}])[0]
    pressed = blocks.pressed(action)
    found = await owner_of(link, f"{channel}:{root}")
    if pressed is None or found is None or pressed.conversation != f"{channel}:{root}":
        return  # not ours, or carried over from another thread
    door, thread = found
    state = await load(door, thread)
    if why := refusal(door, state, pressed, user):
        link.later(door.whisper(channel, user, why, root))
        if gone(state, pressed):
            link.later(_replace(link, channel, ts, message, f"No longer open: {why}"))
        return
    if pressed.action in {"refine", "pick"}:
        form = (
            views.refine(pressed) if pressed.action == "refine" else views.pick(pressed, state.memory or [])
        )
        await link.calls.call("views.open", trigger_id=str(body.get("trigger_id", "")), view=form)
        return
    author = await door.person(user)
    key = f"press:{channel}:{ts}:{action.get('action_ts') or body.get('trigger_id')}:{user}"
    await door.receive(
        Inbound(
            surface=SURFACE, external_id=pressed.conversation, key=key, author=author, action=pressed.action,
            value=pressed.value,
        )
    )  # fmt: skip
    label = str((action.get("text") or {}).get("text") or pressed.action)
    link.later(_replace(link, channel, ts, message, decided(label, user)))


def decided(label: str, user: str) -> str:
    """Who decided what, and when, in the reader's own time zone."""
    now = int(time.time())
    clock = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    return f"*{escaped(label)}* · <@{user}> · <!date^{now}^{{date_short_pretty}} {{time}}|{clock}>"


async def _replace(link: Link, channel: str, ts: str, message: Json, words: str) -> None:
    """Put a line in the place of the message's buttons."""
    given = message.get("blocks") or []
    if any(block.get("type") == "actions" for block in given):
        await link.calls.call(
            "chat.update", channel=channel, ts=ts, text=str(message.get("text") or "…"),
            blocks=blocks.used(given, words),
        )  # fmt: skip


async def owner_of(link: Link, conversation: str) -> tuple[Hearing, str] | None:
    """The door and thread behind a conversation."""
    for door in link.doors:
        thread = await door.store.find(SURFACE, conversation)
        if thread is not None:
            return door, thread
    return None


async def load(door: Hearing, thread: str) -> ThreadState:
    """The thread as it stands."""
    return fold(thread, ((r.seq, r.ts, parse(r.body)) for r in await door.store.events(thread)))


def refusal(door: Hearing, state: ThreadState, pressed: Pressed, user: str) -> str:
    """Why this press does not count, or ""."""
    if not door.allows(user):
        return "You are not among the people who may use CodeButler here."
    owner = state.opened.owner if state.opened else None
    mine = owner is None or (owner.surface, owner.id) == (SURFACE, user) or user in door.settings.admins
    if pressed.action in OWNERS and not mine:
        return f"Only {owner.label if owner else 'the owner'} decides in this thread."
    return gone(state, pressed)


def gone(state: ThreadState, pressed: Pressed) -> str:
    """Why what the button stands for cannot be done any more, or ""."""
    plan, question = state.plan, state.question
    match pressed.action:
        case "approve" | "refine" if plan is None or not state.plan_waits:
            return "This plan is no longer waiting for a decision."
        case "approve" if plan is not None and pressed.value != plan.hash:
            return f"That plan has been replaced. The one on the table is {plan.hash[:8]}."
        case "merge" if state.pr is None or state.pr_state != "open" or str(state.pr.number) != pressed.value:
            return "There is no such open pull request any more."
        case "memory" | "pick" if not state.memory:
            return "No memory items wait for a decision any more."
        case "answer" if question is None or f"question:{question.call_id}" not in pressed.mark:
            return "This question has been answered."
        case _:
            return ""
