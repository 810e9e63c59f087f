"""In which order pull requests are merged, so that the fewest branches must be rebased."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from codebutler.thread.warning import Neighbour


def order(group: Sequence[Neighbour], clashes: Collection[frozenset[str]]) -> list[Neighbour]:
    """First who conflicts with nobody before it, and with the fewest of those that are left; then who shares
    the fewest files with them, then the smaller change, then the older pull request.

    Who conflicts with many comes last: it is rebased once, in place of each of the others.
    """
    left, line = list(group), list[Neighbour]()
    while left:
        first = min(left, key=lambda n: (_is_hit(n, line, clashes), *_cost(n, left, clashes)))
        left.remove(first)
        line.append(first)
    return line


def group_mark(group: Sequence[Neighbour]) -> str:
    """The same for the same threads in any order: two that become ready at once know different halves of each
    other, and must not tell people two orders.
    """
    return hashlib.sha256(" ".join(sorted(n.id for n in group)).encode()).hexdigest()[:12]


def _is_hit(one: Neighbour, line: Sequence[Neighbour], clashes: Collection[frozenset[str]]) -> bool:
    """It must be rebased anyway: let those go before it that need not be."""
    return any(frozenset({one.id, n.id}) in clashes for n in line)


def _cost(one: Neighbour, left: Sequence[Neighbour], clashes: Collection[frozenset[str]]) -> tuple[int, ...]:
    others = [n for n in left if n is not one]
    conflicts = sum(frozenset({one.id, n.id}) in clashes for n in others)
    files = sum(len(one.reach.changed & n.reach.changed) for n in others)
    return conflicts, files, one.reach.lines, one.reach.pr
