"""What a thread reaches into: files and names, of its plan and of its branch; and what two of them share."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from codebutler.events import PlanProposed
from codebutler.thread.names import Names, of_prose
from codebutler.thread.state import ThreadState

PATHS = 1_000
"""Files of a thread that others see; one that changes more overlaps with everybody anyway."""
_OURS = ".codebutler/"
_SLASH = re.compile("/")
KEY = "radar"


class Reach(Struct, frozen=True):
    """A thread as its neighbours see it. ``head`` is its branch's tip, ``base`` where that began ("" = none).

    ``planned`` are files that its plan names and ``changed`` those that its branch changes; ``owns`` and
    ``uses`` as in ``Names``. ``held`` are issues, ``lines`` the size of the change once that is known.
    """

    title: str = ""
    planned: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    owns: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    head: str = ""
    base: str = ""
    pr: int = 0
    lines: int = 0
    private: bool = False
    """Its title and branch are not for the people of other threads."""

    @property
    def paths(self) -> frozenset[str]:
        """All its files."""
        return self.planned | self.changed

    def with_names(self, names: Names) -> Reach:
        """With what its branch's diff has shown."""
        owns, uses = self.owns | names.owns, self.uses | names.uses
        return replace(self, owns=owns, uses=uses - owns, lines=names.lines)

    def dump(self) -> str:
        """For the thread's row."""
        told: dict[str, Any] = {}
        for name in ("title", "head", "base", "pr", "lines", "private"):
            if value := getattr(self, name):
                told[name] = value
        for name in ("planned", "changed", "owns", "uses", "held"):
            if value := getattr(self, name):
                told[name] = sorted(value)[:PATHS]
        return json.dumps({KEY: told} if told else {})


@lru_cache(maxsize=2_048)  # a look reads every open thread's row, and few have changed since the last
def load(data: str) -> Reach:
    """What ``dump`` wrote; the empty reach for anything else, such as a row of an older version."""
    try:
        told = json.loads(data)[KEY]
        lists = {
            n: frozenset(map(str, told.get(n, ()))) for n in ("planned", "changed", "owns", "uses", "held")
        }
        return Reach(
            title=str(told.get("title", "")),
            head=str(told.get("head", "")),
            base=str(told.get("base", "")),
            pr=int(told.get("pr", 0)),
            lines=int(told.get("lines", 0)),
            private=bool(told.get("private")),
            **lists,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Reach()


def reach(state: ThreadState) -> Reach:
    """What the thread's log says of it."""
    branch = state.worktree is not None and not state.removed and state.merged is None
    plan = state.plan if state.cancelled_at == 0 or branch else None
    return Reach(
        title=plan.plan.title[:80] if plan is not None and not _unplanned(state) else "",
        planned=frozenset() if plan is None or state.pr is not None else planned(plan),
        changed=frozenset(
            sorted(p for p in state.files if not p.startswith(_OURS))[:PATHS] if branch else ()
        ),
        owns=_spoken_of(plan) if plan is not None else frozenset(),
        held=frozenset(state.held),
        head=state.head if branch and state.worktree and state.head != state.worktree.base else "",
        base=state.worktree.base if branch and state.worktree else "",
        pr=state.pr.number if state.pr is not None and state.pr_state == "open" else 0,
    )


def _unplanned(state: ThreadState) -> bool:
    return state.approval is not None and state.approval.unplanned


def _spoken_of(proposed: PlanProposed) -> frozenset[str]:
    """Names of code in the plan's words, without those of its files."""
    plan = proposed.plan
    words = "\n".join([plan.title, plan.summary, *(step.text for step in plan.steps), *plan.acceptance])
    files = {path.rpartition("/")[2] for path in planned(proposed)}
    return of_prose(words) - files - {name.partition(".")[0] for name in files}


def planned(proposed: PlanProposed) -> frozenset[str]:
    """The files that a plan names; those that its steps point at where it names none."""
    refs = (ref for step in proposed.plan.steps for ref in step.refs)
    named = proposed.plan.files or [r for r in refs if "/" in r or "." in r]
    paths = (name.removeprefix("./").split(":")[0].strip() for name in named[:PATHS])
    return frozenset(path for path in paths if path and not path.startswith(_OURS))


def shared(one: Reach, other: Reach, *, names: bool, common: Iterable[str] = ()) -> set[str]:
    """Why the two may get in each other's way, as causes (events.OverlapFound), without a trial merge.

    Folders count only where no file does, and never the repo's top. ``names``: look at the meaning, too,
    without those that are ``common`` among the threads.
    """
    causes = {f"file:{path}" for path in one.paths & other.paths}
    if not causes:
        folders = _folders(one.paths) & _folders(other.paths)
        causes = {f"directory:{folder}" for folder in folders}
    if names:
        same = (one.owns & (other.owns | other.uses)) | (other.owns & one.uses)
        causes |= {f"meaning:{name}" for name in same - set(common)}
    return causes


def side_by_side(reaches: Mapping[str, Reach]) -> dict[str, list[str]]:
    """For each thread those that share a file with it, by one pass over the files of all."""
    by_path = defaultdict[str, list[str]](list)
    for thread, each in reaches.items():
        for path in each.paths:
            by_path[path].append(thread)
    found: dict[str, set[str]] = {thread: set() for thread in reaches}
    for group in by_path.values():
        for thread in group if len(group) > 1 else ():
            found[thread].update(group)
    return {thread: sorted(others - {thread}) for thread, others in found.items()}


def may_clash(one: Reach, other: Reach) -> bool:
    """Whether a trial merge could conflict: a file in both, or a path of one in the way of the other's.

    git also follows a renamed folder, so two that work in the same one count.
    """
    if not one.head or not other.head or one.head == other.head:
        return False
    mine, theirs = one.changed, other.changed
    if mine & theirs or _folders(mine) & _folders(theirs):
        return True
    return bool(_above(mine) & theirs or _above(theirs) & mine)


def _folders(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(path.rpartition("/")[0] for path in paths) - {""}


def _above(paths: Iterable[str]) -> set[str]:
    """Every folder above the paths."""
    return {path[: at.start()] for path in paths for at in _SLASH.finditer(path)}
