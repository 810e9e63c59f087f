"""Forms: what to change about a plan, and memory item by item."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from codebutler.surfaces.slack.blocks import ACTION, Pressed
from codebutler.surfaces.slack.inbound import told_apart
from codebutler.surfaces.slack.intake import SURFACE
from codebutler.surfaces.slack.used import decided, replace_in
from codebutler.surfaces.slack.verdicts import owner_of, refusal
from codebutler.surfaces.wording import decision, edited, field_label, forgets, load, to_edit
from codebutler.types import Inbound, Json, MemoryItem

if TYPE_CHECKING:
    from codebutler.surfaces.slack.link import Link
    from codebutler.thread.state import ThreadState

REFINE, PICK, EDIT = f"{ACTION}refine", f"{ACTION}pick", f"{ACTION}edit"
FIELD, VALUE = "words", "given"
INPUT = 3_000
MOST = 40
"""Memory items in one form."""


def asked(pressed: Pressed, state: ThreadState, ts: str) -> Json | None:
    """The form that a press on the message ``ts`` opens; None if it is a decision by itself."""
    items = state.memory or []
    match pressed.action:
        case "refine":
            return refine(pressed)
        case "pick":
            return pick(pressed, items, state.marks, ts)
        case "memory":
            number = to_edit(pressed.value, items)
            return edit(pressed, items, number, ts) if number else None
        case _:
            return None


def refine(pressed: Pressed) -> Json:
    """What to change."""
    return _modal(
        REFINE, "Refine the plan", pressed.conversation, [_input(FIELD, "What should be different?")]
    )


def pick(pressed: Pressed, items: Sequence[MemoryItem], marks: Sequence[str], ts: str) -> Json:
    """Each item to be kept, changed or emptied. What ``marks`` say is dropped already is empty.

    ``ts`` is the message's whose buttons are used up by the form.
    """
    hint: Json = {"type": "mrkdwn", "text": "Change what you like. What you empty is dropped."}
    fields = [
        _input(
            f"item{number}", field_label(items, number), "" if "drop" in marks[number - 1 : number] else text
        )
        for number, text in enumerate(_texts(items)[:MOST], 1)
    ]
    about = f"{pressed.conversation} {_digest(items)} {ts}"
    return _modal(PICK, "What to remember", about, [{"type": "section", "text": hint}, *fields])


def edit(pressed: Pressed, items: Sequence[MemoryItem], number: int, ts: str) -> Json:
    """One item, to be said in other words or emptied; the others stay as they are."""
    text = _texts(items)[number - 1]
    hint: Json = {"type": "mrkdwn", "text": "Only this item changes. Emptied, it is dropped."}
    about = f"{pressed.conversation} {_digest(items)} {ts}"
    field = _input(f"item{number}", field_label(items, number), text)
    return _modal(EDIT, f"Edit item {number}", about, [{"type": "section", "text": hint}, field])


def _texts(items: Sequence[MemoryItem]) -> list[str]:
    """What each item says: the one that takes something out says what."""
    return [item.text or "; ".join(item.replaces) for item in items]


def _digest(items: Sequence[MemoryItem]) -> str:
    """Tells these items from others: the numbers of a form are those of its own."""
    return hashlib.sha256(json.dumps([item.model_dump() for item in items]).encode()).hexdigest()[:12]


def _modal(callback: str, title: str, about: str, parts: list[Json]) -> Json:
    return {
        "type": "modal",
        "callback_id": callback,
        "private_metadata": about,
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "Send"},
        "close": {"type": "plain_text", "text": "Back"},
        "blocks": parts,
    }


def _input(name: str, label: str, given: str = "") -> Json:
    element: Json = {"type": "plain_text_input", "action_id": VALUE, "multiline": True}
    if given:
        element["initial_value"] = given[:INPUT]
    optional = {"optional": True} if name != FIELD else {}
    return {
        "type": "input", "block_id": name, "label": {"type": "plain_text", "text": label[:150]},
        "element": element, **optional,
    }  # fmt: skip


async def submitted(link: Link, body: Json) -> Mapping[str, str]:
    """A form came back: it counts, or what is wrong with it stands beside its field."""
    view, user = body.get("view") or {}, str((body.get("user") or {}).get("id", ""))
    conversation, digest, ts, *_ = [*str(view.get("private_metadata", "")).split(" "), "", ""]
    form = str(view.get("callback_id", ""))
    values = _values(view)
    first = next(iter(values), FIELD)
    found = await owner_of(link, conversation)
    if found is None:
        return {first: "This thread is gone."}
    door, thread = found
    state = await load(door.store, thread)
    action = "memory" if form == EDIT else form.removeprefix(ACTION)
    if why := refusal(door, state, Pressed(action, "", conversation, ""), user):
        return {first: why}
    if form in {PICK, EDIT} and digest != _digest(state.memory or []):
        return {first: "The items have changed meanwhile. Go back, and open the form again."}
    base = Inbound(
        surface=SURFACE,
        external_id=conversation,
        key=f"form:{view.get('id')}:{user}:{told_apart(form, ts, *values.values())}",
        author=await door.person(user),
    )
    if form == REFINE:
        if not values.get(FIELD, "").strip():
            return {FIELD: "Say what should be different."}
        await door.receive(base.model_copy(update={"text": values[FIELD].strip()}))
    else:
        items = state.memory or []
        is_one = form == EDIT
        wish = (edited if is_one else decision)(_texts(items), values, INPUT, forgets(items))
        await door.receive(base.model_copy(update={"action": "memory", "value": wish}))
        label = wish.partition(":")[0].capitalize() if is_one else "Decided one by one"
        replacing = replace_in(link, conversation, ts, decided(label, user))
        link.later(door.buttons.replaced(conversation, ts, replacing))
    return {}


def _values(view: Json) -> dict[str, str]:
    state = (view.get("state") or {}).get("values") or {}
    return {name: str((field.get(VALUE) or {}).get("value") or "") for name, field in state.items()}
