"""The doctor's way through all parts: what breaks in one is a finding, and the others are looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from codebutler.errors import CodeButlerError
from codebutler.service.doctor_check import Check, problem

T = TypeVar("T")
_AGAIN = "Mend that, and ask the doctor again"


class Tour:
    """What was found so far, in order."""

    def __init__(self) -> None:
        """Nothing was looked at yet."""
        self.checks: list[Check] = []

    def has_problem(self, area: str) -> bool:
        """Whether one was found there."""
        return any(check.area == area and check.state == "problem" for check in self.checks)

    async def look(self, area: str, looking: Awaitable[Check | Sequence[Check]]) -> None:
        """Take in what a part finds."""

        async def whole() -> tuple[None, Sequence[Check]]:
            found = await looking
            return None, [found] if isinstance(found, Check) else found

        await self.find(area, whole(), None)

    async def find(self, area: str, looking: Awaitable[tuple[T, Sequence[Check]]], lost: T) -> T:
        """The same of a part that others need; ``lost`` takes the place of what it cannot say."""
        try:
            found, checks = await looking
        except Exception as error:  # noqa: BLE001 - whatever a machine can be like: the other parts are wanted
            self.checks.append(_broken(area, error))
            return lost
        self.checks += checks
        return found


def _broken(area: str, error: Exception) -> Check:
    if isinstance(error, CodeButlerError):
        return problem(area, error.message, error.fix or _AGAIN)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return problem(area, f"{where}{error.strerror}", _AGAIN)
    return problem(area, f"this check broke off ({type(error).__name__})", "Please report it")
