"""How research moves the state: runs beside the asking one, whose findings come back between its steps."""

from __future__ import annotations

from codebutler import events as ev
from codebutler.thread.fold_table import Table
from codebutler.thread.researches import Research
from codebutler.thread.state import ThreadState

HANDLERS = Table()
STOPPED = "(The research on {topics} was stopped with the rest of the work. Ask anew if it is still needed.)"


@HANDLERS.on
def _research_started(s: ThreadState, e: ev.ResearchStarted) -> None:
    s.researches[e.research] = Research(e.research, e.frame, e.call_id, e.topic, e.question)
    s.hired += 1


@HANDLERS.on
def _research_finished(s: ThreadState, e: ev.ResearchFinished) -> None:
    research = s.researches.get(e.research)
    if research is not None:
        research.finish(e.outcome)
    s.frames[e.frame].tell(e.content)


def stop_researches(s: ThreadState) -> None:
    """Nobody waits for them any more; who asked learns of it when it goes on."""
    for asker in dict.fromkeys(r.asker for r in s.open_researches()):
        topics = ", ".join(repr(r.topic) for r in s.open_researches(asker))
        s.frames[asker].remark(STOPPED.format(topics=topics))
    for research in s.open_researches():
        research.finish("cancelled")
