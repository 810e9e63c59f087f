"""Which issues a request is about, as it names them: GitHub's and Linear's, by address, number or key."""

from __future__ import annotations

import re
from collections.abc import Iterable

ADOPTED = "adopted:"
"""Begins the key of the message by which an issue's words come into a thread of a chat, before its id."""
AS_IT_STANDS = "#{number}, as it stands now: "
"""Begins that message, before the issue's title."""
MOST = 5
"""Issues of one request; more are a list, not a task."""
_VERB = (
    r"(?:plan|issues?|fix(?:es|ed)?|close[sd]?|resolve[sd]?|implements?|implement\b[^.!?\n#]{1,80}?\sfor"
    r"|work(?:ing)?\s+on|take\s+(?:on|up|care\s+of)|tackle|handle|address|deal\s+with"
    r"|(?:^|(?<=let's\s)|(?<=let\u2019s\s)|(?<=please\s)|(?<=now\s)|(?<=to\s))do)"
)
_NO_KEY = r"(?!(?:UTF|ISO|SHA|RFC|AES|RSA|CVE|TLS|PEP|IEEE|HTTP)-)"
"""What looks like a key of Linear's, and is known for something else."""
_LINKS = re.compile(
    r"https?://[\w.-]+/(?P<repo>[\w.-]+/[\w.-]+)/issues/(?P<number>\d{1,9})\b"
    r"|https?://linear\.app/[\w-]+/issue/(?P<linear>[A-Za-z][A-Za-z0-9]{0,9}-\d{1,7})\b"
    r"|(?<![\w/.-])(?P<there>[\w.-]+/[\w.-]+)#(?P<its>\d{1,9})\b"
    rf"|\b{_VERB}:?\s+(?:(?:the\s+)?issue\s+(?:number\s+|#|GH-)?|#|GH-)(?P<bare>\d{{1,9}})\b"
    rf"|\b{_VERB}:?\s+(?:(?:linear|issue)\s+)*{_NO_KEY}(?P<key>[A-Z][A-Z0-9]{{1,9}}-\d{{1,7}})\b",
    re.IGNORECASE,
)


def named_issues(text: str, doors: Iterable[str] = ()) -> list[str]:
    """The issues that ``text`` and the conversations ``doors`` (``owner/name#12``) are about, each once.

    ``#12`` is one of the thread's own repo, ``owner/name#12`` (lower case) of any, ``ENG-7`` one of Linear.
    """
    found = [door.lower() for door in doors if "#" in door]
    for hit in _LINKS.finditer(text[:20_000]):
        number = hit["number"] or hit["its"]
        if number:
            found.append(f"{(hit['repo'] or hit['there']).lower()}#{int(number)}")
        elif hit["bare"]:
            found.append(f"#{int(hit['bare'])}")
        elif (key := hit["linear"] or hit["key"]) and (hit["linear"] or key == key.upper()):
            found.append(key.upper())
    return list(dict.fromkeys(found))[:MOST]


def of_repo(issues: Iterable[str], remote_url: str) -> frozenset[str]:
    """The same, with an issue of the repo at ``remote_url`` as ``#12`` however it was named."""
    path = remote_url.removesuffix("/").removesuffix(".git").replace(":", "/").lower().split("/")
    own = "/".join(path[-2:])
    return frozenset(x.removeprefix(own) if x.partition("#")[0] == own else x for x in issues)
