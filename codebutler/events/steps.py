"""A role's run: frames, model calls, tool calls."""

from typing import Literal

from codebutler.events.vocabulary import Cap, Outcome
from codebutler.types import Attachment, Json, Record, ToolCall, Usage


class FrameStarted(Record):
    """A role began a run. ``content`` opens its transcript as the first user message ("" = none yet)."""

    kind: Literal["frame_started"] = "frame_started"
    frame: str
    role: str
    content: str = ""


class FrameEnded(Record):
    """A role's run is over; ``text`` is its last word."""

    kind: Literal["frame_ended"] = "frame_ended"
    frame: str
    outcome: Outcome
    text: str = ""


class Nudged(Record):
    """The engine told a model what was wrong with its reply, as a user message."""

    kind: Literal["nudged"] = "nudged"
    frame: str
    content: str
    reason: str


class ModelRequested(Record):
    """A model call is about to be made. ``usd`` and ``usage`` are the worst case, for the caps."""

    kind: Literal["model_requested"] = "model_requested"
    frame: str
    step: int
    model: str
    usd: float = 0.0
    usage: Usage = Usage()


class ModelReplied(Record):
    """A model answered. ``usd`` is the cost; ``priced`` says whether a price was known."""

    kind: Literal["model_replied"] = "model_replied"
    frame: str
    step: int
    model: str
    content: str = ""
    tool_calls: list[ToolCall] = []
    usage: Usage = Usage()
    usd: float = 0.0
    priced: bool = True
    finish: str = "stop"
    reasoning: Json | None = None
    seconds: float = 0.0


class ModelFailed(Record):
    """A model call failed; ``retry`` says whether another try may help.

    ``usd`` and ``usage`` are what it took all the same: the part of an answer that had come, or one of no
    use. ``priced`` says whether a price was known.
    """

    kind: Literal["model_failed"] = "model_failed"
    frame: str
    step: int
    model: str
    error: str
    retry: bool = False
    usd: float = 0.0
    usage: Usage = Usage()
    priced: bool = True


class CircuitChanged(Record):
    """The circuit breaker of ``model`` as this thread met it (models.breaker).

    ``open``: nobody calls it for ``seconds``, after ``failures`` in a row; ``half_open``: this call is the
    probe; ``closed``: it answers again. ``role`` is whose call met it.
    """

    kind: Literal["circuit_changed"] = "circuit_changed"
    frame: str
    role: str
    model: str
    state: Literal["closed", "open", "half_open"]
    failures: int = 0
    seconds: float = 0.0
    why: str = ""


class StoodIn(Record):
    """``model`` answers for a role in the place of ``wanted``; the same id: its own model answers again."""

    kind: Literal["stood_in"] = "stood_in"
    frame: str
    role: str
    wanted: str
    model: str
    why: str = ""


class Compacted(Record):
    """``content`` took the place of a transcript's first ``replaced`` messages: its model's window was full.

    ``usd`` and ``usage`` are what the summary cost; ``model`` is "" when none could be had and the engine
    wrote it from the log.
    """

    kind: Literal["compacted"] = "compacted"
    frame: str
    replaced: int
    content: str
    model: str = ""
    usage: Usage = Usage()
    usd: float = 0.0
    priced: bool = True
    seconds: float = 0.0


class ResultsCleared(Record):
    """Old tool results, by their places in the transcript, of which only ``kept`` characters each stay."""

    kind: Literal["results_cleared"] = "results_cleared"
    frame: str
    messages: list[int]
    kept: int


class ToolStarted(Record):
    """A tool call is about to act."""

    kind: Literal["tool_started"] = "tool_started"
    frame: str
    call_id: str
    name: str


class ToolFinished(Record):
    """A tool call's result: ``text`` for the model, ``details`` for people, ``pictures`` for models that see.

    The bytes of a picture are a blob. Logs of the first version have them as base64 in ``details``, where
    nothing reads them. ``guides`` are the repo's instruction files whose text was put under the result.
    """

    kind: Literal["tool_finished"] = "tool_finished"
    frame: str
    call_id: str
    name: str
    text: str
    ok: bool = True
    details: Json = {}
    pictures: list[Attachment] = []
    guides: list[str] = []
    seconds: float = 0.0


class LimitHit(Record):
    """A cap stopped the work until a person decides.

    ``cap`` is which one ("" in logs that did not say yet). ``until`` is the unix time at which it is free
    again by itself, 0 for never. ``raise_usd`` is what a raise must be at least for the same call to fit.
    ``cheaper`` is a model of the role's with which the call would fit as it is, "" if there is none.
    """

    kind: Literal["limit_hit"] = "limit_hit"
    frame: str
    what: str
    cap: Cap | Literal[""] = ""
    until: float = 0.0
    raise_usd: float = 0.0
    cheaper: str = ""
