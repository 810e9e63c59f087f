"""A Researcher at work: the loop of every role, at a desk without mail, worktree and people.

Whatever it does ends in an ``Ending`` that follows from the log: asked again after a crash, it says the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from codebutler.agent import loop
from codebutler.agent.frame import Frame
from codebutler.errors import CodeButlerError, ModelRefused, ToolFailed
from codebutler.events import Nudged
from codebutler.findings import CHARS, Checked, Report, checked, faults, told
from codebutler.text import fit, sentence
from codebutler.thread.desk import ThreadDesk
from codebutler.thread.researches import Research
from codebutler.thread.turn import Turn
from codebutler.toolset.desk import EndTurn, Site
from codebutler.toolset.research import REPORT
from codebutler.web.marking import marked, plain

log = logging.getLogger("codebutler.researcher")
ROLE = "researcher"
RETRIES = 1
"""Reports that are handed back with what is wrong; the next is taken as far as it holds."""
BRIEF = "# Topic\n\n{topic}\n\n# What the PM wants to know\n\n{question}"
IN_WORDS = f"Nobody reads your plain words. Call {REPORT} with what you found, even if it is nothing."
_LISTED = 10


class Ended(Struct, frozen=True):
    """What came of a research: ``content`` is what the asker reads."""

    outcome: Literal["done", "failed"]
    content: str
    capped: bool = False
    """A cap stopped it, and can be raised."""


class Researcher(ThreadDesk):
    """The desk of one Researcher: the thread's log and caps, the web, and nothing else."""

    halts = False

    def __init__(self, desk: ThreadDesk, research: Research) -> None:
        """At work for the thread of ``desk``; its own turn: what stops that one stops the task of this."""
        super().__init__(desk.host, desk.log, desk._interpreter, None, Turn())  # noqa: SLF001 - of our own kind
        self.space = desk.space
        self._rules = desk.rules
        self._run_counted = True
        self._research = research

    async def between_steps(self, frame: Frame) -> None:
        """Nobody speaks to a Researcher. One whose reports cannot be read is done."""
        if self._research.refusals > RETRIES:
            raise EndTurn("failed", "its report could not be read")

    async def before_tools(self, *, changes: bool) -> None:
        """Nothing here touches the worktree."""

    async def report(self, _site: Site, report: Report) -> Checked:
        """The report, checked; the first one with faults is handed back."""
        wrong = faults(report, self._research.sources)
        if wrong and self._research.refusals < RETRIES:
            raise ToolFailed("mend your report: " + "; ".join(wrong[:10]))
        return checked(report, self._research.sources)


async def work(desk: ThreadDesk, research: Research) -> Ended:
    """Run the Researcher to its end, within its role's seconds."""
    place = Researcher(desk, research)
    frame, role = desk.state.frames[research.frame], desk.role(ROLE)
    try:
        async with asyncio.timeout(max(1.0, role.limits.seconds - frame.busy)):
            await loop.run(frame, role, desk.toolset(role), place)
            if research.report is None and not _was_told(frame):
                await desk.append(Nudged(frame=frame.id, content=IN_WORDS, reason="report"))
                await loop.run(frame, role, desk.toolset(role), place)
    except EndTurn as end:
        if type(end.__cause__) is ModelRefused:  # a key, credit, an id: for people to mend, not for the PM
            words = f"A Researcher could not work: {sentence(end.text)}"
            await desk.announce(words, source="notice:researcher:refused")
        return _failed(research, frame, end.text, capped=end.outcome == "paused")
    except TimeoutError:
        return _failed(research, frame, f"its {role.limits.seconds} seconds were over")
    except CodeButlerError:
        raise
    except Exception as error:  # a fault of ours: sent out again with each "go", it would end each turn
        log.exception("%s: the Researcher broke", frame.id)
        return _failed(research, frame, f"something broke inside CodeButler ({type(error).__name__})")
    if research.report is None:
        return _failed(research, frame, "it answered in plain words only")
    return Ended(
        "done", _opening(research, "is back") + _marked(told(Checked.model_validate(research.report)))
    )


def _was_told(frame: Frame) -> bool:
    return any(m["role"] == "user" and m["content"] == IN_WORDS for m in frame.messages)


def _failed(research: Research, frame: Frame, why: str, *, capped: bool = False) -> Ended:
    """The honest rest: its last words as they are, and the pages that it opened."""
    last = frame.last_text.strip() or _last_report(frame.messages)
    said = f"Its last words, unchecked:\n{last}" if last else "It said nothing."
    opened = [f"- {s.title or s.url}: {s.url}" for s in research.sources.values() if s.opened][:_LISTED]
    pages = "\n\nPages that it opened:\n" + "\n".join(opened) if opened else ""
    words = f"Why: {why}.\n{said}{pages}"  # a model's and its provider's words are in the reason, too
    return Ended("failed", _opening(research, "gave no checked findings") + _marked(words), capped)


def _last_report(messages: list[dict[str, Any]]) -> str:
    calls: list[Mapping[str, Any]] = [c["function"] for m in messages for c in m.get("tool_calls") or ()]
    return next((str(c["arguments"]) for c in reversed(calls) if c["name"] == REPORT), "")


def _opening(research: Research, words: str) -> str:
    return f"The Researcher on {plain(research.topic)!r} {words}.\n\n"


def _marked(text: str) -> str:
    return marked(fit(text, CHARS), "a Researcher's report")
