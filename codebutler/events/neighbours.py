"""Threads beside each other: where they overlap, what landed meanwhile, and the way onto it."""

from typing import Literal

from codebutler.types import Person, Record


class OverlapFound(Record):
    """People of this thread and of ``other`` were told, in one commit, that the two get in each other's way.

    ``causes`` are ``conflict:PATH``, ``file:PATH``, ``directory:PATH`` and ``meaning:NAME``: each is told
    once to a pair.
    """

    kind: Literal["overlap_found"] = "overlap_found"
    other: str
    causes: list[str]


class NeighbourLanded(Record):
    """The pull request of ``other`` landed as ``commit``; ``files`` of it matter here."""

    kind: Literal["neighbour_landed"] = "neighbour_landed"
    other: str
    number: int
    commit: str
    files: list[str] = []


class IssueHeld(Record):
    """This thread is the one at work on these issues (``#12``, ``owner/name#12``, ``ENG-7``)."""

    kind: Literal["issue_held"] = "issue_held"
    issues: list[str]


class RebaseRequested(Record):
    """A person wants the branch brought onto its base branch as that is now."""

    kind: Literal["rebase_requested"] = "rebase_requested"
    message: int
    by: Person


class RebaseBegun(Record):
    """The branch goes from ``old`` onto ``onto``, and the Coder's run ``frame`` looks after it.

    ``conflicts`` are paths that the Coder must settle. ``frame`` "": there was nothing to bring in.
    """

    kind: Literal["rebase_begun"] = "rebase_begun"
    frame: str
    onto: str
    old: str
    conflicts: list[str] = []
