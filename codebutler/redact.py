"""The one place where secrets are taken out of text: what goes to log, chat, PR or a person passes here.

Two kinds go: every configured secret's value, also as base64, percent-encoded or JSON-escaped; and whatever
has the shape of a well-known token, wherever it came from. Names (git objects, UUIDs, paths) stay.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
SHORTEST = 6
"""A configured value with fewer characters would take ordinary words with it, so it is left alone."""

_TOKENS = (
    r"sk-(?:proj|svcacct|admin|or|ant)-[\w-]{12,}",
    r"sk-[A-Za-z0-9]{20,}",
    r"(?<![\w-])sk-(?=[\w-]*\d)[a-z]+-[\w-]{20,}",
    r"[sr]k_live_[A-Za-z0-9]{16,}",
    r"xox[abeprs]-[A-Za-z0-9-]{10,}",
    r"xapp-\d-[A-Za-z0-9-]{10,}",
    r"hooks\.slack\.com/(?:services|workflows)/[\w/]{16,}",
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"github_pat_\w{20,}",
    r"glpat-[\w-]{20,}",
    r"A(?:KIA|SIA)[0-9A-Z]{16}(?![0-9A-Za-z])",
    r"AIza[\w-]{35}",
    r"ya29\.[\w-]{20,}",
    r"GOCSPX-[\w-]{20,}",
    r"lin_(?:api|oauth)_[A-Za-z0-9]{20,}",
    r"hf_[A-Za-z0-9]{30,}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[\w-]{50,}",
    r"tvly-[\w-]{20,}",
    r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}",
    r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}",
)
"""Shapes start at a boundary; two of them stricter, so that no text can make the search quadratic."""
_PEM = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]+-----|\Z)"
_URL = r"(?P<scheme>://)[^\s/:@\"'<>]*:[^\s/@\"'<>]+@"
_HEADER = r"(?P<header>[Aa]uthorization[\"']?\s*[:=]\s*[\"']?(?:[Bb]asic|[Bb]earer|[Tt]oken)\s+)[^\s\"',]{6,}"
_BEARER = r"(?P<bearer>[Bb]earer\s+)(?=[^\s\"']*\d)[\w.~+/=-]{16,}"
_AWS = r"(?P<aws>(?:aws_secret_access_key|AWS_SECRET_ACCESS_KEY)[\"']?\s*[:=]\s*[\"']?)[\w/+=]{16,}"


class Redactor:
    """Takes known and well-shaped secrets out of text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """``secrets``: the values themselves. Blank and very short ones are left out."""
        values = sorted({form for s in secrets for form in _forms(s)}, key=len, reverse=True)
        tokens = rf"(?<![A-Za-z0-9])(?:{'|'.join(_TOKENS)})"
        parts = [*map(re.escape, values), _PEM, _HEADER, _AWS, _BEARER, _URL, tokens]
        self._pattern = re.compile("|".join(parts))

    def text(self, text: str) -> str:
        """``text`` with every secret replaced by ``MARK``; doing it twice changes nothing more."""
        return self._pattern.sub(_mark, text)


def _mark(found: re.Match[str]) -> str:
    if found.lastgroup is None:
        return MARK
    return found[found.lastgroup] + MARK + ("@" if found.lastgroup == "scheme" else "")


def _forms(secret: str) -> Iterator[str]:
    """The value as it may appear: plain, in a URL, in JSON, and inside base64 of something longer."""
    plain = secret.strip()
    if len(plain) < SHORTEST:
        return
    yield from (plain, quote(plain, safe=""), quote_plus(plain), json.dumps(plain)[1:-1])
    data = plain.encode()
    for shift in range(3):  # bytes before the value; only characters that it alone decides are kept
        whole = base64.b64encode(b"\0" * shift + data).decode()
        inner = whole[-(-8 * shift // 6) : 8 * (shift + len(data)) // 6]
        if len(inner) >= SHORTEST:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
