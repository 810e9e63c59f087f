"""Text as people see it on the page: what a page hides must not reach a model as if a person had said it."""

from __future__ import annotations

import re
import unicodedata

CUT = 20_000
"""Characters of one text that are taken."""
_BLANK = re.compile(r"\A(?:[^\S\n]*\n)+|\A(?! {4}|\t)[^\S\n]+")
"""What comes before the first words, but for an indent that makes them code."""
_COMMENT = re.compile(
    r"<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<![A-Za-z][^>]*(?:>|\Z)", re.DOTALL
)
_NESTED = r"(?:[^\[\]\\]|\\.|\[(?:[^\[\]\\]|\\.)*\])*"
_TARGET = r"\((?:[^()\\]|\\.|\([^()]*\))*\)"
_IMAGE = re.compile(rf"!\[{_NESTED}\](?:{_TARGET}|\[[^\]]*\])?", re.DOTALL)
_QUOTED = r"(?:\"[^\"]*\"|'[^']*'|\([^()]*\))"
_REFERENCE = re.compile(
    rf"^ {{0,3}}\[(?:\^[^\]]+\]:.*(?:\n(?![ \t]*$).*)*|[^\]]+\]:\s*\S+(?:\s+{_QUOTED}|.*)[^\n]*)$",
    re.MULTILINE,
)
_TITLE = re.compile(rf"(\]\((?:<[^<>\n]*>|(?:[^()\s]|\([^()\s]*\))+))\s+{_QUOTED}\s*\)")
_HIDDEN_TAG = re.compile(
    r"<(picture|video|svg|script|style|template|noscript)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"</?[a-zA-Z](?:\"[^\"]*\"|'[^']*'|[^<>\"'])*(?:>|\Z)|</?[a-zA-Z][^<>]*(?:>|\Z)")
_INVISIBLE = {"\u00ad", "\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u3164", "\uffa0", "\u2800"}


def visible(text: str) -> str:
    """``text`` without HTML comments and tags, alt texts, link titles and definitions, zero-width signs."""
    text = "".join(char for char in text[: CUT * 4] if _shows(char))
    for pattern in (_COMMENT, _HIDDEN_TAG, _IMAGE, _REFERENCE):
        text = pattern.sub("", text)
    text = _TAG.sub("", _TITLE.sub(r"\1)", text))
    return _BLANK.sub("", re.sub(r"\n{3,}", "\n\n", text)).rstrip()[:CUT]


def title_of(text: str) -> str:
    """A title without signs that do not show: ``Vec<T>`` is no tag there, but shown as it was typed."""
    return " ".join("".join(char for char in text[:CUT] if _shows(char)).split())


def _shows(char: str) -> bool:
    """Whether a sign has a shape: not those of Unicode's tags, of zero width, or that turn the direction."""
    if char in "\n\t":
        return True
    if char in _INVISIBLE or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
        return False
    return unicodedata.category(char) not in {"Cf", "Cc", "Cs", "Co", "Cn"}
