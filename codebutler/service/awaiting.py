"""A merge that only waits for required checks: the word of whoever said it is remembered for this head."""

from __future__ import annotations

import re
from collections.abc import Sequence

from codebutler.events import MergeRequested
from codebutler.forges.github.checks import Check
from codebutler.thread.state import ThreadState

WORDS = (
    "#{number} is merged by itself once its checks have passed on `{head}`: {who} asked for it. That is off "
    "as soon as one fails, or something is said, done or pushed here. Say **cancel** to call it off."
)
_AWAITED = re.compile(
    r"required status checks?\b[^\n]*\b(?:expected|in progress|pending|queued)", re.IGNORECASE
)
_NAMED = re.compile(r'required status check "([^"\n]{1,200})"', re.IGNORECASE)


def awaited(state: ThreadState) -> MergeRequested | None:
    """The word to merge that GitHub refused for checks that are still to come, and for nothing else."""
    why = state.refused
    if not state.only_unmerged or _AWAITED.search(why) is None or "review" in why.lower():
        return None
    words = (event for _, _, event in reversed(state.live) if isinstance(event, MergeRequested))
    return next(words, None)


def have_come(state: ThreadState, checks: Sequence[Check]) -> bool:
    """Whether the checks that GitHub named are among those that have passed."""
    return set(_NAMED.findall(state.refused)) <= {each.name for each in checks if each.result == "passed"}
