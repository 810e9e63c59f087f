"""Words that several events share."""

from __future__ import annotations

from typing import Literal, TypeAlias

Phase: TypeAlias = Literal["pm", "coder", "lead", "closed"]
Outcome: TypeAlias = Literal[
    "answered", "plan", "question", "pr", "done", "failed", "cancelled", "paused", "closed", "rewound"
]
