"""How research moves the state: runs beside the asking one, whose findings come back between its steps."""

from __future__ import annotations

from codebutler import events as ev
from codebutler.thread.fold_table import Table
from codebutler.thread.researches import Research
from codebutler.thread.state import ThreadState

HANDLERS = Table()
STOPPED = "(The research on {topics} was stopped with the rest of the work. Ask anew if it is still needed.)"
REOPENED = "(The cap was raised: the research on {topic} goes on, and its findings are still to come.)"


@HANDLERS.on
def _research_started(s: ThreadState, e: ev.ResearchStarted) -> None:
    s.researches[e.research] = Research(e.research, e.frame, e.call_id, e.topic, e.question)
    s.hired += 1


@HANDLERS.on
def _research_finished(s: ThreadState, e: ev.ResearchFinished) -> None:
    research = s.researches.get(e.research)
    if research is not None:
        research.finish(e.outcome, capped=e.capped)
    frame = s.frames[e.frame]
    rests = not frame.due and not frame.calls
    if rests and s.open_researches(e.frame):  # it waits for all, and each of its calls is paid for
        frame.remark(e.content)
    else:
        frame.tell(e.content)


def reopen_researches(s: ThreadState) -> None:
    """A cap was raised: those that it stopped in this turn go on, and who asked learns of it."""
    for each in [r for r in s.researches.values() if r.capped]:
        each.reopen()
        s.frames[each.asker].remark(REOPENED.format(topic=repr(each.topic)))


def forget_capped(s: ThreadState) -> None:
    """The turn has come to its end without them."""
    for each in [r for r in s.researches.values() if r.capped]:
        each.finish("failed")


def stop_researches(s: ThreadState) -> None:
    """Nobody waits for them any more; who asked learns of it when it goes on."""
    for asker in dict.fromkeys(r.asker for r in s.open_researches()):
        topics = ", ".join(repr(r.topic) for r in s.open_researches(asker))
        frame = s.frames[asker]
        last = frame.messages[-1]["role"] if frame.messages else ""
        frame.due = frame.due or (not frame.calls and last == "user")  # findings wait
        frame.remark(STOPPED.format(topics=topics))
    for research in s.open_researches():
        research.finish("cancelled")
