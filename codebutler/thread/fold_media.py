"""How pictures and transcripts that were bought move the state."""

from __future__ import annotations

from codebutler import events as ev
from codebutler.thread.fold_table import Table
from codebutler.thread.state import Spend, ThreadState

HANDLERS = Table()
EARS = "ears"
"""On whose account transcripts are put."""


@HANDLERS.on
def _image_ordered(s: ThreadState, e: ev.ImageOrdered) -> None:
    s.buying[e.call_id] = e


@HANDLERS.on
def _image_made(s: ThreadState, e: ev.ImageMade) -> None:
    s.buying.pop(e.call_id, None)
    s.made[e.call_id] = e
    frame = s.frames[e.frame]
    frame.usd += e.usd
    _pay(s, frame.role, e)


@HANDLERS.on
def _speech_sent(s: ThreadState, e: ev.SpeechSent) -> None:
    s.buying[recording(e.of, e.sha256)] = e


@HANDLERS.on
def _transcribed(s: ThreadState, e: ev.Transcribed) -> None:
    s.buying.pop(recording(e.of, e.sha256), None)
    s.transcripts[e.of, e.sha256] = e
    if e.model:
        _pay(s, EARS, e)


def recording(message: int, sha256: str) -> str:
    """What a recording's purchase is called."""
    return f"{EARS}:{message}:{sha256[:16]}"


def _pay(s: ThreadState, role: str, e: ev.ImageMade | ev.Transcribed) -> None:
    used = Spend(1, e.usage.input, e.usage.output, 0, e.usd, e.priced, 0, e.seconds)
    s.spend.setdefault((role, e.model), Spend()).add(used)
