"""Forms: what to change about a plan, and memory item by item."""

from __future__ import annotations

from collections.abc import Sequence

from codebutler.surfaces.discord.looks import FORM, digest
from codebutler.surfaces.wording import field_label
from codebutler.types import Json, MemoryItem

FIELD = "words"
INPUT = 4_000
MOST = 5
"""Fields of one form; more items are decided in words."""
LABEL = 45


def refine() -> Json:
    """What to change."""
    return _modal("refine", "Refine the plan", [_input(FIELD, "What should be different?", required=True)])


def answer(question: str) -> Json:
    """What to say to the question of that call."""
    return _modal(f"answer:{digest(question)}", "Answer", [_input(FIELD, "Your answer", required=True)])


def pick(items: Sequence[MemoryItem]) -> Json:
    """Each item to be kept, changed or emptied; in words where they are too many."""
    name = f"pick:{digest(listed(items))}"
    if len(items) > MOST:
        hint = "Such as: remove 2, edit 3: …, yes"
        return _modal(name, "What to remember", [_input(FIELD, hint, required=True)])
    fields = [_input(f"item{n}", field_label(items, n), item.text) for n, item in enumerate(items, 1)]
    return _modal(name, "What to remember (empty: drop)", fields)


def edit(items: Sequence[MemoryItem], number: int) -> Json:
    """One item, to be said in other words or emptied; the others stay as they are."""
    item = items[number - 1]
    drop = "" if item.kind == "remove" else " (empty: drop)"
    field = _input(f"item{number}", f"{field_label(items, number)}{drop}", item.text)
    return _modal(f"edit:{digest(listed(items))}", f"Edit item {number}", [field])


def listed(items: Sequence[MemoryItem]) -> str:
    """The items as a form numbers them."""
    return "\n".join(f"{item.file}\t{item.text}" for item in items)


def about(given: str, open_now: str) -> bool:
    """Whether a form, by the end of its id, is about what is open now: it may have been open for long."""
    return given == digest(open_now)


def _modal(action: str, title: str, fields: list[Json]) -> Json:
    rows = [{"type": 1, "components": [each]} for each in fields]
    return {"custom_id": f"{FORM}{action}", "title": title, "components": rows}


def _input(name: str, label: str, given: str = "", *, required: bool = False) -> Json:
    more = {"value": given[:INPUT]} if given else {}
    words = label if len(label) <= LABEL else f"{label[: LABEL - 1]}…"
    return {"type": 4, "custom_id": name, "style": 2, "label": words, "required": required, **more}


def values(data: Json) -> dict[str, str]:
    """What was filled in, by the field's name."""
    found: dict[str, str] = {}
    for row in data.get("components") or []:
        inside = [row["component"]] if row.get("component") else row.get("components") or []
        for each in inside:
            found[str(each.get("custom_id"))] = str(each.get("value") or "")
    return found
