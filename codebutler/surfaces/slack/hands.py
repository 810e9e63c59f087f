"""Buttons, forms, commands: each verified for person, thread and staleness before it counts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from codebutler.surfaces.slack import blocks, home, slash, views
from codebutler.surfaces.slack.calls import SlackAway, SlackRefused
from codebutler.surfaces.slack.inbound import told_apart
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.used import decided, replace
from codebutler.surfaces.slack.verdicts import owner_of, refusal
from codebutler.surfaces.wording import gone, load
from codebutler.types import Inbound, Json

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

    from codebutler.surfaces.slack.link import Link

Ack = Callable[..., Awaitable[object]]


def register(app: AsyncApp, link: Link) -> None:
    """Tell bolt who handles what."""

    async def on_button(ack: Ack, body: Json) -> None:
        await press(link, body)
        await ack()

    async def on_form(ack: Ack, body: Json) -> None:
        problem = await views.submitted(link, body)
        await (ack(response_action="errors", errors=problem) if problem else ack())

    async def on_command(ack: Ack, body: Json) -> None:
        await ack(response_type="ephemeral", text=await slash.command(link, body))

    async def on_shortcut(ack: Ack, body: Json) -> None:
        await slash.hand_over(link, body)
        await ack()

    _register_events(app, link)
    app.command(slash.COMMAND)(on_command)
    app.shortcut(slash.HAND_OVER)(on_shortcut)
    app.shortcut(re.compile(".*"))(_nothing)
    app.action(re.compile(f"^{re.escape(blocks.ACTION)}"))(on_button)
    app.action(re.compile(".*"))(_nothing)
    app.view(re.compile(f"^{re.escape(blocks.ACTION)}"))(on_form)


async def _nothing(ack: Ack) -> None:
    await ack()


def _register_events(app: AsyncApp, link: Link) -> None:
    async def on_event(event: Json) -> None:
        await link.event(event)

    async def on_home(event: Json) -> None:
        if event.get("tab") == "home":
            link.later(home.publish(link, str(event.get("user", ""))))

    async def on_join(event: Json) -> None:
        if event.get("user") == (await link.us()).user:  # what was said there meanwhile is unheard
            link.hello.set()

    for kind in ("message", "app_mention", "reaction_added"):
        app.event(kind)(on_event)
    app.event("app_home_opened")(on_home)
    app.event("member_joined_channel")(on_join)
    app.event(re.compile(".*"))(_nothing)


async def press(link: Link, body: Json) -> None:
    """A button was pressed: it counts, opens a form, or the person is told why not."""
    container, user = body.get("container") or {}, str((body.get("user") or {}).get("id", ""))
    message = body.get("message") or {}
    channel = str(container.get("channel_id") or (body.get("channel") or {}).get("id") or "")
    ts = str(container.get("message_ts") or message.get("ts") or "")
    action = (body.get("actions") or [{}])[0]
    pressed = blocks.pressed(action)
    said = pressed.conversation.partition(":")[2] if pressed is not None else ""
    root = str(message.get("thread_ts") or container.get("thread_ts") or said or ts)
    found = await owner_of(link, f"{channel}:{root}")
    if pressed is None or found is None or pressed.conversation != f"{channel}:{root}":
        return  # not ours, or carried over from another thread
    door, thread = found
    state = await load(door.store, thread)
    if why := refusal(door, state, pressed, user):
        link.later(door.whisper(channel, user, why, root))
        if gone(state, pressed.action, pressed.value, pressed.mark):
            replacing = replace(link, channel, ts, message, f"No longer open: {why}")
            link.later(door.buttons.replaced(pressed.conversation, ts, replacing))
        return
    if (form := views.asked(pressed, state, ts)) is not None:
        try:
            await link.calls.at_once("views.open", trigger_id=str(body.get("trigger_id", "")), view=form)
        except (SlackRefused, SlackAway) as error:
            link.log.info("no form for %s: %s", user, error)
            link.later(
                door.whisper(channel, user, "The form did not open. Press again, or say it here.", root)
            )
        return
    author = await door.person(user)
    what = told_apart(pressed.action, pressed.value)
    key = f"press:{channel}:{ts}:{action.get('action_ts') or body.get('trigger_id')}:{user}:{what}"
    await door.receive(
        Inbound(
            surface=SURFACE, external_id=pressed.conversation, key=key, author=author, action=pressed.action,
            value=pressed.value,
        )
    )  # fmt: skip
    label = str((action.get("text") or {}).get("text") or pressed.action)
    replacing = replace(link, channel, ts, message, decided(label, user))
    link.later(door.buttons.replaced(pressed.conversation, ts, replacing))
