"""After the pull request is open: what checks and reviewers find is mended on the same branch."""

from __future__ import annotations

from typing import Literal, TypeAlias

from codebutler.types import Person, Record

About: TypeAlias = Literal["checks", "review"]


class MendRequested(Record):
    """The branch of the open pull request is to be mended at ``head``; ``text`` is what was found there.

    ``message`` and ``by`` name the person who asked for it; 0 and None: its checks failed.
    """

    kind: Literal["mend_requested"] = "mend_requested"
    about: About
    head: str
    text: str
    message: int = 0
    by: Person | None = None


class MendBegun(Record):
    """The Coder's run ``frame`` sees to the oldest request that has had none."""

    kind: Literal["mend_begun"] = "mend_begun"
    frame: str
