"""What a message of Discord says: its words, what it forwards or asks, and an app's cards."""

from __future__ import annotations

import re

from codebutler.surfaces.discord.spelling import unmarked
from codebutler.surfaces.wording import uncalled
from codebutler.text import fit
from codebutler.types import Json

CARD = 2_000
"""Characters of an app's card."""
_MEMBER = re.compile(r"<@!?(\d+)>")


def words(event: Json, us: str) -> str:
    """All that a message says, with what it forwards and asks; of an app's, its cards: an alert is one."""
    said = plain(str(event.get("content") or ""), event, us)
    author = event.get("author") or {}
    app = (author.get("bot") or event.get("webhook_id")) and author.get("id") != us
    return "\n".join(filter(None, [said, *(_cards(event) if app else ()), *_forwarded(event), *_poll(event)]))


def plain(text: str, event: Json, us: str) -> str:
    """A message's text as its author saw it, without the mention that called us."""
    names = {str(user.get("id")): name_of(user, {}) for user in event.get("mentions") or []}
    called = uncalled(text, rf"<@!?{re.escape(us)}>")
    return unmarked(_MEMBER.sub(lambda found: f"@{names.get(found[1]) or found[1]}", called)).strip()


def name_of(user: Json, member: Json) -> str:
    """How a person is called here."""
    names = (member.get("nick"), user.get("global_name"), user.get("username"))
    return next((str(name) for name in names if name), "")


def forwarded_files(event: Json) -> list[Json]:
    """The files of what a message forwards."""
    return [file for each in _snapshots(event) for file in each.get("attachments") or []]


def _snapshots(event: Json) -> list[Json]:
    """What a forwarded message carries: the messages as they were, without their authors."""
    return [each.get("message") or {} for each in event.get("message_snapshots") or []]


def _forwarded(event: Json) -> list[str]:
    """Forwarded words, marked as such: a "go" among them is nobody's approval."""
    whole = [
        "\n".join(filter(None, [unmarked(str(each.get("content") or "")), *_cards(each)]))
        for each in _snapshots(event)
    ]
    return ["\n".join(["Forwarded:", *(f"> {line}" for line in each.splitlines())]) for each in whole if each]


def _cards(event: Json) -> list[str]:
    """What stands in embeds that somebody wrote; the preview of a link is not meant."""
    found = []
    for card in event.get("embeds") or []:
        if card.get("type", "rich") != "rich":
            continue
        fields = [f"{each.get('name')}: {each.get('value')}" for each in card.get("fields") or []]
        lines = [card.get("title"), card.get("description"), *fields, card.get("url")]
        found.append(fit(unmarked("\n".join(str(line) for line in lines if line)), CARD))
    return [each for each in found if each]


def _poll(event: Json) -> list[str]:
    """A poll's question and answers."""
    poll = event.get("poll") or {}
    asked = str((poll.get("question") or {}).get("text") or "")
    answers = [str((each.get("poll_media") or {}).get("text") or "") for each in poll.get("answers") or []]
    return ["\n".join([f"Poll: {asked}", *(f"- {answer}" for answer in answers if answer)])] if asked else []
