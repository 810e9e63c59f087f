"""What a Researcher reports, and the check of it against what it has really seen."""

import re
from collections.abc import Mapping

from msgspec import Struct

from codebutler.types import Record

CHARS = 6_000
"""Characters of a report that the asker reads."""
_CLAIMS, _CLAIM, _QUOTE = 20, 600, 300


class Claim(Record):
    """One finding with its source. ``quote`` is a few words of the page as they stand there."""

    claim: str
    url: str
    quote: str = ""
    date: str = ""


class Report(Record):
    """What was found. ``unsettled`` is what could not be found out."""

    answer: str
    claims: list[Claim] = []
    unsettled: list[str] = []


class Finding(Record):
    """A claim whose source was met. ``opened``: the page was read, not only listed by a search."""

    claim: str
    url: str
    title: str = ""
    date: str = ""
    quote: str = ""
    opened: bool = False


class Checked(Record):
    """A report after the check. ``dropped`` claims had a source that was never met."""

    answer: str
    findings: list[Finding] = []
    unsettled: list[str] = []
    dropped: int = 0


class Source(Struct):
    """A page that a research met."""

    url: str
    title: str = ""
    date: str = ""
    opened: bool = False
    texts: list[str] = []
    """What was read of it, or of the search that listed it."""


def plain_url(url: str) -> str:
    """One spelling for what people take for the same address."""
    scheme, mark, rest = url.strip().partition("#")[0].rstrip("/").partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{mark}{host.lower()}{slash}{path}"


def faults(report: Report, sources: Mapping[str, Source]) -> list[str]:
    """What is wrong, a line each. ``sources`` by ``plain_url``."""
    wrong = [] if report.answer.strip() else ["the answer is empty"]
    for number, claim in enumerate(report.claims, 1):
        source = sources.get(plain_url(claim.url))
        if source is None:
            wrong.append(f"claim {number}: {claim.url[:200]} was neither found nor opened here")
        elif not _stands(claim.quote, source):
            wrong.append(f"claim {number}: the quote does not stand there, as far as you have read")
    return wrong


def checked(report: Report, sources: Mapping[str, Source]) -> Checked:
    """The report without claims of unmet sources, and without quotes that do not stand in theirs."""
    found: list[Finding] = []
    for claim in report.claims[:_CLAIMS]:
        source = sources.get(plain_url(claim.url))
        if source is None:
            continue
        quote = claim.quote.strip()[:_QUOTE] if _stands(claim.quote, source) else ""
        found.append(
            Finding(
                claim=claim.claim[:_CLAIM],
                url=source.url,
                title=source.title,
                date=claim.date[:40] or source.date,
                quote=quote,
                opened=source.opened,
            )
        )
    unsettled = [each[:_CLAIM] for each in report.unsettled[:_CLAIMS]]
    dropped = len(report.claims) - len(found)
    return Checked(answer=report.answer, findings=found, unsettled=unsettled, dropped=dropped)


def told(report: Checked) -> str:
    """Markdown for the asker."""
    lines = [report.answer.strip(), ""]
    for number, each in enumerate(report.findings, 1):
        quote = f' "{each.quote}"' if each.quote else ""
        about = ", ".join(
            filter(None, [each.date, "" if each.opened else "only listed by a search, not read"])
        )
        lines.append(f"{number}. {each.claim}{quote}")
        lines.append(f"   [{each.title or each.url}]({each.url}){f' ({about})' if about else ''}")
    if report.unsettled:
        lines += ["", "Not settled:", *(f"- {each}" for each in report.unsettled)]
    if report.dropped:
        lines += ["", f"{report.dropped} more claims were left out: their sources were never met."]
    return "\n".join(lines).strip()


def _words(text: str) -> str:
    return f" {re.sub(r'[^0-9a-zÀ-￿]+', ' ', text.casefold()).strip()} "


def _stands(quote: str, source: Source) -> bool:
    asked = _words(quote)
    return not asked.strip() or any(asked in _words(text) for text in source.texts)
