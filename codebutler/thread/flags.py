"""What people are pointed at in a pull request, in words."""

from __future__ import annotations

from codebutler.events import PrFlagged


def flagged(found: PrFlagged) -> str:
    """The flags as markdown; "" for none."""
    lines = ["Left to do, says this change:", *(f"- {x}" for x in found.todo)] if found.todo else []
    if found.risky:
        lines += [""] if lines else []
        lines += ["Look at these before you merge:", *(f"- {x}" for x in found.risky)]
    return "\n".join(lines)
