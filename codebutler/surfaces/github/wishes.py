"""What a comment asks of us: the words behind our name, outside of quotes and code."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from msgspec import Struct
from msgspec.structs import replace

from codebutler.commands import words
from codebutler.surfaces.github.visible import visible

_FENCE = re.compile(r"^ {0,3}(```+|~~~+).*?(?:^ {0,3}\1[^\n]*$|\Z)", re.DOTALL | re.MULTILINE)
_QUOTE = re.compile(r"^ {0,3}>.*$", re.MULTILINE)
_INDENTED = re.compile(r"^(?: {4}|\t).*@", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
BEGINS = frozenset({"plan", "implement", "respond", "review"})
"""What opens a thread where there is none."""


APPROVALS = frozenset({"approve", "go", "implement"})
_IDLE = re.compile(
    r"(?:\s|[.,;:!]|\b(?:please|this|that|it|now|thanks|thank|you|the|plan|pr|pull|request|issue)\b)*",
    re.IGNORECASE,
)
"""Words behind a command that change nothing about it."""
_MARK = re.compile(r"`?[0-9a-f]{8,64}`?", re.IGNORECASE)


DECIDES = APPROVALS | {"merge", "code", "raise", "retry", "resume", "memory", "rewind"}
"""What lands, spends or undoes something. A sentence that only speaks of it is no such command."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<![,:;\s])\s*\n\s*")
_FRIENDLY = re.compile(
    r"(?:@[\w-]+|[^\w\[\]]|\b(?:please|pls|thanks?|thank|you|thx|ok|okay|yes|yep|sure|great|good|nice|perfect|cool|awesome|"
    r"excellent|work|job|lgtm|looks|fine|all|to|for|me|us|so|now|then|and|hey|hi|hello|dear|done|approved|"
    r"ship|it|let'?s|go|ahead|agreed|this|that|is|very|well|much|\d+)\b)*",
    re.IGNORECASE,
)
"""Words before a command that change nothing about it."""
_HOLDS = re.compile(
    r"\b(?:not|never|\w+n['\u2019]t|dont|cannot|wont|if|when|once|unless|until|till|after|as soon as|in case|"
    r"provided|assuming|instead|rather|nobody|someone|somebody)\b",
    re.IGNORECASE,
)
"""Before a comma or colon: what makes the command a wish for another time, or for none."""


_FORBIDS = re.compile(
    r"\b(?:not|never|\w+n['\u2019]t|dont|cannot|wont|no\s+need\s+to)(?:\s+(?:please|yet|just|let|have|make|ask|tell|ever))*$",
    re.IGNORECASE,
)
"""Right before a command, any: it is not wanted."""


HELD_BACK = (
    'With "{words}" before it I take `{verb}` for no command: nothing was done. Say `@{name} {verb}` alone '
    "once you want it."
)


STRANGER = "Sorry, @<!-- -->{login}: only people with write access to this repository can give me work here."
NO_CODE = (
    "That is no code that I gave out for `{login}` within the last day. `/link NAME` in a chat gives one, "
    "with `{login}` for NAME; comment `@{name} link CODE` here then."
)


LINKED = "`{login}` is linked now: the code proves it."


class Wish(Struct, frozen=True):
    """``verb`` is the first word if it is a command's name, else ""; ``rest`` is what follows.

    ``before`` is the beginning of the sentence in which something is decided.
    """

    verb: str
    rest: str
    before: str = ""

    @property
    def merges(self) -> bool:
        """Whether it is one to merge: "please merge it" begins with no command's name."""
        return self.verb == "merge" or (not self.verb and words.merges(words.normal(self.rest)))

    def no_code(self, login: str, name: str) -> str:
        """What is answered to a "link" that proves nothing."""
        return NO_CODE.format(login=login, name=name)

    def linked(self, login: str) -> str:
        """What is answered to one that proves who somebody is."""
        return LINKED.format(login=login)

    def refusal(self, login: str, name: str) -> str:
        """What somebody who may not write is told; to link oneself is for everybody."""
        return self.no_code(login, name) if self.verb == "link" else STRANGER.format(login=login)


def wish_of(text: str, names: Iterable[str], commands: Collection[str]) -> Wish | None:
    """What is asked of one of ``names``; None when none of them is called."""
    shown = visible(text)
    heard = _without_indented(_FENCE.sub("", _QUOTE.sub("", shown)))
    bare = _CODE.sub(lambda found: " " * len(found[0]), heard)
    ours = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    call = rf"(?<![\w@/.`-])@(?:{ours})(?![\w-]|/)(?:\*{{1,2}}(?=[\s,:]))?[,:]?"
    called = re.search(call, bare, re.IGNORECASE)
    if called is None:
        return None
    rest = heard[called.end() :].strip()
    first, _, more = rest.partition("\n") if "\n" in rest.split(" ", 1)[0] else rest.partition(" ")
    word = first.strip(".,:;!*_").lower().removeprefix("/")
    wish = Wish("", rest)
    if (word in commands or word in BEGINS) and (word == "merge" or not wish.merges):
        wish = Wish(word, more.strip())  # "go ahead and merge" is no "go"
    before = _SENTENCE.split(bare[: called.start()])[-1].strip()
    if wish.merges or word in DECIDES or (wish.verb and _FORBIDS.search(before)):
        wish = replace(wish, before=before)
    return wish


def is_idle(said: str) -> bool:
    """Whether words behind a command are polite ones only."""
    return _IDLE.fullmatch(said) is not None


def held_back(wish: Wish, name: str) -> str:
    """What is answered where a sentence forbids a command, puts it off or only speaks of it, or ""."""
    if _FRIENDLY.fullmatch(wish.before):  # "" for what decides nothing and is not forbidden
        return ""
    apart = wish.before.rstrip("*_ ").endswith((",", ":", ";", "-", "\u2013", "\u2014"))
    if apart and _HOLDS.search(wish.before) is None:
        return ""
    return HELD_BACK.format(words=" ".join(wish.before.split())[-80:], verb=wish.verb or wish.rest, name=name)


def command_of(verb: str, said: str) -> str:
    """The command that a verb is with the words behind it.

    Nobody approves half a plan: an approval with a condition is for the PM, as in a chat.
    """
    if verb not in APPROVALS:
        return f"/{verb}" if is_idle(said) else f"/{verb} {said}"
    name = "approve" if verb == "implement" else verb
    if is_idle(said) or words.normal(f"{verb} {said}") in words.APPROVE:
        return f"/{name}"
    return f"/{name} {said}" if _MARK.fullmatch(said) else f"{verb} {said}"


def _without_indented(text: str) -> str:
    """Text without code that is told by its indent alone: the same indent in a list is no code."""
    if _INDENTED.search(text) is None:
        return text
    from markdown_it import MarkdownIt

    lines = text.split("\n")
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "code_block" and token.map is not None:
            first, end = token.map
            lines[first:end] = [""] * (end - first)
    return "\n".join(lines)
