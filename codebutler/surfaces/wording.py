"""What doors with buttons share: who talks, what can be pressed, and whether it still counts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from codebutler.commands.typed import is_command
from codebutler.commands.words import normal
from codebutler.errors import CodeButlerError
from codebutler.events import parse
from codebutler.settings.shape import Access
from codebutler.store.store import Store
from codebutler.thread import lessons
from codebutler.thread.access import Act, may, who
from codebutler.thread.fold import fold
from codebutler.thread.state import ThreadState
from codebutler.thread.wish_words import edit_of
from codebutler.types import Choice, MemoryItem, Outbound, Person

ACTS: Mapping[str, Act] = {
    "approve": "approve", "refine": "approve", "code": "approve", "merge": "merge", "raise": "raise",
    "memory": "memory", "pick": "memory",
}  # fmt: skip
"""What not everybody may press, by its action: see ``thread.access``."""
LOOK = "Look at what was said here."
"""What a mention without words means where something was said."""


def not_theirs(access: Access, state: ThreadState, action: str, person: Person) -> str:
    """Why this is not for ``person`` to press, or ""."""
    act = ACTS.get(action)
    if act is None or may(access, state, person, act):
        return ""
    return f"Only {who(access, state, act)} decides in this thread."


def unsaid(error: CodeButlerError) -> str:
    """What a role gets in the place of earlier words that the platform did not give."""
    return f"(It could not be read: {error.message}. Say so, and ask for what you need of it.)"


def uncalled(text: str, mention: str) -> str:
    """The text without the mentions that called us, nor the comma or colon behind one; a regex says which."""
    return re.sub(rf"{mention}(?:[ \t]*[,;:!—](?=\s|$))?", "", text)


def for_itself(text: str) -> bool:
    """Whether a mention's words are a command: what was said before would only be its arguments."""
    return normal(text) in {"help", "threads"} or (text.startswith("/") and is_command(text))


def prefixed(message: Outbound) -> str:
    """The text with its role in front."""
    if not message.role:
        return message.text
    who = "PM" if message.role == "pm" else message.role.title()
    block = message.text.lstrip()[:1] in "#|`~>-*0123456789" or message.text[:2] == "  "
    gap = "\n\n" if block else " "
    return f"**{who}:**{gap}{message.text}"


def choices(message: Outbound) -> list[Choice]:
    """A message's choices, with those that open a form."""
    found = list(message.choices)
    if message.kind == "plan":
        found.insert(1, Choice(action="refine", label="Refine"))
    if message.data.get("items"):
        found.append(Choice(action="pick", label="Decide one by one"))
    return found


async def load(store: Store, thread: str) -> ThreadState:
    """The thread as it stands."""
    return fold(thread, ((r.seq, r.ts, parse(r.body)) for r in await store.events(thread)))


def at_work(state: ThreadState) -> bool:
    """Whether there is something to stop: a turn that has not ended, a plan or a question that waits."""
    return bool(state.unread or state.unended or state.plan_waits or state.question is not None)


def gone(state: ThreadState, action: str, value: str, mark: str) -> str:
    """Why what a button stands for cannot be done any more, or "". ``mark`` is its message's."""
    plan, question = state.plan, state.question
    match action:
        case "approve" | "refine" if plan is None or not state.plan_waits:
            return "This plan is no longer waiting for a decision."
        case "approve" if plan is not None and value != plan.hash:
            return f"That plan has been replaced. The one on the table is {plan.hash[:8]}."
        case "merge" if state.pr is None or state.pr_state != "open" or str(state.pr.number) != value:
            return "There is no such open pull request any more."
        case "memory" | "pick" if not state.memory:
            return "No memory items wait for a decision any more."
        case "answer" if question is None or f"question:{question.call_id}" not in mark:
            return "This question has been answered."
        case "raise" if state.limit is None or not state.halted.startswith("paused"):
            return "The thread does not stand at that cap any more."
        case _:
            return ""


def forgets(items: Sequence[MemoryItem]) -> frozenset[int]:
    """The numbers of those that are proposed to be forgotten."""
    return frozenset(number for number, item in enumerate(items, 1) if item.kind == "remove")


def field_label(items: Sequence[MemoryItem], number: int) -> str:
    """What stands above an item's field in a form."""
    item = items[number - 1]
    return f"{number}. {item.file}{': forget (empty: leave it)' if item.kind == 'remove' else ''}"


def decision(items: Sequence[str], values: Mapping[str, str], most: int, forget: Collection[int] = ()) -> str:
    """What a form of memory items says, in the memory command's words: the last word on each of them.

    A field takes ``most`` characters. The numbers in ``forget`` are of items that are to go: emptied, they
    stay.
    """
    kept, dropped, out = list[str](), list[str](), list[str]()
    lines = list[str]()
    for number, text in enumerate(items, 1):
        given = values.get(f"item{number}", text).strip()
        if not given:
            (kept if number in forget else dropped).append(str(number))
        elif given != text[:most].strip():
            lines.append(edit_of(number, " ".join(given.split())))
        else:
            (out if number in forget else kept).append(str(number))
    if len(dropped) == len(items):
        return "no"
    lines += [f"keep {' '.join(kept)}"] if kept else []
    lines += [f"remove {' '.join(dropped)}"] if dropped else []
    lines += [f"forget {' '.join(out)}"] if out else []
    return "\n".join([*lines, "yes"])


def to_edit(value: str, items: Sequence[MemoryItem]) -> int:
    """The number of the item that a button wants in other words; 0 if it is none, or of other items."""
    wish, fresh = lessons.pressed(value, items)
    found = re.fullmatch(r"edit (\d+)", wish)
    return int(found[1]) if found is not None and fresh and 0 < int(found[1]) <= len(items) else 0


def edited(items: Sequence[str], values: Mapping[str, str], most: int, forget: Collection[int] = ()) -> str:
    """What a form of one item says, in the memory command's words; "" shows the list."""
    number = next((n for n in range(1, len(items) + 1) if f"item{n}" in values), 0)
    if not number:
        return ""
    given = values[f"item{number}"].strip()
    if not given:
        return f"keep {number}" if number in forget else f"drop {number}"
    if given != items[number - 1][:most].strip():
        return edit_of(number, " ".join(given.split()))
    return f"forget {number}" if number in forget else f"keep {number}"
