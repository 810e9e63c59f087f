"""Plain words that act like buttons, by what the thread waits for. A whole message must be the word."""

from __future__ import annotations

import re

from codebutler.commands import signs
from codebutler.commands.corrections import correction
from codebutler.commands.halts import halt
from codebutler.events import MessageReceived
from codebutler.thread.fold_memory import alone, apart, overtaken, unseen
from codebutler.thread.state import ThreadState
from codebutler.thread.taking_back import refuses_kept, refuses_waiting
from codebutler.thread.wish_words import is_about, is_no, is_spoken, orders

CANCEL = {
    "cancel", "stop", "abort", "nvm", "never mind", "nevermind", "forget it", "cancelar", "❌",
    "stop now", "stop right now", "stop right there", "stop there",
    *(f"{verb} {what}" for verb in ("cancel", "stop") for what in ("it", "this", "that")),
    *(
        f"{first}{comma} {please}stop" for first in ("no", "wait", "hey", "oh no") for comma in ("", ",")
        for please in ("", "please ")
    ),
}  # fmt: skip
PAUSE = {"pause", "pause it", "hold on", "pausa", "⏸", "⏸️"}
APPROVE = {
    "go", "go ahead", "yes", "y", "ok", "okay", "lgtm", "looks good", "approve", "approved", "proceed",
    "do it", "ship it", "dale", "sí", "si", "vamos", "👍", "✅", "confirm", "confirmed", "sounds good",
    "go for it", "let's go", "approve it", *(
        f"{fine}{comma} {then}" for comma in ("", ",")
        for fine in ("yes", "ok", "okay", "lgtm", "looks good", "sounds good", "great", "perfect")
        for then in ("go", "go ahead", "go for it", "do it", "ship it", "proceed", "approved")
    ),
}  # fmt: skip
RETRY = {"go", "go on", "go ahead", "retry", "try again", "again", "continue", "resume", "dale", "yes", "ok"}
REBASE = {"rebase", "rebase it", "update the branch"}
RESPOND = {
    "respond", *(
        f"{verb} the {what}" for verb in ("respond to", "answer", "address", "see to")
        for what in ("review", "reviews", "review comments")
    ),
}  # fmt: skip
"""For the reviews of an open pull request; before there is one they are mere words."""
LAND = {"merge", "merge it", "land it"}
"""Those that mean nothing else while there is no pull request yet: the Coder need not guess at them."""
SHUT = {"close", "close it", "close this", "close the thread", "close this thread"}
"""Where nothing is to land, they put the thread away: no request is as short as that."""
MERGE = LAND | {"ship it", "done", "dale", "🚀"} | SHUT
_FINE = (
    r"(?:yes|yep|ok|okay|sure|(?:great|perfect|nice|cool|fine|good)(?=\s*[,;:.!\u2013-])|lgtm|(?:all|sounds|looks)\s+(?:good|great|fine)"
    r"(?:\s+to\s+me)?|approved|done|thanks|thank\s+you|go(?:\s+ahead|\s+for\s+it)?)"
)
_CONSENT = re.compile(
    rf"(?:{_FINE}(?:[\s,;:.!\u2013-]+|$))*(?:(?:and|then|so|now|please|just|you\s+(?:can|may)|we\s+can|feel\s+free\s+to|"
    r"let['\u2019]?s)[\s,]+)*(?P<verb>merge|land|ship)(?P<what>\s+(?:it|this|that)|(?:\s+(?:it|this|that|the|our|your))?"
    r"\s+(?:pr|pull\s+request))?(?P<idle>[\s,;.!]+(?:now|then|please|thanks|thank\s+you))*"
)
"""A merge in more words than one, which say no more: neither a condition nor what else is to be done."""
_UNCLEAR = re.compile(r"(?:yes|yep)\b.*\S")
"""With a list that waits, nobody can tell what the "yes" is about."""
ALL = {
    "keep all", "save all", "all", "all of them", "yes to all", "yes all", "yes, all", *(
        f"{keep} {what}" for keep in ("keep", "save", "yes, keep", "ok, keep", "yes keep", "ok keep")
        for what in ("all", "all of them", "all of it", "them all", "it all", "everything")
    ),
}  # fmt: skip
"""What was dropped before, too."""
KEEP = ALL | {
    "yes", "y", "ok", "keep", "save", "dale", "sí", "si", "👍", "✅", "keep them",
    "okay", "lgtm", "looks good", "looks good to me", "sounds good",
}  # fmt: skip
DROP = {
    "no", "n", "none", "keep none", "discard", "nothing", "👎",
    "no thanks", "no, thanks", "no thank you", "no, thank you",
    "keep nothing", "remove all", "drop all", "none of them",
}  # fmt: skip
_DROPS = re.compile(
    r"(?:no(?:pe)?[\s,;.:!\u2013-]+)?(?:drop|remove|discard|delete|skip|reject)\s+"
    r"(?:it\s+all|all(?:\s+of\s+(?:them|it|these|those))?|them\s+all|these\s+all|everything)"
    r"|no(?:pe)?[\s,;.:!\u2013-]+(?:drop|remove|discard|delete|skip|reject|forget|keep\s+none\s+of)\s+(?:them|these|those)"
    r"|no(?:pe)?[\s,;.:!\u2013-]+(?:none(?:\s+of\s+(?:them|these|those))?|nothing)"
)
"""The same in more words, which are said of nothing else while a list waits."""
_SAVES, _GOES = re.compile(r"\b(?:keep|save)\b"), re.compile(r"drop|remove|discard|delete|skip|reject")
"""With a removal on the list they may be said of what it takes out: the list asks."""
CODE = {"code", "code it", "let the coder do it", "straight to the coder"}
"""While the PM's model is away."""
STOPS = dict.fromkeys(CANCEL, "cancel") | dict.fromkeys(PAUSE, "pause")
LOOKS = {word: word for word in ("points", "status", "usage", "threads", "help")} | {"cost": "usage"}
"""They change nothing, and mean the same at any moment but one: a question's answer may be such a word."""
AGAIN = re.compile(
    r"^(?:please\s+)?re-?open(?:\s+(?:this|it|again|the\s+thread))?(?:[\s,]+please)?"
    r"(?:[\s.!]*$|(?:\s*[,;:.!\u2013-]\s*(?:and|then|but)?\s+|\s*\n\s*|\s+(?:and|then|but)\s+|\s+(?=to\s))"
    r"(?P<wish>.*\S)\s*$)",
    re.IGNORECASE | re.DOTALL,
)
"""What stands behind the word is for the thread that goes on."""
_DOLLARS = r"\$?\s*(?P<usd>-?\d[\d.,]*)\s*(?:\$|usd|dollars?|bucks)?"
RAISE = re.compile(rf"^raise(?:\s+(?:by\s+)?{_DOLLARS})?$", re.IGNORECASE)
_THE_CAP = re.compile(
    rf"^(?:(?:yes|ok|okay|sure)[\s,]+)?raise(?:\s+(?:it|(?:the\s+)?(?:cap|limit|budget)))?(?:\s+(?:by\s+)?{_DOLLARS})?$"
)
"""At a cap there is nothing else that could be meant."""
ODD_RAISE = re.compile(r"^raise\s+(?:by\s+)?\$?(?P<usd>(?:to\s+\$?)?\S+)$", re.IGNORECASE)
"""At a cap: what is no number is then refused by the command, which says so."""
CHEAPER = {
    f"{use}{which}" for use in ("", "use ", "ok, ", "ok ", "yes, ", "yes ")
    for which in ("cheaper", "cheaper model", "a cheaper model", "the cheaper model", "the cheaper one")
}  # fmt: skip
AT_REST = APPROVE | RETRY | MERGE | KEEP | DROP | CODE | CHEAPER
"""Words that decide what a thread at rest waits for; to one at work they would be mere words."""
_POLITE = re.compile(r"^(?:(?:please|pls|plz|por favor)[\s,]+)+|(?:[\s,]+(?:please|pls|plz|por favor))+$")
BACK = re.compile(r"^(?P<verb>rewind|fork)(?:\s+(?:to\s+|from\s+)?(?:point\s+)?#?(?P<point>\d{1,6}))?$")


def read(state: ThreadState, text: str) -> tuple[str, str] | None:
    """(command, arguments) that ``text`` means now, or None for conversation."""
    word = normal(text)
    if (meant := _at_any_time(word, text)) is not None:
        return meant
    if (meant := _standing_still(state, word)) is not None:
        return meant
    if state.question is not None:
        return None
    if word in LOOKS:
        return (LOOKS[word], "")
    if word in REBASE and state.worktree is not None and not state.removed:
        return ("rebase", "")
    if state.halted and (meant := _while_halted(state, word)) is not None:
        return meant
    if state.plan_waits and state.plan is not None and word in APPROVE:
        return ("approve", state.plan.hash)
    return _stopping(state, word) or _ahead(word) or _after_pr(state, word, text)


def late(state: ThreadState, message: MessageReceived) -> tuple[str, str] | None:
    """What a word about proposed memory means that somebody else's word has overtaken: no conversation."""
    seq = _seq(state, message)
    bare = normal(message.text).strip("*_`")
    about = bare in KEEP | DROP or is_no(bare) or is_spoken(message.text)
    if seq and about and state.question is None and overtaken(state, seq, message.author):
        return ("memory", message.text.strip())
    return None


def _at_any_time(word: str, text: str) -> tuple[str, str] | None:
    if word in STOPS:
        return (STOPS[word], "")
    if (back := BACK.match(word)) is not None:
        return (back["verb"], back["point"] or "")
    if word in {"memory revert", "memory list"} or word.startswith("memory revert "):
        return ("memory", text.strip().partition(" ")[2])
    return None


def first(state: ThreadState, message: MessageReceived) -> str:
    """The command that a message begins with while the Coder is at work, before it says more; "" for none.

    Once that is obeyed, the same message is read as words.
    """
    if not state.coding or state.halted or state.question is not None or _seq(state, message) in state.begun:
        return ""
    found = halt(message.text)
    return "" if found is None or found.alone else found.command


def _stopping(state: ThreadState, word: str) -> tuple[str, str] | None:
    """More ways to say it, which mean nothing else while somebody is at work."""
    if state.halted or not (state.unended or state.coding):
        return None
    found = halt(word)
    return (found.command, "") if found is not None and found.alone else None


def _seq(state: ThreadState, message: MessageReceived) -> int:
    return next((s for s, m in state.unread.items() if m is message), 0)


def _standing_still(state: ThreadState, word: str) -> tuple[str, str] | None:
    bare = word.strip("*_`")
    if state.listed and state.memory and state.question is None and bare in KEEP:
        # the list was shown last, whatever the thread stands still for
        return ("memory", _all_or_nothing(bare, state))
    return ("retry", "") if state.paused_at and word in RETRY else None


def normal(text: str) -> str:
    """Lower case, single spaces; no quotes, stress, friendly signs, "please" or punctuation around it."""
    word = " ".join(signs.unnamed(text.lower()).split()).rstrip(" .!,;")
    return _POLITE.sub("", signs.alone(word).strip('*_`"“”„ ').rstrip(" .!,;"))


def _is_over(state: ThreadState) -> bool:
    """Nobody is at work on what was asked for: it is answered, or before people as a pull request."""
    return state.phase in {"lead", "closed"} or (state.outcome == "answered" and not state.plan_waits)


def _while_halted(state: ThreadState, word: str) -> tuple[str, str] | None:
    raised = RAISE.match(word)
    if raised is None and state.halted.startswith("paused: "):
        raised = _THE_CAP.match(word) or ODD_RAISE.match(word)
    if raised is not None:
        return ("raise", raised["usd"] or "1")
    if word in CHEAPER and state.limit is not None and state.limit.cheaper:
        return ("model", state.limit.cheaper)
    if word.startswith("model "):
        return ("model", word.removeprefix("model ").strip())
    if word in CODE and state.planless:
        return ("code", "")
    if word not in RETRY:
        return None
    return ("merge", "") if state.refused and not state.undone else ("retry", "")


def _ahead(word: str) -> tuple[str, str] | None:
    """A raise before a cap is reached: with a number, nobody means anything else by it."""
    raised = RAISE.match(word)
    return ("raise", raised["usd"]) if raised is not None and raised["usd"] else None


def _after_pr(state: ThreadState, word: str, text: str) -> tuple[str, str] | None:
    if state.phase == "closed" and (again := AGAIN.match(text.strip())) is not None:
        return ("reopen", again["wish"] or "")
    if _is_over(state) and (right := correction(text.strip(), closed=state.phase == "closed")):
        return ("correct", right)
    if state.memory and _looks_back(state):
        return _lands(state, word)
    if refuses_kept(state, text):
        return ("memory", text.strip() if refuses_waiting(text) else "no")
    if whole := _all_or_nothing(word.strip("*_`"), state):
        return ("memory", whole)
    if is_spoken(text) and _decides(state, text):
        return ("memory", text.strip())
    if state.memory and (is_about(text, len(state.memory)) or (_UNCLEAR.match(word) and merges(word))):
        return ("memory", "?")  # it is not understood, and changes nothing
    return _lands(state, word)


def _all_or_nothing(bare: str, state: ThreadState) -> str:
    """A word about the whole list that waits, or, to take all of it up again, about one turned down."""
    if not state.memory:
        return "keep all" if bare in ALL - {"all"} and state.set_aside and state.pr_state == "open" else ""
    takes_out = any(item.kind == "remove" for item in state.memory)
    if bare in KEEP:
        if takes_out and not _SAVES.search(bare):
            return "yes to all" if bare in ALL else "yes"
        return "keep all" if bare in ALL or takes_out else "yes"
    if bare in DROP or _DROPS.fullmatch(bare) or is_no(bare):
        return "drop all" if takes_out and _GOES.match(bare) else "no"
    return ""


def _looks_back(state: ThreadState) -> bool:
    """Whether the Lead is still at its list: what is said before people see it cannot be about it."""
    lead = state.frame("lead")
    runs = lead is not None and lead.ended is None and not state.halted
    return runs and unseen(state, state.seq + 1)


def merges(word: str) -> bool:
    """Whether a ``normal`` word is one to merge, whatever politeness or consent stands around it."""
    said = _CONSENT.fullmatch(word)
    return said is not None and (said["verb"] == "merge" or said["what"] is not None)


def _lands(state: ThreadState, word: str) -> tuple[str, str] | None:
    if merges(word) and word not in LAND:
        word = "ship it" if re.search(r"\bship\b", word) else "merge"
    is_open = state.pr is not None and state.pr_state == "open"
    if is_open and state.called_off and word in MERGE - LAND:
        return ("cancel", "")  # who has stopped it puts it away: nothing lands by that
    begun = state.outcome is not None or state.plan_waits or state.halted != "" or state.phase == "lead"
    if word in SHUT and begun and not is_open and not state.coding and state.phase != "closed":
        return ("cancel", "")
    is_refused = state.coding or (state.pr_state == "closed" and state.phase == "lead")  # in words
    lands = word in LAND
    is_refused = is_refused or alone(state) or (not state.plan_waits and bool(apart(state)))
    if word in RESPOND and is_open:
        return ("respond", "")
    if (word in MERGE and is_open) or (lands and is_refused):
        return ("merge", "")
    return None


def _decides(state: ThreadState, text: str) -> bool:
    """Whether there is a list that the wish is about, or was: who is late is told, and not left to the PM."""
    is_open = state.pr_state == "open"
    if state.memory or (state.set_aside and is_open):
        return True
    found = orders(text)
    if all(order.verb == "add" and order.file for order in found):
        return _is_over(state)  # who names a memory file means memory; a mere "add: …" may be about the work
    committed = bool(state.kept) and is_open and state.phase == "lead" and not state.plan_waits
    if state.kept and apart(state) and state.phase == "closed":  # it waits in a pull request of its own
        return all(order.verb == "drop" for order in found)
    return committed and all(order.verb != "add" for order in found)
