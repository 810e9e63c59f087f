"""A run that nothing disturbed: what the others must come to, and where in it a kill is worth a run."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from codebutler.testing.aftermath import Landed

OUTSIDE = {
    "base_resolved", "checkpoint_made", "journal_committed", "memory_committed", "model_replied", "pr_merged",
    "pr_opened", "pr_updated", "pushed", "tool_finished", "worktree_ready", "worktree_removed",
}  # fmt: skip
"""Events of something that was done outside of the log: a kill right before it finds that done."""


@dataclass
class Undisturbed:
    """What a run without a kill left, and the kinds of its log with the times of their commits."""

    left: Landed
    kinds: list[str]
    commits: list[float]

    def row(self, kind: str, number: int = 1) -> int:
        """The seq of the ``number``-th event of a kind."""
        return [n for n, k in enumerate(self.kinds, 1) if k == kind][number - 1]

    def has(self, point: str) -> bool:
        """Whether ``point`` is in the log, and no other stands for it: rows of one commit go together."""
        side, row = point.split(":")
        at = int(row) - 1
        beside = at - 1 if side == "before" else at + 1
        known = dict(enumerate(self.commits))
        return at in known and known.get(beside) != known[at]

    def tells_more(self, point: str) -> bool:
        """Whether the disk differs here from what the kill at the gap's other end finds, for the first time.

        It does not where nothing is done in a gap: "before" the next commit is then "after" this one.
        """
        side, row = point.split(":")
        return side == "before" or int(row) in self._first_gaps()

    def _first_gaps(self) -> set[int]:
        """The rows before a gap in which something is done or shown, the first of each pair of kinds."""
        pairs: dict[tuple[str, str], int] = {}
        for row, (kind, after) in enumerate(itertools.pairwise(self.kinds), 1):
            if kind == "posted" or after in OUTSIDE:
                pairs.setdefault((kind, after), row)
        return set(pairs.values())
