"""Research: the PM asks for it, a Researcher reports what it found."""

from codebutler.findings import Report
from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Arguments, Tool, showing
from codebutler.types import ToolResult

REPORT = "report_findings"
"""Ends a Researcher's run."""


class _Claim(Arguments):
    claim: str
    url: str
    quote: str = ""
    date: str = ""


class _Report(Arguments):
    answer: str
    claims: list[_Claim]
    unsettled: list[str] = []


class _Research(Arguments):
    topic: str
    question: str
    context: str = ""


async def _research(args: _Research, desk: Desk, site: Site) -> ToolResult:
    return ToolResult(await desk.research(site, args.topic, args.question, args.context))


async def _report(args: _Report, desk: Desk, site: Site) -> ToolResult:
    checked = await desk.report(site, Report.model_validate(args.model_dump()))
    return ToolResult("Thank you, that is all.", details={"report": checked.model_dump()})


TOOLS: tuple[Tool, ...] = (
    showing(
        "research",
        "Send a Researcher to the web with one question; you go on meanwhile. context: what it must know "
        "of versions and constraints; it sees neither the repo nor this conversation.",
        _Research,
        _research,
        read_only=True,
    ),
    showing(
        REPORT,
        "Report what you found, once, at the end. url: a page you opened; quote: words that stand there.",
        _Report,
        _report,
    ),
)
