"""Buttons, forms, commands: each verified for person, thread and staleness before it counts.

Discord wants a first answer within three seconds. What counts is in the store before it is given; where
that takes longer, the answer is put off, and edited later. A token that is over gives way to an
ordinary edit, or a direct message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.errors import CodeButlerError
from codebutler.surfaces.discord import forms, looks
from codebutler.surfaces.discord.doing import (
    ASK,
    EDIT,
    ONLY_THEM,
    PUT_OFF,
    PUT_OFF_EDIT,
    Doing,
    conversations,
)
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.discord.people import NOT_YOU
from codebutler.surfaces.discord.talks import keeps_out
from codebutler.surfaces.wording import choices, decision, edited, forgets, gone, load, not_theirs, to_edit
from codebutler.text import sentence
from codebutler.thread.state import ThreadState
from codebutler.types import Choice, Inbound, Json, Outbound, Person

if TYPE_CHECKING:
    from codebutler.surfaces.discord.hearing import Hearing
    from codebutler.surfaces.discord.link import Link

COMMAND, COMPONENT, COMPLETE, SUBMIT = 2, 3, 4, 5
SAID = {"refine": "on the plan", "answer": "answers"}
"""Forms whose words are said in the thread, and how they are shown there."""


async def interaction(link: Link, event: Json) -> None:
    """A person's doing that wants an answer."""
    doing, kind = Doing(link, event), int(event.get("type") or 0)
    try:
        await _done(doing, kind)
    except Exception as error:
        if kind != COMPLETE and doing.answered in {0, PUT_OFF}:  # its person sees that we think, or nothing
            link.later(doing.tell(_broke_off(error)))
        raise


def _broke_off(error: Exception) -> str:
    """What a person hears of a failure inside."""
    why = "whoever runs the service finds the cause in its log."
    if isinstance(error, CodeButlerError):
        why = sentence(error.message)
    return f"That broke off: {why} Look where things stand before you do it again."


async def _done(doing: Doing, kind: int) -> None:
    from codebutler.surfaces.discord import slash

    if kind == COMPONENT:
        await press(doing)
    elif kind == SUBMIT:
        await submitted(doing)
    elif kind == COMPLETE:
        await slash.complete(doing)
    elif kind == COMMAND:
        await slash.command(doing)


async def press(doing: Doing) -> None:
    """A button was pressed: it counts, opens a form, or the person is told why not."""
    which = looks.pressed(str(doing.data.get("custom_id")), doing.data.get("values") or [])
    if which is None:
        return
    for door, conversation, thread in await conversations(doing):
        found = await _behind(door, conversation, thread, which)
        if found is not None:
            await _pressed(doing, door, (conversation, thread), *found)
            return
    await doing.tell("That is no button of a thread that I know.")


async def _behind(
    door: Hearing, conversation: str, thread: str, which: tuple[str, int]
) -> tuple[Choice, str] | None:
    """The choice behind a button, and its message's mark."""
    for post in await door.store.posts(thread):
        mark = f"{thread}:{post.key}"
        if post.conversation == conversation and looks.digest(mark) == which[0]:
            if which[1] == looks.IN_WORDS:
                return Choice(action="answer", label="", value=""), mark
            offered = choices(Outbound.model_validate_json(post.payload))
            return (offered[which[1]], mark) if which[1] < len(offered) else None
    return None


async def _pressed(doing: Doing, door: Hearing, where: tuple[str, str], choice: Choice, mark: str) -> None:
    conversation, thread = where
    state, message = await load(door.store, thread), doing.event.get("message") or {}
    person = await doing.person(door)
    if why := gone(state, choice.action, choice.value, mark):
        over = doing.answer(EDIT, looks.used(message, f"No longer open: {why}"))
        await door.buttons.replaced(conversation, str(message.get("id")), over)
        return
    refused = await refusal(doing, door, state, choice.action, person)
    if why := refused or await keeps_out(door, person, conversation, thread):
        await doing.tell(why)
        return
    if (form := _form(choice, state)) is not None:
        await doing.answer(ASK, form)
        return
    said = Inbound(
        surface=SURFACE, external_id=conversation, key=f"press:{doing.id}", author=person,
        action=choice.action, value=choice.value,
    )  # fmt: skip
    if not _waits(state, said):
        await doing.within(door.receive(said), PUT_OFF_EDIT)
    decided = doing.answer(EDIT, looks.used(message, looks.decided(choice.label, person.id)))
    await door.buttons.replaced(conversation, str(message.get("id")), decided)


def _waits(state: ThreadState, said: Inbound) -> bool:
    """Whether the same person has just pressed it: a double click is one word, and raises a cap once."""
    wish = (said.action, said.value, said.author.surface, said.author.id)
    return any(wish == (m.action, m.value, m.author.surface, m.author.id) for m in state.unread.values())


def _form(choice: Choice, state: ThreadState) -> Json | None:
    """What a button opens, if it wants more than a press."""
    if choice.action == "refine":
        return forms.refine()
    if choice.action == "pick":
        return forms.pick(state.memory or [])
    items = state.memory or []
    if choice.action == "memory" and (number := to_edit(choice.value, items)) and items[number - 1].text:
        return forms.edit(items, number)
    if choice.action == "answer" and not choice.label:
        return forms.answer(state.question.call_id if state.question else "")
    return None


async def refusal(doing: Doing, door: Hearing, state: ThreadState, action: str, person: Person) -> str:
    """Why this person may not, or ""."""
    if not await doing.allowed(door):
        return NOT_YOU
    return not_theirs(door.access, state, action, person)


def _over(action: str, name: str, state: ThreadState) -> str:
    """Why a form comes too late, or "". ``name``: what it was opened for."""
    if action == "answer":
        fits = state.question is not None and forms.about(name, state.question.call_id)
        return "" if fits else "This question has been answered."
    if action in {"pick", "edit"} and state.memory and not forms.about(name, forms.listed(state.memory)):
        return "Other memory items wait for a decision by now."
    return gone(state, "pick" if action == "edit" else action, "", "")


async def submitted(doing: Doing) -> None:
    """A form came back: it counts, or the person is told why not."""
    action, _, name = str(doing.data.get("custom_id")).removeprefix(looks.FORM).partition(":")
    values = forms.values(doing.data)
    words = values.get(forms.FIELD, "").strip()
    for door, conversation, thread in await conversations(doing):
        state = await load(door.store, thread)
        person = await doing.person(door)
        why = _over(action, name, state) or await refusal(
            doing, door, state, "pick" if action == "edit" else action, person
        )
        why = why or await keeps_out(door, person, conversation, thread)
        if why:
            await doing.tell(f"{why}\n\nYou wrote:\n{words}" if words else why)
            return
        base = Inbound(surface=SURFACE, external_id=conversation, key=f"form:{doing.id}", author=person)
        if action in SAID:
            said = base.model_copy(update={"text": words})
        else:
            items = [item.text for item in state.memory or []]
            wish = words or (edited if action == "edit" else decision)(
                items, values, forms.INPUT, forgets(state.memory or [])
            )
            said = base.model_copy(update={"action": "memory", "value": wish})
        if action in SAID:  # the others would see what comes of it, and not why
            await doing.within(door.receive(said), PUT_OFF, {})
            quoted = "\n".join(f"> {line}" for line in words.splitlines())
            await doing.say(f"<@{person.id}> {SAID[action]}:\n{quoted}")
            return
        await doing.within(door.receive(said), PUT_OFF, {"flags": ONLY_THEM})
        await doing.tell("It is in the thread.")
        return
    await doing.tell("That thread is gone.")
