"""Words that several events share."""

from __future__ import annotations

from typing import Literal, TypeAlias

Phase: TypeAlias = Literal["pm", "coder", "lead", "closed"]
Outcome: TypeAlias = Literal[
    "answered", "plan", "question", "pr", "done", "failed", "cancelled", "paused", "closed", "rewound"
]
Cap: TypeAlias = Literal["role", "thread", "tokens", "day", "person", "hour", "person_hour"]
"""One run of a role; a thread's dollars and tokens; a day's dollars, of all and of one; runs in an hour."""
