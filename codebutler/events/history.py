"""Going back, and going on twice: a thread rewound to one of its points, a thread forked from another's."""

from typing import Literal

from codebutler.types import Person, Record


class Rewound(Record):
    """A person took the thread back to point ``number``, which is the event ``to``.

    What later events did to transcripts, plans and questions is undone (thread.fold_past says which facts
    stay). ``commit`` is the branch's new tip, whose tree is the point's, and ``undone`` the tip before it;
    both are "" when the thread had no branch. ``files`` differ between base and ``commit``; ``changed`` did
    in the point itself. ``note`` joins the transcript of ``frame``. ``hold``: the point lies within a run,
    which goes on when a person says so.
    """

    kind: Literal["rewound"] = "rewound"
    message: int
    by: Person
    number: int
    to: int
    commit: str = ""
    undone: str = ""
    files: list[str] = []
    changed: list[str] = []
    frame: str = ""
    note: str = ""
    hold: bool = False


class Forked(Record):
    """All events before this one are copies from the log of ``thread``, up to its event ``to``.

    Money, pull request and branch of that thread are not this one's. ``commit`` is the work that was taken
    over ("" = none). ``frame``, ``note`` and ``hold`` as in ``Rewound``.
    """

    kind: Literal["forked"] = "forked"
    thread: str
    number: int
    to: int
    by: Person
    commit: str = ""
    frame: str = ""
    note: str = ""
    hold: bool = False
