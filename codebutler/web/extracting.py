"""A process of its own that takes one HTML or PDF file apart: ``extracting.py BOUNDS < FILE``.

BOUNDS is JSON: ``kind`` (html or pdf), ``url``, ``memory`` in bytes, ``seconds``, ``room`` in characters. It
prints JSON: ``title``, ``date``, ``text``. A hostile file can use up this process's seconds and bytes, and
nothing more. It imports nothing of ours.
"""

from __future__ import annotations

import io
import json
import logging
import os
import resource
import sys
from typing import Any


def main(bounds: dict[str, Any]) -> int:
    """0 with JSON on standard output, or 1 with one line why not on standard error."""
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_AS, (bounds["memory"], bounds["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (bounds["seconds"], bounds["seconds"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()
    try:
        data = sys.stdin.buffer.read()
        found = _pdf(data, bounds) if bounds["kind"] == "pdf" else _html(data, bounds)
    except MemoryError:
        return _give_up("it needs too much memory")
    except RecursionError:
        return _give_up("it is nested too deeply")
    except Exception as error:  # noqa: BLE001 - a parser of hostile bytes may raise anything
        return _give_up(type(error).__name__)  # its words may be the file's
    sys.stdout.buffer.write(json.dumps(found).encode("utf-8", "replace"))
    return 0


def _html(data: bytes, bounds: dict[str, Any]) -> dict[str, str]:
    """The main text as markdown; where none can be told from the rest, all text there is."""
    import trafilatura

    page = data.decode("utf-8", "replace")
    tree = trafilatura.load_html(page)
    if tree is None:  # a piece of a page, or bare words: it takes whole pages only
        page = f"<html><body>{page}</body></html>"
        tree = trafilatura.load_html(page)
    if tree is None:
        return {"title": "", "date": "", "text": ""}
    about = trafilatura.extract_metadata(tree, default_url=bounds["url"])
    text = trafilatura.extract(
        page,
        url=bounds["url"],
        output_format="markdown",
        include_links=True,
        include_tables=True,
        include_comments=False,
        favor_recall=True,
    )
    body = text or trafilatura.html2txt(page)
    return _found(about.title, about.date, body, bounds["room"])


def _pdf(data: bytes, bounds: dict[str, Any]) -> dict[str, str]:
    import pypdf

    reader = pypdf.PdfReader(io.BytesIO(data))
    pages: list[str] = []
    room = bounds["room"]
    for number, page in enumerate(reader.pages, 1):
        text = f"[page {number} of {len(reader.pages)}]\n{page.extract_text().strip() or '(no text)'}"
        pages.append(text)
        room -= len(text)
        if room < 0:
            break
    about = reader.metadata
    return _found(about.title if about else "", "", "\n\n".join(pages), bounds["room"])


def _found(title: object, date: object, text: object, room: int) -> dict[str, str]:
    return {"title": str(title or "")[:300], "date": str(date or "")[:40], "text": str(text or "")[:room]}


def _give_up(why: str) -> int:
    sys.stderr.write(f"{why[:300]}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
