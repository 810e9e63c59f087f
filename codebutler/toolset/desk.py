"""What a tool may reach of the thread it works for, and how it ends a turn.

The thread's worker implements ``Desk``. Everything here is logged before it acts, and safe to call again
after a crash: a second call finds what the first one did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from codebutler.events import Outcome, SummaryWritten
from codebutler.findings import Checked, Report
from codebutler.types import ChecklistItem, Hands, MemoryItem, Plan, ToolResult
from codebutler.web.service import Web


class EndTurn(Exception):
    """The turn ends here; what waits is in the log already."""

    def __init__(self, outcome: Outcome, text: str = "") -> None:
        """``outcome`` is what people see of the turn; ``text`` explains a failure."""
        super().__init__(f"{outcome}: {text}" if text else outcome)
        self.outcome: Outcome = outcome
        self.text = text


class Site(Struct, frozen=True):
    """Where a call comes from. Providers reuse call ids, so ``key`` names the call within its thread."""

    frame: str
    role: str
    step: int
    call_id: str

    @property
    def key(self) -> str:
        """Unique in the thread, and the same again after a crash."""
        return f"{self.frame}:{self.step}:{self.call_id}"


class Studio(Protocol):
    """What the tools here need of a thread. Methods raise ToolFailed, or EndTurn."""

    async def draw(self, site: Site, request: str, files: list[str]) -> str:
        """The Artist's last word, and where its pictures are."""
        ...

    async def picture(
        self, site: Site, prompt: str, path: str, *, size: str, quality: str, background: str = "auto",
        sources: tuple[str, ...] = (), mask: str = "",
    ) -> ToolResult:  # fmt: skip
        """A picture that is bought, saved and shown in the thread."""
        ...

    async def save(self, name: str, path: str) -> str:
        """An attached file, or a picture of this thread, as a file of the worktree."""
        ...


class Desk(Protocol):
    """The thread as its tools see it. Methods raise ToolFailed with a message for the model, or EndTurn."""

    @property
    def web(self) -> Web:
        """Search and pages."""
        ...

    @property
    def studio(self) -> Studio:
        """Pictures and attachments."""
        ...

    async def hands(self) -> Hands:
        """The sandboxed executor: read-only on the base commit before approval, then the worktree."""
        ...

    async def call_server(self, server: str, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool of an MCP server of this thread."""
        ...

    async def show_output(self, site: Site, text: str) -> None:
        """Show what a command printed just now to who watches; it is not kept."""
        ...

    async def research(self, site: Site, topic: str, question: str, context: str) -> str:
        """Send a Researcher out; returns at once. Findings join the asker's transcript between its steps."""
        ...

    async def report(self, site: Site, report: Report) -> Checked:
        """A Researcher's findings, checked against the sources it met."""
        ...

    async def ask_person(self, site: Site, question: str, options: Sequence[str]) -> str:
        """The person's answer. Raises EndTurn("question") until there is one."""
        ...

    async def ask_pm(self, site: Site, question: str) -> str:
        """The PM's answer. Runs the PM; raises EndTurn when that waits for a person."""
        ...

    async def follow(self, site: Site, name: str) -> str:
        """Go by a workflow; returns its steps."""
        ...

    async def propose(self, site: Site, plan: Plan) -> str:
        """Put the plan before the person; returns what the model is told."""
        ...

    async def set_checklist(self, items: Sequence[ChecklistItem]) -> None:
        """Show the checklist."""
        ...

    async def notify(self, site: Site, text: str) -> None:
        """Post a message of the role into the thread."""
        ...

    async def checkpoint(self, message: str) -> str:
        """Save the worktree as a commit on the thread's branch; returns its SHA (unchanged: the old one)."""
        ...

    async def left_out(self) -> list[str]:
        """What the worktree holds and no commit takes in, a line each with the way out."""
        ...

    async def push(self) -> str:
        """Push the thread's branch; returns the SHA that the remote now has."""
        ...

    async def open_pr(self, title: str, body: str) -> str:
        """Open the thread's pull request, or find it; returns its address."""
        ...

    async def pr_status(self) -> str:
        """The pull request's state in a few lines."""
        ...

    async def log_text(self, path: str, limit: int) -> str:
        """The branch's history, newest first."""
        ...

    async def diff(self, base: str, path: str) -> str:
        """What the thread's branch changed since ``base`` ("" = the thread's base commit)."""
        ...

    async def read_memory(self, file: str) -> str:
        """A memory file as of the thread's base commit."""
        ...

    async def read_skill(self, name: str, file: str) -> str:
        """A skill of the thread's base commit, or a file of its folder."""
        ...

    async def propose_memory(self, items: Sequence[MemoryItem]) -> str:
        """Put lessons before the person; returns what the model is told of each."""
        ...

    async def write_summary(self, summary: SummaryWritten) -> None:
        """Keep the retrospective for the PR body and the report."""
        ...

    async def list_threads(self) -> str:
        """The repo's open threads, one a line."""
        ...
