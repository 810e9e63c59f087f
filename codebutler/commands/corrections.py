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
    r"(?:\s+(?:here|there|though))?(?:\s*[:;,.\u2013\u2014-]+\s*)"
    r"(?P<what>(?:(?<=:\s)|(?:it|that|this|they|there|we|our|its|the|in\s+fact|actually)\b).*\S)$",
    re.IGNORECASE | re.DOTALL,
)
"""In a thread that is closed, where no work can be meant, it need not be said about what."""


def correction(text: str, *, closed: bool) -> str:
    """Who was wrong, and what is right, as ``correct`` takes it; "" if ``text`` is none."""
    if (wrong := _WRONG_TOO.match(text)) is not None:
        return f"{wrong['role'] or 'pm'} {wrong['topic']}: {wrong['what']}"
    if (wrong := _WRONG.match(text)) is not None:
        return f"{wrong['role']} {wrong['what'].lstrip(': ')}"
    if closed and (wrong := _AT_THE_END.match(text)) is not None:
        return f"{wrong['role'] or 'pm'} {wrong['what']}"
    return ""
