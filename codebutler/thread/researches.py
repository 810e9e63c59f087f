"""One research as the log tells it: what was asked, which sources were met, what was reported."""

from __future__ import annotations

from msgspec import Struct

from codebutler.events import ToolFinished
from codebutler.events.research import Ending
from codebutler.findings import Source, plain_url
from codebutler.toolset.research import REPORT
from codebutler.types import Json
from codebutler.web.marking import inside


class Research(Struct):
    """``frame`` is the Researcher's run, ``asker`` the run that waits for it."""

    frame: str
    asker: str
    call_id: str
    topic: str
    question: str = ""
    sources: dict[str, Source] = {}
    """By ``plain_url``."""
    refusals: int = 0
    """Reports that were handed back."""
    report: Json | None = None
    outcome: Ending | None = None
    """None while it is open."""
    capped: bool = False
    """A cap stopped it: a raise opens it again."""

    def learn(self, event: ToolFinished) -> None:
        """What a call of the Researcher brought."""
        text = inside(event.text)
        for kind in ("found", "opened"):
            for row in event.details.get(kind, ()):
                self._met(Source(row["url"], row["title"], row["date"], kind == "opened"), text)
        if event.name != REPORT:
            return
        if event.ok:
            self.report = event.details.get("report")
        else:
            self.refusals += 1

    def finish(self, outcome: Ending, *, capped: bool = False) -> None:
        """It is over. What was read of the sources is not looked at again, unless a raise opens it anew."""
        self.outcome, self.capped = outcome, capped
        if not capped:
            self.sources = {}

    def reopen(self) -> None:
        """There is money for it again."""
        self.outcome, self.capped = None, False

    def _met(self, source: Source, text: str) -> None:
        known = self.sources.setdefault(plain_url(source.url), source)
        if source.opened and not known.opened:
            known.title, known.date = source.title or known.title, source.date or known.date
            known.url, known.opened = source.url, True
        known.texts.append(text)
