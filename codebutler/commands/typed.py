"""Whether words that begin with a command's name are that command, or a request that happens to begin so."""

from __future__ import annotations

import re
from collections.abc import Mapping

from codebutler.commands.builtin import REGISTRY, ROLES

_SHAPES: Mapping[str, str] = {
    "plan": r"[0-9a-f]{6,64}",
    "pr": r"#?\d+",
    "usd": r"\+?\$?\d+([.,]\d+)?\$?",
    "point": r"\d+",
    "model": r"\S*[\d/:]\S*|\w+",
    "decision": r"""(?x) yes | no | (keep|remove|drop) \s+ ([\d\s,\#]+|all|none) | edit \s+ \#?\d .*
        | add \s* (to\s+\S+)? : .* | revert \s+ \S+""",
    "role what": rf"({'|'.join(ROLES)})\s+\S.*",
}
"""What an argument looks like that is no prose. A command whose words are free is one only when bare."""


def is_command(text: str) -> bool:
    """Whether ``text`` is a command: with a slash by its name, else only if all that follows fits it."""
    name, _, rest = text.strip().removeprefix("/").partition(" ")
    known = {alias: d for d in REGISTRY.definitions for alias in (d.name, *d.aliases)}
    found = known.get(name.lower())
    if found is None:
        return False
    rest = rest.strip()
    fields = found.arguments.model_fields
    if text.strip().startswith("/") or not rest:
        return True
    shape = _SHAPES.get(" ".join(fields), "")
    return bool(shape) and re.fullmatch(shape, rest, re.IGNORECASE | re.DOTALL) is not None
