"""What a message of ours looks like in Slack: pieces with blocks, buttons, and what is left of used ones."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct

from codebutler.surfaces.cutting import cut
from codebutler.surfaces.slack.markup import escaped, guarded, mrkdwn
from codebutler.surfaces.wording import choices, prefixed
from codebutler.types import Choice, Json, Outbound

MARKDOWN = 9_000
"""Characters of a piece; Slack takes 12,000 in markdown blocks and 13,200 in all blocks of a message."""
TEXT = 3_900
"""Characters of the text beside blocks, which notifications and old clients show."""
WHOLE = 39_000
"""Characters of a text without blocks; Slack cuts at 40,000."""
SECTION = 2_900
LABEL = 75
VALUE = 1_500
CARRIED = 2_000
"""Characters of what a button carries, in all."""
ROW = 5
"""Buttons in a row."""
ROWS = 5
ACTION = "cb:"
"""How the names of our buttons begin."""
NO_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
"""Slack's words for blocks that it does not take."""
EVENT = "codebutler_post"
"""The kind of metadata that our messages carry."""


class Piece(Struct, frozen=True):
    """One Slack message. ``plain`` is what a server without markdown blocks takes in their place.

    ``text`` stands beside blocks, ``whole`` is all of it, for a server that takes none.
    """

    text: str
    blocks: list[Json] = []
    plain: list[Json] = []
    whole: str = ""

    @property
    def ways(self) -> tuple[list[Json], ...]:
        """The blocks to try, one after the other: where all are refused there are none."""
        return (self.blocks, self.plain, [])


class Pressed(Struct, frozen=True):
    """What a button of ours carries: the choice, and the conversation and message that it belongs to."""

    action: str
    value: str
    conversation: str
    mark: str


def pieces(message: Outbound, *, conversation: str, mark: str) -> list[Piece]:
    """The message as Slack messages; buttons stand under the last one."""
    if message.slot:
        return [_card(message)]
    buttons = _buttons(message, conversation, mark)
    parts = cut(prefixed(message), MARKDOWN) or ["…"]
    return [
        _piece(part, buttons if number == len(parts) else []) for number, part in enumerate(parts, start=1)
    ]


def _piece(markdown: str, buttons: list[Json]) -> Piece:
    words = mrkdwn(markdown) or escaped(markdown)
    sections = [_section(part) for part in cut(words, SECTION)][:40]
    block = {"type": "markdown", "text": guarded(markdown)}
    return Piece(shortened(words), [block, *buttons], [*sections, *buttons], shortened(words, WHOLE))


def _card(message: Outbound) -> Piece:
    """The status card: small, and edited often."""
    words = shortened(mrkdwn(message.text), SECTION)
    block = {"type": "context", "elements": [{"type": "mrkdwn", "text": words}]}
    return Piece(words, [block], [_section(words)])


def shortened(words: str, most: int = TEXT) -> str:
    """``words``, cut where no entity and no code is torn."""
    if len(words) <= most:
        return words
    first = cut(words, most - 10)[0][: most - 10]
    return f"{first} …"


def _section(words: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": words}}


def _buttons(message: Outbound, conversation: str, mark: str) -> list[Json]:
    offered = choices(message)[: ROW * ROWS]
    made = [_button(choice, number, conversation, mark) for number, choice in enumerate(offered)]
    return [{"type": "actions", "elements": made[n : n + ROW]} for n in range(0, len(made), ROW)]


def _button(choice: Choice, number: int, conversation: str, mark: str) -> Json:
    carried = {"v": choice.value[:VALUE], "c": conversation, "m": mark}
    while len(json.dumps(carried, ensure_ascii=False)) > CARRIED:  # what is escaped is longer
        carried["v"] = carried["v"][: len(carried["v"]) * 3 // 4]
    words = choice.label if len(choice.label) <= LABEL else f"{choice.label[: LABEL - 1]}…"
    button: Json = {
        "type": "button",
        "text": {"type": "plain_text", "text": words or choice.action},
        "action_id": f"{ACTION}{choice.action}:{number}",
        "value": json.dumps(carried, ensure_ascii=False),
    }
    return button if choice.style == "plain" else {**button, "style": choice.style}


def pressed(action: Json) -> Pressed | None:
    """What a pressed button carries; None if it is none of ours, or its value is not what we gave it."""
    name = str(action.get("action_id", ""))
    if not name.startswith(ACTION):
        return None
    try:
        carried = json.loads(str(action.get("value", "")))
        return Pressed(name.split(":")[1], str(carried["v"]), str(carried["c"]), str(carried["m"]))
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def used(blocks: Sequence[Json], words: str) -> list[Json]:
    """A message's blocks with a line in the place of its buttons. ``words`` is mrkdwn."""
    left = [_given(block) for block in blocks if block.get("type") != "actions"]
    return [*left, {"type": "context", "elements": [{"type": "mrkdwn", "text": words[:SECTION]}]}]


def _given(block: Json) -> Json:
    """A block without the name that Slack gave it."""
    return {key: value for key, value in block.items() if key != "block_id"}


def metadata(mark: str) -> Json:
    """What tells a message of ours from every other one."""
    return {"event_type": EVENT, "event_payload": {"mark": mark}}


def mark_of(message: Json) -> str:
    """The mark that a message carries, or ""."""
    given = message.get("metadata") or {}
    return str((given.get("event_payload") or {}).get("mark", "")) if given.get("event_type") == EVENT else ""
