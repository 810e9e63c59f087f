"""A frame is one run of a role: its transcript, and the calls that still lack a result.

The transcript only ever grows at its end. Its messages are in OpenAI's wire form and are never changed
once they are in, so that request k is a prefix of request k+1 and providers' prompt caches hit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from codebutler.events import ModelReplied, Outcome, ToolFinished
from codebutler.types import Message, ToolCall


@dataclass(slots=True)
class OpenCall:
    """A tool call without a result. ``started``: it may have acted already."""

    call: ToolCall
    started: bool = False


@dataclass(slots=True)
class Frame:
    """The state of one run. ``due``: the role has something to react to."""

    id: str
    role: str
    messages: list[Message] = field(default_factory=list)
    calls: dict[str, OpenCall] = field(default_factory=dict)
    due: bool = False
    step: int = 0
    heard_at: int = 0
    """The step at which somebody last spoke: the budget of iterations starts anew there."""
    usd: float = 0.0
    busy: float = 0.0
    """Seconds of model calls and tools since somebody last spoke."""
    nudges: int = 0
    nudged: int = 0
    """All nudges of this run; ``nudges`` counts those since the last real reply."""
    last_text: str = ""
    ended: Outcome | None = None
    recent: list[tuple[str, str]] = field(default_factory=list)
    """(name, arguments) of the last calls: repetition without progress shows here."""
    _rest: bool = False

    def hear(self, content: str) -> None:
        """A user message joins the transcript."""
        self.messages.append({"role": "user", "content": content})
        self.due = True
        self.heard_at = self.step
        self.busy = 0.0

    def note(self, content: str) -> None:
        """A person's act joins the transcript and gives new budget, but asks for no reply by itself."""
        self.messages.append({"role": "user", "content": content})
        self.heard_at = self.step
        self.busy = 0.0

    def nudge(self, content: str) -> None:
        """The engine puts a reply right; this gives no new budget."""
        self.messages.append({"role": "user", "content": content})
        self.due = True
        self.nudges += 1
        self.nudged += 1

    def reply(self, event: ModelReplied) -> None:
        """The model's reply joins the transcript; its calls await results."""
        message: Message = {"role": "assistant", "content": event.content or None}
        if event.tool_calls:
            message["tool_calls"] = [
                {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
                for c in event.tool_calls
            ]
        if event.reasoning:
            message.update(event.reasoning)
        if event.content or event.tool_calls:
            self.messages.append(message)
            self.nudges = 0
        self.calls = {c.id: OpenCall(c) for c in event.tool_calls}
        self.recent = [*self.recent, *((c.name, c.arguments) for c in event.tool_calls)][-12:]
        self.step = event.step
        self.usd += event.usd
        self.busy += event.seconds
        self.last_text = "" if event.tool_calls else event.content
        self.due = bool(event.tool_calls) or not event.content.strip()
        self._rest = False

    def result(self, event: ToolFinished, *, ends_turn: bool) -> None:
        """A tool's result joins the transcript. ``ends_turn``: nothing to do until a person speaks."""
        self.messages.append(
            {"role": "tool", "tool_call_id": event.call_id, "content": event.text or "(empty)"}
        )
        self.calls.pop(event.call_id, None)
        self.busy += event.seconds
        self._rest = self._rest or ends_turn
        if not self.calls:
            self.due = not self._rest

    @property
    def steps_since_heard(self) -> int:
        """Model steps since somebody last spoke to this role."""
        return self.step - self.heard_at

    @property
    def repeats(self) -> int:
        """How often the last call was made in a row with the same arguments."""
        count = 0
        for call in reversed(self.recent):
            if call != self.recent[-1]:
                break
            count += 1
        return count
