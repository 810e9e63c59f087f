"""What people should know of a reply besides its words: who gave it, and what is odd about its bill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codebutler.types import ModelReply

UNPRICED = "No price is known for {model}: its calls count as $0 against the caps."
IMPOSSIBLE = (
    "{model}'s provider states tokens or dollars that such a call cannot have: in their place our own "
    "estimate counts."
)


def remarks(reply: ModelReply, routes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(words, the name under which they are said once; "" for the words themselves).

    ``routes`` are the notices of routing so far: the first of them is news.
    """
    if reply.usd is None:
        yield UNPRICED.format(model=reply.model), ""
    if reply.impossible:
        yield IMPOSSIBLE.format(model=reply.model), f"notice:figures:{reply.model}"
    if routes:
        yield routes[0], "notice:route"
