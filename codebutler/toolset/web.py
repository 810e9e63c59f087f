"""The Researcher's eyes. What they bring back is marked as foreign; nothing else of a page gets anywhere."""

from typing import Annotated

from pydantic import Field

from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Arguments, Tool, showing
from codebutler.types import Json, ToolResult
from codebutler.web.engines import Hit
from codebutler.web.marking import marked, plain
from codebutler.web.pages import Page

SHOWN = 16_000
"""Characters of a page in one result."""
HITS = 8


class _Search(Arguments):
    query: str
    max_results: int = HITS


class _Fetch(Arguments):
    url: str
    offset: Annotated[int, Field(ge=0)] = 0


async def _web_search(args: _Search, desk: Desk, _site: Site) -> ToolResult:
    found = await desk.web.search(args.query, args.max_results)
    failed = "".join(f"\n({each})" for each in found.failed)
    if not found.hits:
        return ToolResult(f"{found.engine} found nothing. Use other or fewer words.{failed}")
    lines = "\n\n".join(_shown(number, hit) for number, hit in enumerate(found.hits, 1))
    seen = [{"url": hit.url, "title": plain(hit.title), "date": hit.date} for hit in found.hits]
    return ToolResult(f"{marked(lines, f'a search by {found.engine}')}{failed}", details={"found": seen})


def _shown(number: int, hit: Hit) -> str:
    date = f" ({hit.date})" if hit.date else ""
    return f"{number}. {hit.title}{date}\n   {hit.url}\n   {hit.snippet}"


async def _web_fetch(args: _Fetch, desk: Desk, _site: Site) -> ToolResult:
    page = await desk.web.page(args.url)
    end = args.offset + SHOWN
    piece = page.text[args.offset : end]
    if not piece:
        words = f"It has {len(page.text)} characters" if page.text else "It has no text that can be read"
        return ToolResult(f"{page.url}: {words}.", details=_seen(args.url, page))
    head = "".join(f"{k}: {v}\n" for k, v in (("title", page.title), ("date", page.date)) if v)
    left = len(page.text) - end
    more = f"\n{left} characters follow: offset={end}." if left > 0 else "\nIt ends here." * page.cut
    return ToolResult(marked(f"{head}\n{piece}".strip(), page.url) + more, details=_seen(args.url, page))


def _seen(asked: str, page: Page) -> Json:
    about = {"title": plain(page.title), "date": page.date}
    return {"opened": [{"url": url, **about} for url in dict.fromkeys((asked.strip(), page.url))]}


TOOLS: tuple[Tool, ...] = (
    showing("web_search", "Search the web.", _Search, _web_search, read_only=True),
    showing(
        "web_fetch",
        "Read a page or PDF as text; offset: the character to go on from.",
        _Fetch,
        _web_fetch,
        read_only=True,
    ),
)
