"""Whether the words of an approving review are praise alone. Pure."""

from __future__ import annotations

import re

_PRAISE = """
a absolutely agreed all amazing and approve approved approving are awesome beautiful brilliant bravo
clean code cool excellent fantastic fine for from go good great happy here i is it it's job lgtm like
look looks looking love lovely me merge much my neat nice nicely now ok okay our perfect pr really sgtm
ship side so solid sounds stuff super sure sweet thank thanks that that's the this to ty very well with
work works yeah yep yes you your
"""
_WORDS = frozenset(_PRAISE.split())
"""None of them takes back, puts off or asks for anything: no "not", "but", "once", "fix" or "please"."""
_SIGN = re.compile(r":(?:\+1|rocket|tada|heart|white_check_mark|shipit|clap|100|fire|sparkles):")
_IDLE = " \t\r\n.,;:!'\"()*_~`-\u2013\u2014\u2026" + "👍🚀🎉✅❤💚🔥💯🙌👏✨🏆💪👌🙏🥳😀😊\ufe0f🏻🏼🏽🏾🏿"
"""What may stand between and behind them. A stop sign, a thumb down or a question mark may not."""
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def praises(text: str) -> bool:
    """Whether nothing in ``text`` has to be read before the merge that it approves."""
    words = _SIGN.sub("", text.lower().replace("\u2019", "'"))
    return _WORDS.issuperset(_WORD.findall(words)) and not _WORD.sub("", words).strip(_IDLE)
