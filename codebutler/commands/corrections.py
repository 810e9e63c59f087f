"""How people say that a role was wrong, and what is right."""

from __future__ import annotations

import re

_WRONG = re.compile(
    r"^(?:the\s+)?(?P<role>pm|coder|lead|researcher|artist)\s+(?:was|is)\s+wrong(?:\s+about\s+)?"
    r"\s*(?P<what>[^:]*:.*\S)$",
    re.IGNORECASE | re.DOTALL,
)
"""A correction, once the work it is about is done: before that, it is for the role that is at work."""
_WRONG_TOO = re.compile(
    r"^(?:(?:the\s+)?(?P<role>pm|coder|lead|researcher|artist)\s+(?:was|is)|you\s+(?:were|are)|you['\u2019]re)\s+wrong\s+"
    r"about\s+(?P<topic>[^:;,.\n]{1,80}?)(?::|[;,.]|\s[\u2013\u2014-])\s+"
    r"(?P<what>(?:(?<=:\s)|(?:it|that|this|they|there|we|our|its)\b).*\S)$",
    re.IGNORECASE | re.DOTALL,
)
"""The same to the PM's face, or with another sign than a colon before a statement; no request for work."""
_AT_THE_END = re.compile(
    r"^(?:(?:no|sorry|hm+|actually)[\s,;.!]+)*"
    r"(?:(?:the\s+)?(?P<role>pm|coder|lead|researcher|artist)\s+(?:was|is)|you\s+(?:were|are)|you['\u2019]re"
    r"|(?:that|this|it|the\s+(?:answer|plan|summary|report))(?:\s+(?:was|is)|['\u2019]s))\s+"
    r"(?:(?:all|just|plain|simply|still)\s+)?(?:wrong|incorrect|mistaken|not\s+(?:right|true|correct))"
    r"(?:\s+(?:here|there|though))?(?P<sign>\s*[:;,.!\u2013\u2014]+\s*|\s+-+\s+)(?P<what>.*\S)$",
    re.IGNORECASE | re.DOTALL,
)
"""In a thread that is closed, where no work can be meant, it need not be said about what."""
_STATED = re.compile(
    r"(?:it|that|this|they|there|we|our|its|the|in\s+fact|actually)\b.*\S", re.IGNORECASE | re.DOTALL
)
_ORDERED = re.compile(
    r"(?:(?:and|so|but|then|now|just|also|again|maybe|perhaps)\s+)*(?:(?:"
    r"please|pls|fix|try|change|make|redo|revert|undo|retry|rerun|add|remove|delete|drop|put|use|update|rewrite|write|check|"
    r"look|see|ask|tell|give|show|run|reopen|re-open|open|close|start|stop|do|don['\u2019]?t|go|get|take|keep|set|move|"
    r"rename|replace|correct|mend|repair|build|test|merge|rebase|find|read|think|say|help|call|send|let|lets|let['\u2019]s|"
    r"can|could|would|will|shall|should|is|are|was|were|does|did|has|have|had|may|might|am|"
    r"what|why|how|who|whose|which|where|when|i|i['\u2019]\w+|you|you['\u2019]\w+|sorry|thanks|thank|no|yes|ok|okay)\b"
    r"|(?!(?:all|both|half|in|on|at|for|from|with|to|of|under|since|after|before|by|per|as|only|even|during|among)\s)"
    r"[\w'\u2019-]+\s+(?:it|this|that|these|those|them|the|an?|your|my|me|us|its)\b)",
    re.IGNORECASE,
)
"""How orders, questions and small talk begin: an unknown verb before "the" or "it" is an order, too."""
_HOLDS = re.compile(
    r"(?:[^\s?!.,:;]+[ \t]+){1,8}?(?:(?:is|are|was|were|has|have|had|do|does|did|must|can|could|should|"
    r"would|will)(?:n['\u2019]?t)?|cannot|can['\u2019]t|won['\u2019]t|ain['\u2019]t|shall|may|might|always|never|no\s+longer|"
    r"(?:need|use|take|come|live|belong|run|cost|begin|start|end|mean|count|stand|stay|want|prefer|expect|work|hold|contain|"
    r"return|depend|weigh|get|make|keep|give|say|require|support|allow|land|follow|exist|matter|sit|read|write|call|"
    r"happen|ship|arrive|pay|show|look|accept|reject|refuse|ignore|include|store|save|deploy|release|send|speak|open|close)s?|"
    r"go(?:es)?|appl(?:y|ies)|carr(?:y|ies)|reach(?:es)?|pass(?:es)?)\b",
    re.IGNORECASE,
)
"""A few words, and a verb that says what is so of them."""
_ASKS = re.compile(r"\?\s*$|\b(?:please|pls|re-?open|(?:can|could|would|will)\s+you)\b", re.IGNORECASE)


def correction(text: str, *, closed: bool) -> str:
    """Who was wrong, and what is right, as ``correct`` takes it; "" if ``text`` is none."""
    if (wrong := _WRONG_TOO.match(text)) is not None:
        return f"{wrong['role'] or 'pm'} {wrong['topic']}: {wrong['what']}"
    if (wrong := _WRONG.match(text)) is not None:
        return f"{wrong['role']} {wrong['what'].lstrip(': ')}"
    wrong = _AT_THE_END.match(text) if closed else None
    if wrong is not None and (re.search(r":\s+$", wrong["sign"]) or _is_statement(wrong["what"])):
        return f"{wrong['role'] or 'pm'} {wrong['what']}"
    return ""


def _is_statement(text: str) -> bool:
    """Whether it says what is so, and neither asks nor orders anything."""
    if _STATED.fullmatch(text) is not None:
        return not text.rstrip().endswith("?")
    if _ASKS.search(text) is not None or _ORDERED.match(text) is not None:
        return False
    return (
        _HOLDS.match(text) is not None or re.match(r"(?:always|never)\s+\w", text, re.IGNORECASE) is not None
    )
