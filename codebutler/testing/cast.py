"""A mind in which each role says its lines in order, and the lines that whole threads are made of."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from codebutler.testing.doubles import Asked, Mind, says
from codebutler.types import Message, ModelReply, ToolCall

Line: TypeAlias = ModelReply | Callable[[Asked], Awaitable[ModelReply]]
_ids = itertools.count(1)


class Cast:
    """A mind (testing.doubles.Mind). A line may be a coroutine, which can wait or look at what was asked."""

    def __init__(self, **lines: list[Line]) -> None:
        """``lines`` by role; a role that has none left fails its call."""
        self.lines = lines
        self.requests: list[tuple[str, list[Message]]] = []

    async def __call__(self, asked: Asked) -> ModelReply:
        """The role's next line."""
        self.requests.append((asked.role, [dict(m) for m in asked.messages]))
        line = self.lines[asked.role].pop(0)
        return line if isinstance(line, ModelReply) else await line(asked)

    def of(self, role: str) -> list[list[Message]]:
        """The requests of a role so far."""
        return [messages for name, messages in self.requests if name == role]


def call(name: str, /, **arguments: object) -> ToolCall:
    """A tool call with an id of its own."""
    return ToolCall(id=f"call_{next(_ids)}", name=name, arguments=json.dumps(arguments))


def write(path: str, text: str) -> ModelReply:
    """One file is written."""
    return says("", call("write", path=path, content=text))


def bash(command: str) -> ModelReply:
    """One command is run."""
    return says("", call("bash", command=command))


def plan(title: str = "Notes", *files: str) -> ModelReply:
    """A plan of one step is proposed."""
    steps = [{"text": "Write them"}]
    return says("", call("propose_plan", title=title, summary=f"{title}.", steps=steps, files=list(files)))


def lead(title: str = "Notes", *lessons: str | Mapping[str, object]) -> list[Line]:
    """The Lead's two lines: summary and lessons (whole items, or words for the PM), and a last word."""
    calls = [call("write_summary", title=title, summary=f"{title}.", changes=["A"])]
    if lessons:
        items = [{"file": "pm.md", "text": each} if isinstance(each, str) else each for each in lessons]
        calls.append(call("propose_memory", items=items))
    return [says("", *calls), says("That is all.")]


def cut(text: str) -> ModelReply:
    """A reply that was cut off at the most tokens it may have."""
    return replace(says(text), finish="length")


def does(name: str, /, **arguments: object) -> ModelReply:
    """A line that is one tool call."""
    return says("", call(name, **arguments))


PROPOSES = plan("Add a note", "NOTE")
WRITES = write("NOTE", "noted\n")
SUMS_UP = tuple(lead("Add a note"))


class Held:
    """A line that waits until it is let go; it keeps what it was asked and how often it was broken off."""

    def __init__(self, line: Line) -> None:
        """``line`` is what it says in the end."""
        self.line = line
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()
        self.asked: list[Asked] = []
        self.broken_off = 0

    async def __call__(self, asked: Asked) -> ModelReply:
        """Wait, then say it."""
        self.asked.append(asked)
        self.reached.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        return self.line if isinstance(self.line, ModelReply) else await self.line(asked)


def team(
    *,
    pm: Sequence[Line] = (PROPOSES,),
    coder: Sequence[Line] = (),
    lead: Sequence[Line] = SUMS_UP,
    artist: Sequence[Line] = (),
) -> Mind:
    """A whole team that adds a note. Other than in a ``Cast``, a line that was broken off comes again."""
    left = {"pm": list(pm), "coder": list(coder), "lead": list(lead), "artist": list(artist)}

    async def mind(asked: Asked) -> ModelReply:
        line = left[asked.role][0]
        reply = line if isinstance(line, ModelReply) else await line(asked)
        del left[asked.role][0]
        return reply

    return mind


def with_researchers(pm: Sequence[Line], **researchers: Sequence[Line]) -> Mind:
    """A mind: the PM's lines in order, and those of each Researcher by its topic."""
    lines = {"pm": list(pm), **{topic: list(each) for topic, each in researchers.items()}}

    async def think(asked: Asked) -> ModelReply:
        name = asked.role
        if name == "researcher":
            name = next(t for t in researchers if f"# Topic\n\n{t}\n" in str(asked.messages[1]["content"]))
        line = lines[name][0]
        reply = line if isinstance(line, ModelReply) else await line(asked)
        del lines[name][0]
        return reply

    return think


def asks(*topics: str) -> ModelReply:
    """A Researcher is sent out for each topic."""
    return says("", *(call("research", topic=t, question=f"What of {t}?", context="API v2") for t in topics))


def finds(url: str, claim: str = "100 a minute", quote: str = "100 requests a minute") -> ModelReply:
    """A Researcher's report of one claim."""
    claims = [{"claim": claim, "url": url, "quote": quote, "date": "2026-03-01"}]
    return does("report_findings", answer=f"{claim}.", claims=claims, unsettled=["the price"])
