"""What a message of ours looks like in Discord: embeds, buttons, and what is left of used ones."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

from codebutler.surfaces.buttons import Ending
from codebutler.surfaces.cutting import aligned, cut, lines_of, parser
from codebutler.surfaces.discord.inbound import SURFACE
from codebutler.surfaces.wording import choices, prefixed
from codebutler.text import fit
from codebutler.types import Choice, Json, Outbound

CONTENT = 1_900
"""Characters of a piece; Discord takes 2,000."""
EMBED = 3_800
"""Characters of an embed's text; Discord takes 4,096, and 6,000 over all embeds of a message."""
TITLE, FIELD, LABEL = 250, 1_000, 80
NAME = 100
"""Characters of a thread's name."""
JOINER = "\u200d"
"""What makes one picture of several."""
PIECES = 6
"""A text of more pieces goes as a file, after its beginning."""
ROW, ROWS = 5, 5
OPTION, IN_WORDS = 100, 99
BUTTON, FORM = "cb:", "cbf:"
"""How the ids of our buttons and forms begin."""
STYLES = {"primary": 3, "danger": 4, "plain": 2}
NOBODY: Json = {"parse": []}
"""Whatever a text says, nobody is called by it."""
COLOURS = {"planning": 0x5865F2, "coding": 0xFEE75C, "review": 0x57F287, "closed": 0x747F8D}
PLAIN = 0x5865F2


def digest(mark: str) -> str:
    """A message's mark, short enough for a button's id."""
    return hashlib.sha256(mark.encode()).hexdigest()[:16]


def nonce(mark: str, number: int) -> str:
    """What Discord knows the piece by, should it be posted again; 24 characters."""
    return hashlib.sha256(f"{mark}#{number}".encode()).hexdigest()[:24]


def name(title: str) -> str:
    """What a thread is called: one line, without characters that nobody sees or that turn others around."""
    return (
        "".join(c for c in " ".join(title.split()) if c.isprintable() or c == JOINER)[:NAME] or "CodeButler"
    )


def pieces(message: Outbound, *, mark: str, thread: str) -> tuple[list[Json], str]:
    """Bodies of Discord messages, buttons under the last; and a text that goes as a file, or ""."""
    if message.slot:
        return [card(message, thread)], ""
    text = without_tables(message.text)
    message = message.model_copy(update={"text": text})
    bodies = _rich(message) or [{"content": part} for part in cut(prefixed(message), CONTENT)]
    whole = ""
    if len(bodies) > PIECES:
        bodies, whole = bodies[:1], text
    bodies = bodies or [{"content": "…"}]
    bodies[-1]["components"] = _buttons(message, digest(mark))
    return bodies, whole


def _rich(message: Outbound) -> list[Json]:
    """Embeds for what is more than talk: a plan, a report."""
    if message.kind == "plan" and (plan := message.data.get("plan")):
        made = _plan(plan, message)
        if made is not None:
            return [made]
    if message.kind not in {"plan", "report"}:
        return []
    colour = COLOURS["planning" if message.kind == "plan" else "review"]
    who = prefixed(message.model_copy(update={"text": ""})).strip()
    bodies: list[Json] = [
        {"embeds": [{"description": part, "color": colour}]} for part in cut(message.text, EMBED)
    ]
    if bodies:
        bodies[0]["content"] = who
    return bodies


def _plan(plan: Json, message: Outbound) -> Json | None:
    """A plan with its title and fields; None when it does not fit into one embed."""
    steps = []
    for number, step in enumerate(plan.get("steps") or [], 1):
        refs = ", ".join(f"`{ref}`" for ref in step.get("refs") or [])
        steps.append(f"{number}. {step.get('text')}{f' ({refs})' if refs else ''}")
    files = ", ".join(f"`{file}`" for file in plan.get("files") or [])
    accepted = "\n".join(f"- {line}" for line in plan.get("acceptance") or [])
    given = (("Files", files), ("Accepted when", accepted), ("Workflow", str(plan.get("workflow") or "")))
    fields = [{"name": name, "value": value} for name, value in given if value]
    description = "\n".join([str(plan.get("summary") or ""), "", *steps]).strip()
    closing = message.text.rpartition("\n\n")[2]
    title = str(plan.get("title") or "Plan")
    if len(title) > TITLE or len(description) > EMBED or any(len(f["value"]) > FIELD for f in fields):
        return None
    embed = {"title": title, "description": description, "color": COLOURS["planning"], "fields": fields}
    who = prefixed(message.model_copy(update={"text": ""})).strip()
    return {"content": f"{who} {closing}".strip()[:CONTENT], "embeds": [embed]}


def told(words: str) -> Json:
    """What one person is told; more than a message holds goes into an embed."""
    words = without_tables(words)
    if len(words) <= CONTENT:
        return {"content": words}
    return {"content": "", "embeds": [{"description": fit(words, EMBED), "color": PLAIN}]}


def card(message: Outbound, thread: str) -> Json:
    """The status card: small, pinned, and edited often. Its footer names the thread."""
    words = next(iter(cut(message.text, EMBED)), "…")
    phase = next((name for name in COLOURS if words.startswith(f"**{name}")), "")
    embed = {"description": words, "color": COLOURS.get(phase, PLAIN), "footer": {"text": thread}}
    return {"content": "", "embeds": [embed], "components": []}


def is_card(message: Json, thread: str) -> bool:
    """Whether a message of ours is the thread's card."""
    return any((embed.get("footer") or {}).get("text") == thread for embed in message.get("embeds") or [])


def same(message: Json, body: Json) -> bool:
    """Whether a message that stands there is what ``body`` would post, apart from its buttons."""
    embeds = [(e.get("title") or "", e.get("description") or "") for e in message.get("embeds") or []]
    wanted = [(e.get("title") or "", e.get("description") or "") for e in body.get("embeds") or []]
    said = str(message.get("content") or "").strip()
    return said == str(body.get("content") or "").strip() and embeds == wanted


def _buttons(message: Outbound, mark: str) -> list[Json]:
    made: list[Json] = []
    asks, offered = message.kind == "question", choices(message)[: ROW * ROWS]
    if asks and len(offered) > ROW:
        return [_select(offered, mark), {"type": 1, "components": [_in_words(mark)]}]
    for number, choice in enumerate(offered):
        words = choice.label or choice.action
        label = _short(words, LABEL)
        custom = f"{BUTTON}{mark}:{number}"
        made.append({"type": 2, "style": STYLES[choice.style], "label": label, "custom_id": custom})
    made += [_in_words(mark)] if asks else []
    return [{"type": 1, "components": made[n : n + ROW]} for n in range(0, len(made), ROW)]


def _in_words(mark: str) -> Json:
    return {"type": 2, "style": STYLES["plain"], "label": "Answer in words", "custom_id": f"{BUTTON}{mark}:w"}


def _select(offered: Sequence[Choice], mark: str) -> Json:
    """Many answers to choose from."""
    options = [
        {"label": _short(choice.label or choice.action, OPTION), "value": str(number)}
        for number, choice in enumerate(offered)
    ]
    one = {"type": 3, "custom_id": f"{BUTTON}{mark}:s", "placeholder": "Choose an answer", "options": options}
    return {"type": 1, "components": [one]}


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"


def pressed(custom: str, chosen: Sequence[str] = ()) -> tuple[str, int] | None:
    """The digest of the message that a button stands under, and its number; None if it is none of ours.

    ``chosen``: what was chosen of a list. The number of the way to answer in words is ``IN_WORDS``.
    """
    mark, _, number = custom.removeprefix(BUTTON).partition(":")
    if number == "w":
        number = str(IN_WORDS)
    elif number == "s":
        number = next(iter(chosen), "")
    fine = custom.startswith(BUTTON) and len(mark) == 16 and number.isascii() and number.isdigit()
    return (mark, int(number)) if fine else None


def used(message: Json, words: str) -> Json:
    """A message with a line in the place of its buttons."""
    embeds: Sequence[Json] = message.get("embeds") or []
    line = {"description": words[:FIELD], "color": COLOURS["closed"]}
    return {"embeds": [*embeds[:9], line], "components": [], "allowed_mentions": NOBODY}


def decided(label: str, user: str) -> str:
    """Who decided what, and when, in the reader's own time zone."""
    return _line(label, f"<@{user}>")


def _line(label: str, who: str) -> str:
    return f"**{bare(label)}** · {who} · <t:{int(time.time())}:f>"


def ended(end: Ending) -> str:
    """What became of buttons that nobody pressed."""
    if end.by is None:
        return bare(end.words)
    return (
        decided(end.words, end.by.id) if end.by.surface == SURFACE else _line(end.words, bare(end.by.label))
    )


def bare(text: str) -> str:
    """One line without marks."""
    return " ".join("".join(c for c in text if c not in "*_`~|<>[]#\\").split())


def without_tables(markdown: str) -> str:
    """Discord knows no tables: they become columns in code."""
    from markdown_it.tree import SyntaxTreeNode

    if "|" not in markdown:
        return markdown
    lines = lines_of(markdown)
    for node in reversed(SyntaxTreeNode(parser().parse(markdown)).children):
        if node.type == "table" and node.map:
            body = aligned(node).replace("```", "'''")
            lines[slice(*node.map)] = ["```", *body.splitlines(), "```", ""]
    return "\n".join(lines)
