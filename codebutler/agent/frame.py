"""A frame is one run of a role: its transcript, and the calls that still lack a result.

The transcript only ever grows at its end. Its messages are in OpenAI's wire form and are never changed
once they are in, so that request k is a prefix of request k+1 and providers' prompt caches hit. Only two
events change older ones: a compaction puts a summary in their place, a clearing shortens old results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from codebutler.agent.pictures import attached_picture, picture_message
from codebutler.agent.spelled import spelled
from codebutler.agent.voices import Said, readable, takeable, whole
from codebutler.events import Compacted, ModelReplied, Outcome, ResultsCleared, ToolFinished
from codebutler.models.quirks import EXTRA
from codebutler.text import fit
from codebutler.types import Attachment, Message, ToolCall

RECENT = 32
"""Calls that are remembered to see loops in."""
CUT = "length"
"""How a reply finishes that was cut at the most tokens that it may have."""
FILTERED = frozenset({"content_filter", "refusal"})
"""How a reply finishes that its provider kept back, all of it or its rest: half an answer is none."""
SHORTENED = "[An old result, shortened. If you still need the rest of it, make the call again.]"
LONGEST_LOOP = 3
"""Different calls that may take turns and still count as one loop."""


def text_of(message: Message) -> str:
    """What a message says, with the kinds of its parts that are no text."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(p.get("text") or f"({p.get('type')})" for p in content)
    return content or ""


class OpenCall(Struct):
    """A tool call without a result. ``started``: it may have acted already."""

    call: ToolCall
    started: bool = False


class Frame(Struct):
    """The state of one run. ``due``: the role has something to react to."""

    id: str
    role: str
    messages: list[Message] = []
    calls: dict[str, OpenCall] = {}
    due: bool = False
    step: int = 0
    heard_at: int = 0
    """The step at which somebody last spoke: the budget of iterations starts anew there."""
    usd: float = 0.0
    busy: float = 0.0
    """Seconds of model calls and tools since somebody last spoke; of tools side by side, the longest's."""
    nudges: int = 0
    nudged: int = 0
    """All nudges of this run; ``nudges`` counts those since the last real reply."""
    last_text: str = ""
    cut: bool = False
    """The last reply was cut at its limit, and the model was not told yet."""
    torn: str = ""
    """The call that the last reply was cut in: what is there of it is not made."""
    cuts: int = 0
    """Replies in a row that were cut, in words or in a call."""
    filtered: bool = False
    """The provider kept back the rest of the last reply, and the model was not told yet."""
    spelled: bool = False
    """The last reply holds a tool call as text, and the model was not told yet."""
    spells: int = 0
    """Replies in a row that did."""
    ended: Outcome | None = None
    recent: list[tuple[str, str, str]] = []
    """(name, arguments, result) of the last calls: repetition without progress shows here."""
    failing: int = 0
    """Tool calls in a row that failed."""
    first: str = ""
    """What the first message said that a compaction took out."""
    guides: set[str] = set()
    """The repo's instruction files that stand in the transcript, beside the one of the system prompt."""
    _head: str = ""
    """What replies that were cut have said: the next one goes on from there."""
    _rest: bool = False
    _beside: float = 0.0
    """Seconds that are counted of calls that still have others beside them."""
    _held: list[Message] = []
    """Words that came while calls were open."""
    _pictures: list[Message] = []
    """What the calls of this step show: all results come first."""

    def hear(self, content: str, pictures: Sequence[Attachment] = ()) -> None:
        """A user message joins the transcript: behind the results of all calls, as providers demand."""
        self._say(content)
        (self._held if self.calls else self.messages).extend(attached_picture(each) for each in pictures)
        self.due = True
        self.renew()

    def show(self, pictures: Iterable[Message]) -> None:
        """Pictures join the transcript behind the results of the open calls."""
        self._pictures += pictures

    def renew(self) -> None:
        """Somebody spoke, or said "go": the budgets of this run start anew."""
        self.heard_at = self.step
        self.busy = 0.0
        self.nudges = self.failing = self.cuts = self.spells = 0
        self.recent = []

    def compact(self, event: Compacted) -> None:
        """A summary takes the place of the oldest messages."""
        self.first = self.first or (text_of(self.messages[0]) if self.messages else "")
        self.messages = [{"role": "user", "content": event.content}, *self.messages[event.replaced :]]
        self.guides = set()  # some are in the summarised part: they are given again where they matter
        self.usd += event.usd
        self.busy += event.seconds

    def clear(self, event: ResultsCleared) -> None:
        """Of some old results only the ends stay."""
        old = set(event.messages)
        for n, message in enumerate(self.messages):
            if n in old:
                ends = f"{fit(text_of(message), event.kept)}\n{SHORTENED}"
                self.messages[n] = {**message, "content": ends}  # a new one: requests remember the old
        self.guides = set()  # as for a compaction

    def note(self, content: str) -> None:
        """A person's act joins the transcript and gives new budget, but asks for no reply by itself."""
        self.messages.append({"role": "user", "content": content})
        self.renew()

    def tell(self, content: str) -> None:
        """News that the role itself asked for: it reacts, within the budget it has."""
        self._say(content)
        self.due = True

    def remark(self, content: str) -> None:
        """What the role should know when it goes on; it asks for no reply and gives no budget."""
        self._say(content)

    def nudge(self, content: str) -> None:
        """The engine puts a reply right; this gives no new budget."""
        self._say(content)
        self.due, self.cut, self.filtered, self.spelled = True, False, False, False
        self.nudges += 1
        self.nudged += 1

    def _say(self, content: str) -> None:
        (self._held if self.calls else self.messages).append({"role": "user", "content": content})

    def reply(self, event: ModelReplied) -> None:
        """The model's reply joins the transcript; its calls await results."""
        message: Message = {"role": "assistant", "content": event.content or None}
        if event.tool_calls:
            message["tool_calls"] = [
                {
                    "id": c.id,
                    "type": "function",
                    "function": {"name": takeable(c.name), "arguments": readable(c.arguments)},
                }
                for c in event.tool_calls
            ]
        thought = dict(event.reasoning or {})
        for call, extra in zip(message.get("tool_calls", ()), thought.pop(EXTRA, ()), strict=False):
            call.update({EXTRA: extra} if extra else {})
        message.update(thought)
        if event.content or event.tool_calls:
            self.messages.append(Said(message, event.model))
            self.nudges = 0
        self.calls = {c.id: OpenCall(c) for c in event.tool_calls}
        self.step = event.step
        self.usd += event.usd
        self.busy += event.seconds
        self.cut = event.finish == CUT and not event.tool_calls
        last = event.tool_calls[-1] if event.finish == CUT and event.tool_calls else None
        self.torn = last.id if last is not None and not whole(last.arguments) else ""
        self.cuts = self.cuts + 1 if self.cut or self.torn else 0
        self.filtered = event.finish in FILTERED and not event.tool_calls and bool(event.content.strip())
        self.spelled = not (event.tool_calls or self.cut or self.filtered) and spelled(event.content)
        self.spells = self.spells + 1 if self.spelled else 0
        self.last_text = "" if event.tool_calls else self._head + event.content
        self._head = self.last_text if self.cut else ""
        odd = self.cut or self.filtered or self.spelled
        self.due = bool(event.tool_calls) or odd or not event.content.strip()
        self._rest = False

    def result(self, event: ToolFinished, *, ends_turn: bool) -> None:
        """A tool's result joins the transcript. ``ends_turn``: nothing to do until a person speaks."""
        self.messages.append(
            {"role": "tool", "tool_call_id": event.call_id, "content": event.text or "(empty)"}
        )
        self._pictures += [picture_message(event.name, each) for each in event.pictures]
        made = self.calls.pop(event.call_id, None)
        if made is not None:
            self.recent = [*self.recent, (made.call.name, made.call.arguments, event.text)][-RECENT:]
        self.failing = 0 if event.ok else self.failing + 1
        self.guides.update(event.guides)
        self.busy += max(0.0, event.seconds - self._beside)
        others = any(call.started for call in self.calls.values())
        self._beside = max(self._beside, event.seconds) if others else 0.0
        self._rest = self._rest or ends_turn
        if not self.calls:
            self.due = bool(self._held) or not self._rest
            self.messages += [*self._pictures, *self._held]
            self._pictures, self._held = [], []

    @property
    def steps_since_heard(self) -> int:
        """Model steps since somebody last spoke to this role."""
        return self.step - self.heard_at

    @property
    def stands_filtered(self) -> bool:
        """Whether the last reply lacks its rest, and nobody has said "go" since."""
        return self.filtered and self.heard_at < self.step

    @property
    def repeats(self) -> int:
        """How often the last calls (one, or a few that take turns) were made with the same results."""
        return max((self._rounds(length) for length in range(1, LONGEST_LOOP + 1)), default=0)

    def _rounds(self, length: int) -> int:
        """Whole rounds of ``length`` calls at the end that are all alike."""
        calls = self.recent
        same = length
        while same < len(calls) and calls[-same - 1] == calls[-same - 1 + length]:
            same += 1
        return same // length if len(calls) >= length else 0
