"""What is to be done about the checks of a pull request's head. Pure: nothing is asked or done here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from codebutler.forges.github.checks import Check

ATTEMPTS = 3
"""Runs of the Coder for failing checks before people are asked."""
PATIENCE = 900.0
"""Seconds that a job which was to run again gets to show it."""
Act: TypeAlias = Literal["nothing", "wait", "green", "rerun", "mend", "ask"]


class Again(Struct, frozen=True):
    """A job was to run again at ``at`` (unix time); ``mark`` is the result from before."""

    mark: str
    at: float


class Verdict(Struct, frozen=True):
    """What to do, with the checks that it is about. ``inherited`` are red on the base branch as well."""

    act: Act
    own: Sequence[Check] = ()
    inherited: Sequence[Check] = ()
    flaky: Sequence[Check] = ()


def verdict(
    checks: Sequence[Check],
    red_on_base: Collection[str],
    *,
    again: Mapping[str, Again],
    tried: Sequence[str],
    head: str,
    now: float,
) -> Verdict:
    """``again`` are the head's jobs that ran again, by name; ``tried`` the heads that Coders were sent to."""
    if not checks:
        return Verdict("nothing")
    failed = [check for check in checks if check.result == "failed"]
    pending = any(check.result == "running" for check in checks)
    if pending or any(_is_awaited(check, again, now) for check in failed):
        return Verdict("wait")
    flaky = [check for check in checks if check.result == "passed" and check.name in again]
    inherited = [check for check in failed if check.name in red_on_base]
    own = [check for check in failed if check.name not in red_on_base]
    if not own:
        whole = not inherited and all(check.result == "passed" for check in checks)
        return Verdict("green" if whole else "nothing", (), inherited, flaky)
    fresh = [check for check in own if check.job and check.name not in again]
    if fresh and not tried:
        return Verdict("rerun", fresh, inherited, flaky)
    act: Act = "ask" if head in tried or len(tried) >= ATTEMPTS else "mend"
    return Verdict(act, own, inherited, flaky)


def _is_awaited(check: Check, again: Mapping[str, Again], now: float) -> bool:
    """Whether it was to run again and shows the old result still."""
    asked = again.get(check.name)
    return asked is not None and asked.mark == check.mark and now < asked.at + PATIENCE
