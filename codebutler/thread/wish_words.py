"""The words that decide on numbered items, taken apart: "keep 1-3, remove 4 please" is two orders. Pure."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Literal, TypeAlias

from msgspec import Struct

Verb: TypeAlias = Literal["keep", "drop", "both", "edit", "add", "yes", "no", "all"]

_WHOLE: dict[str, Verb] = {
    "yes": "yes", "keep all": "all", "yes to all": "all", "no": "no",
    "keep none": "no", "remove all": "no", "drop all": "no",
}  # fmt: skip
_LAST_WORDS = frozenset({"yes", "no", "all"})
_KEEPS = ("keep", "save")
_ALL = r"(?:them\s+all|it\s+all|all(?:\s+of\s+(?:them|these|those|it))?|everything)"
_WHOLLY_SAID = re.compile(rf"(?P<verb>keep|save|drop|remove)\s+{_ALL}", re.IGNORECASE)
_RANGE = r"#?\d{1,6}(?:\s*(?:-|\u2013|to)\s*#?\d{1,6})?"
_LIST = rf"{_RANGE}(?:(?:\s*[,;&]\s*(?:and\s+)?|\s+and\s+|\s+){_RANGE})*"
_CLAUSE = re.compile(
    rf"(?P<verb>(?:keep|save)\s+both|keep|save|remove|drop|forget|not)\s+(?P<rest>{_ALL}\s+(?:but|except(?:\s+for)?)\s+)?"
    rf"(?:memory\s+)?(?:(?:items?|numbers?|no\.)\s*)?(?P<numbers>{_LIST})",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"[\s,;.]*(?:\b(?:and|but|then)\b)?\s*(?:\bplease\b\s*)?", re.IGNORECASE)
_FIRST = re.compile(r"(?P<word>yes|no|ok|okay)\s*[,;:.!]\s*(?:but\s+)?(?=\S)", re.IGNORECASE)
_ANSWERED = re.compile(r"\d[^\S\n]+(?:yes|no)[\s.!]*$", re.IGNORECASE)
"""A yes or no right behind a number is said of that one: "drop 1, 2 yes" is no last word."""
_LAST = re.compile(r"[\s,]*(?:please)?[\s.!]*", re.IGNORECASE)
_HESITANT = re.compile(
    r"(?:(?:actually|h+m+|well|wait|(?:hold|hang)\s+on|no(?=\s*[,;.!]|\s+(?:wait|hold|sorry|actually))|sorry|"
    r"oops|oh|please|also|rather|never\s*mind|on\s+second\s+thoughts?|let['\u2019]?s|"
    r"(?:i|we)(?:['\u2019](?:ve|d)|\s+have|\s+should|\s+would)?(?:\s+changed?\s+(?:my|our)\s+minds?|\s+rather|\s+like\s+to)?|"
    r"(?:can|could|would|will)\s+(?:you|we))\b[\s,;:.!\u2026\u2013\u2014-]*)+",
    re.IGNORECASE,
)
"""How people begin who change their mind, or ask for it politely."""
_NO_AFTER_ALL = re.compile(
    r"(?:(?:h+m+|well|sorry|actually|on\s+second\s+thoughts?)\b[\s,;.:!\u2026\u2013\u2014-]*)+"
    r"no(?:pe)?(?:[\s,]+(?:thanks|thank\s+you|after\s+all))?[\s.!]*"
    r"|no(?:pe)?[\s,]+(?:actually|after\s+all)[\s.!]*",
    re.IGNORECASE,
)
"""A no with hesitation; an "oh no" or "wait, no" may be said of anything."""
_TRAILING = re.compile(
    r"(?:[\s,]+(?:after\s+all|again|instead|too|as\s+well|then|please|thanks|thank\s+you))*[\s.!?]*$",
    re.IGNORECASE,
)
_EDIT = re.compile(
    r"(?P<verb>edit|reword|change)\s+(?:(?:item|number)\s+)?#?(?P<number>\d+)"
    r"(?:(?P<mark>(?:\s+to)?\s*:|\s+to\s+(?:say|read)\b\s*:?|\s*[.)-])|(?=\s|$))(?P<text>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ADD = re.compile(
    r"add(?:\s+to\s+(?P<file>[\w-]+\.md|workflows|pm|lead|artist))?(?:\s*(?P<colon>:)|(?=\s|$))(?P<text>.*)",
    re.IGNORECASE | re.DOTALL,
)
_MORE = re.compile(
    r"\s*(?:[,;.]\s+|\n\s*)(?:(?:and|then|but)\s+)?(?:please\s+)?"
    r"(?=(?:keep|save|remove|drop|forget)\s+(?:(?:both|all|everything)\s|memory\s|items?\s|numbers?\s|no\.|#?\d)"
    r"|(?:edit|reword|change)\s+(?:(?:item|number)\s+)?#?\d|add(?:\s+to\s+[\w.-]+)?\s*:)",
    re.IGNORECASE,
)
"""Where another order may begin behind an item's new words."""
_WHOLLY = ":"
"""A second colon, from a form's field: all that follows is the item's new text."""
_NAMES_ONE = re.compile(
    r"(?:please\s+|ok(?:ay)?\W+|yes\W+(?:but\s+)?|no\W+)?(?:"
    r"(?:keep|save|edit|reword|change|move|put)\s+(?:(?:item|number)\s+)?#?(?P<number>\d{1,3})\s*,?\s+"
    r"(?:(?:to|into|in|with)\s+(?!\d)|(?:but|until|under|instead|if)\s)"
    r"|(?:(?:item|number)\s+)?#?(?P<what>\d{1,3})\s+(?:is|was|isn't|should|must|needs|sounds|reads|says)\s)",
    re.IGNORECASE,
)
_WORDED = re.compile(
    r"(?:please\s+)?(?:(?:edit|reword)\s+(?:(?:item|number)\s+)?#?(?P<number>\d{1,3})\s+"
    r"(?=[\"'\u201c\u201e\u00ab`]|(?-i:[^\W\d_a-z]))|(?:item\s+)?#?(?P<named>\d{1,3})\s*:\s)[^\n]+",
    re.IGNORECASE,
)
"""New words for an item, without the order or the colon that a change takes."""
_BECAUSE = re.compile(
    rf"(?:please\s+)?(?:keep|save|remove|drop|forget|skip|delete)\s+(?:(?:items?|numbers?)\s+)?(?P<numbers>{_LIST})"
    r"\s*[,;:.\u2013\u2014-]\s*(?:we|it|its|it['\u2019]s|i|they|that|this|these|those|there|because|since|as|not|no|too|"
    r"already|nobody)\b",
    re.IGNORECASE,
)
"""An order about items, and a reason for it."""
_VERBS = frozenset(
    ["yes", "no", "ok", "okay", "keep", "save", "remove", "drop", "delete", "skip", "forget", "not", "edit",
     "only", "just", "approve", "accept", "reject", "discard", "choose", "pick", "take", "want", "undo"]
)  # fmt: skip
_PLACES = frozenset(["first", "second", "third", "fourth", "fifth", "sixth", "last"])
_REST = frozenset(["rest", "others", "all", "everything"])
_ABOUT = _VERBS | _REST | _PLACES | frozenset(
    ["i", "we", "one", "ones", "two", "three", "but", "except", "and", "or", "then", "to", "through", "thru",
     "the", "item", "items", "number", "numbers", "please", "both", "with"]
)  # fmt: skip
_REASONS = frozenset(
    [":", "because", "as", "since", "it", "that", "which", "is", "was", "for", "so", "merge", "go", "thanks"]
)


class Order(Struct, frozen=True):
    """One thing to do. ``numbers`` are those named, or with ``others`` all that are not; none = all.

    A "yes" keeps what nobody dropped, an "all" what was dropped, too. ``negated``: said with a "not".
    """

    verb: Verb
    numbers: frozenset[int] = frozenset()
    others: bool = False
    text: str = ""
    file: str = ""
    negated: bool = False


def orders(text: str) -> list[Order]:
    """What ``text`` asks for, in order, a last word ("yes") last; none if it is no wish about items."""
    found = _said(text)
    if len(found) < 2:
        return found
    # "drop 2, keep all" keeps the others
    return [Order("yes") if order.verb == "all" else order for order in found]


def _said(text: str) -> list[Order]:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    found = [_line(line.removeprefix("- ")) for line in lines]
    if len(lines) > 1 and all(found) and all(map(_is_plain, lines)):
        return sorted((order for each in found for order in each), key=lambda o: o.verb in _LAST_WORDS)
    return _line(text.strip().removeprefix("- ")) or _mind_changed(text.strip())


def _mind_changed(text: str) -> list[Order]:
    """ "actually, drop 2 after all": only what names items, or all, for the same words begin much talk."""
    bare = unhesitant(text)
    whole = _whole(bare) if bare != text else None
    if whole is not None and " " in bare:  # "wait, yes" may be said of anything
        return [Order(whole)]
    found = _clauses(bare) if bare != text else []
    return found if all(order.numbers and order.verb in {"keep", "drop", "both"} for order in found) else []


def unhesitant(text: str) -> str:
    """The words without what people who change their mind, or ask politely, put around them."""
    begun = _HESITANT.match(text)
    return _TRAILING.sub("", text[begun.end() if begun else 0 :])


def is_no(text: str) -> bool:
    """Whether it is a mere no, said with hesitation: "hmm, actually no"."""
    return _NO_AFTER_ALL.fullmatch(text.strip()) is not None


def _whole(bare: str) -> Verb | None:
    if (said := _WHOLLY_SAID.fullmatch(bare)) is not None:
        return "all" if said["verb"].lower() in _KEEPS else "no"
    return _WHOLE.get(bare.lower())


def edit_of(number: int, text: str) -> str:
    """The words that give an item exactly this text, a line, whatever it reads like."""
    words = f"edit {number}: {text}"
    return words if len(orders(words)) == 1 else f"edit {number}:{_WHOLLY} {text}"


def is_spoken(text: str) -> bool:
    """Whether a message in the thread is a wish: with numbers, or with a colon; a mere "add x" is talk."""
    found = orders(text)
    is_bare = text.lower().strip(" .!") in _WHOLE
    return bool(found) and not is_bare and _is_plain(text.strip())


def is_about(text: str, count: int = 0) -> bool:
    """Whether a message is about numbered items, understood or not: it must not be taken for talk.

    ``count``: so many wait. Only their numbers make "keep 2 but in lead.md" such a message.
    """
    named = _NAMES_ONE.match(text.strip())
    if named is not None and 0 < int(named["number"] or named["what"]) <= count:
        return True
    if (merged := re.match(r"merge\W+(?:and|but)\s+", text.strip(), re.IGNORECASE)) is not None:
        return is_about(text.strip()[merged.end() :], count)
    reasoned = _BECAUSE.match(text.strip())
    if reasoned is not None and all(0 < int(n) <= count for n in re.findall(r"\d+", reasoned["numbers"])):
        return True
    worded = _WORDED.fullmatch(text.strip())
    if worded is not None and 0 < int(worded["number"] or worded["named"]) <= count:
        return True
    said = re.sub(r"\b(?:do\s+not|don['\u2019]?t)\b", "not", text.lower())
    words = re.findall(r"[^\W_]+|:", re.sub("[\U0001f44d\U0001f44e\u2705\u274c]", " yes ", said))
    lead = list(takewhile(lambda word: word.isdigit() or word in _ABOUT, words))
    numbers = [int(word) for word in lead if word.isdigit()]
    if len(numbers) > 1 and len(lead) == len(words) and 0 < min(numbers) <= max(numbers) <= count:
        return True  # "1 and 3"; a mere "2" may answer what the PM asked in its text
    aimed = bool(numbers) or any(word in _REST or (count and word in _PLACES) for word in lead)
    aimed = aimed and not _VERBS.isdisjoint(lead)
    return aimed and (len(lead) == len(words) or words[len(lead)] in _REASONS)


def _is_plain(line: str) -> bool:
    """An addition with its colon, a change with a mark behind its number; and whatever else is understood."""
    if (said := _edit(line)) is not None:
        return said["mark"] is not None or not said["text"].strip()
    added = _ADD.fullmatch(line)
    return added is None or added["colon"] is not None


def _line(line: str) -> list[Order]:
    whole = _WHOLE.get(line.lower().rstrip(" .!"))
    if whole is not None:
        return [Order(whole)]
    if words := _own_words(line):
        return words
    if re.fullmatch(r"keep\s+both[\s.!]*", line, re.IGNORECASE):
        return [Order("both")]
    return _clauses(line)


def _own_words(line: str) -> list[Order]:
    """A change or an addition: all that follows is the item's new text, up to orders that end the line."""
    if (said := _edit(line)) is not None:
        is_whole = (said["mark"] or "").endswith(":") and said["text"].startswith(_WHOLLY)
        text, more = (said["text"][1:].strip(), []) if is_whole else _parted(said["text"])
        return [Order("edit", frozenset({int(said["number"])}), text=text), *more]
    if (said := _ADD.fullmatch(line)) is not None:
        text, more = _parted(said["text"])
        return [Order("add", text=text, file=_file(said["file"] or "")), *more]
    return []


def _parted(text: str) -> tuple[str, list[Order]]:
    """An item's new words, and the orders behind them: "…, remove 2". What ends in a quote is all text."""
    for gap in _MORE.finditer(text):
        words, rest = text[: gap.start()].strip(), text[gap.end() :]
        if _is_plain(rest) and (more := _line(rest) or _mind_changed(rest)):
            return words, more
    return text.strip(), []


def _edit(line: str) -> re.Match[str] | None:
    """ "change 2" is said of much else: it takes a colon, or "to say"."""
    found = _EDIT.fullmatch(line)
    is_vague = found is not None and found["verb"].lower() == "change"
    return None if found is None or (is_vague and (found["mark"] or ".").strip() in set(".)-")) else found


def _file(name: str) -> str:
    return name if not name or name.endswith(".md") else f"{name.lower()}.md"


def _clauses(line: str) -> list[Order]:
    """Orders with numbers, one behind the other; none if anything else stands between them."""
    if _ANSWERED.search(line) is not None:
        return []
    found, at, last, said = list[Order](), 0, list[Order](), False
    line = re.sub(rf"^(?={_ALL}\s+(?:but|except)\s)", "keep ", line, flags=re.IGNORECASE)
    if (first := _FIRST.match(line)) is not None:
        at = first.end()
        last = [] if first["word"].lower() == "no" else [Order("yes")]  # "no, keep 2" is about 2
    while (clause := _CLAUSE.match(line, at)) is not None:
        again, said = said, clause["verb"].lower() == "not"
        found.append(_order(clause, found[-1].verb if found else "keep", again=again))
        at = clause.end()
        if _LAST.fullmatch(line, at):
            return [*found, *last]
        gap = _BETWEEN.match(line, at)
        at = gap.end() if gap is not None else at
    if found and line[at:].lower().rstrip(" .!") in _WHOLE:
        return [*found, Order(_WHOLE[line[at:].lower().rstrip(" .!")])]
    if at and _is_plain(line[at:]) and (words := _own_words(line[at:])):
        return [*found, *words, *last]
    return []


def _order(clause: re.Match[str], before: Verb, *, again: bool) -> Order:
    """``again``: the order before it was a "not", too; "not 2, not 3" is one wish for both."""
    said = " ".join(clause["verb"].lower().split())
    verb: Verb = "keep" if said in _KEEPS else "both" if said.endswith("both") else "drop"
    if said == "not":
        verb = before if again else "keep" if before == "drop" else "drop"
    numbers = set[int]()
    for first, end in re.findall(r"#?(\d+)(?:\s*(?:-|\u2013|to)\s*#?(\d+))?", clause["numbers"]):
        low, high = int(first), int(end or first)
        numbers |= set(range(low, high + 1)) if high - low < 100 else {low, high}
    return Order(verb, frozenset(numbers), others=clause["rest"] is not None, negated=said == "not")
