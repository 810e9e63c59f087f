"""Names of code that a plan or a diff speaks of: functions, types, configuration keys. By rules, no model."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

MOST = 300
"""Names of one kind that are kept."""
_SHORTEST = 4
_EVERYWHERE = """
__init__ __main__ args async await build catch class close config const content context create data default
delete else error except false file files from function handle handler help import index init input kwargs
list load main make name none null open output parse path print process read render request response result
return run save self send setup start state static status stop test tests text this true type update user
utils value version write
"""
_COMMON = frozenset(_EVERYWHERE.split())
"""Shared by strangers everywhere: no sign that two changes have to do with each other."""
_SPAN = re.compile(r"`([^`\n]{2,80})`")
_WORD = re.compile(r"(?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?P<call>\()?")
_HUMP = re.compile(r"[a-z0-9][A-Z]|[A-Za-z0-9]_[A-Za-z0-9]|^_+[A-Za-z]")
_DEFINES = re.compile(
    r"^\s*(?:(?:export|default|public|private|protected|static|async|abstract|final|unsafe|inline"
    r"|pub(?:\([^)]*\))?)\s+)*"
    r"(?:def|class|function|func|fn|type|struct|enum|interface|trait|const|let|var|module)\s+"
    r"(?:\([^)]*\)\s*)?(?P<name>[A-Za-z_]\w*)"
)
_CONSTANT = re.compile(r"^(?P<name>[A-Z][A-Z0-9_]{3,})\s*[:=]")
_KEY = re.compile(r"""^\s*["']?(?P<name>[A-Za-z_][\w.-]*)["']?\s*[:=](?!=)""")
_SETTINGS = (".toml", ".json", ".yaml", ".yml", ".ini", ".cfg", ".env", ".properties")
_FILE = re.compile(r"\.(?:py|js|ts|tsx|jsx|go|rs|rb|java|c|h|cpp|md|txt|toml|json|ya?ml|sh|css|html|sql)$")
_HUNK = re.compile(r"^@@ [^@]* @@ ?(?P<context>.*)$")

_JOINED = tuple(f"{side}/.codebutler/{name}/" for side in "ab" for name in ("memory", "journals"))


class Names(Struct, frozen=True):
    """``owns``: what is defined or changed there, ``uses``: what is only called. ``lines`` were changed."""

    owns: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    lines: int = 0


def of_prose(text: str) -> frozenset[str]:
    """Names in a plan's words: in backticks, before a parenthesis, with an underscore or a hump."""
    text = text[:40_000]
    quoted = {n for span in _SPAN.findall(text) if "/" not in span for n in _words(span, every=True)}
    return _telling(quoted | _words(text))


def _words(code: str, *, every: bool = False) -> set[str]:
    """Words that look like names in code, or every one; of a dotted one also its last part."""
    found = set[str]()
    for hit in _WORD.finditer(code):
        word, last = hit["word"], hit["word"].rpartition(".")[2]
        if _FILE.search(word):
            continue
        if every or hit["call"] or _HUMP.search(last):
            found |= {last} if word.startswith(("self.", "cls.", "this.")) else {word, last}
    return found


def of_diff(diff: str) -> Names:
    """Names that a unified diff defines, changes or uses. A hunk's context is the function that it is in.

    Memory and journals do not count: they are joined at the merge.
    """
    owns, uses, lines, path = set[str](), set[str](), 0, ""
    for line in diff.splitlines():
        if line.startswith(("+++ ", "--- ")):
            path = line[4:].strip() if line[4:] != "/dev/null" else path
        elif (hunk := _HUNK.match(line)) is not None:
            if (inside := _DEFINES.match(hunk["context"][:500])) is not None:
                owns.add(inside["name"])
        elif line[:1] in {"+", "-"} and not path.startswith(_JOINED):
            lines += 1
            code = line[1:501]
            found = _defined(code, path)
            owns |= found
            uses |= _words(code)
    owned = _telling(owns)
    return Names(owned, _telling(uses - owned), lines)


def _defined(code: str, path: str) -> set[str]:
    patterns = (_DEFINES, _CONSTANT, *([_KEY] if path.endswith(_SETTINGS) else []))
    return {hit["name"] for p in patterns if (hit := p.match(code)) is not None}


def _telling(names: Iterable[str]) -> frozenset[str]:
    """Those that say something, at most ``MOST``, the longest first."""
    kept = {n for n in names if _SHORTEST <= len(n) <= 80 and n.lower() not in _COMMON}
    return frozenset(sorted(kept, key=lambda n: (-len(n), n))[:MOST])
