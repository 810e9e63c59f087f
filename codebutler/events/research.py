"""The PM asks Researchers: each is a run of its own beside the PM's."""

from typing import Literal

from codebutler.types import Record

Ending = Literal["done", "failed", "cancelled"]


class ResearchStarted(Record):
    """A Researcher was asked by the role of ``frame``; its own run is the frame ``research``.

    ``call_id`` is the key of the tool call, the same again after a crash.
    """

    kind: Literal["research_started"] = "research_started"
    frame: str
    call_id: str
    research: str
    topic: str
    question: str = ""


class ResearchFinished(Record):
    """What came of the run ``research``; ``content`` joins the transcript of ``frame``, between its steps.

    ``capped``: a cap stopped it, and it goes on if that is raised.
    """

    kind: Literal["research_finished"] = "research_finished"
    frame: str
    research: str
    outcome: Ending
    content: str
    capped: bool = False
