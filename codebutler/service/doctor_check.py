"""One finding of the doctor."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Check(Struct, frozen=True):
    """What was looked at and how it is. A problem always has a fix."""

    area: str
    state: Literal["ok", "note", "problem"]
    text: str
    fix: str = ""


def ok(area: str, text: str) -> Check:
    """All is well."""
    return Check(area, "ok", text)


def note(area: str, text: str) -> Check:
    """It works, and a person should know this."""
    return Check(area, "note", text)


def problem(area: str, text: str, fix: str) -> Check:
    """It does not work."""
    return Check(area, "problem", text, fix)
