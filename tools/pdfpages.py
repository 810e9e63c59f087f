"""A process of its own that prints the text of PDF pages: ``pdfpages.py BOUNDS < FILE``.

BOUNDS is JSON: ``parser`` is the folder that holds pypdf, which is imported nowhere else. A hostile file
can use up this process's few seconds and bytes, and nothing more.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import resource
import sys
from typing import Any


def main(bounds: dict[str, Any]) -> int:
    """Print "TOTAL LAST" and then the pages, each behind a form feed, within ``room`` bytes."""
    resource.setrlimit(resource.RLIMIT_AS, (bounds["memory"], bounds["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (bounds["seconds"], bounds["seconds"]))
    logging.disable()
    sys.path.append(bounds["parser"])
    try:
        data = sys.stdin.buffer.read(bounds["size"] + 1)
        if len(data) > bounds["size"]:
            return _give_up(f"it is larger than {bounds['size']} bytes")
        total, pages = _pages(data, bounds["first"], bounds["count"], bounds["room"])
    except MemoryError:
        return _give_up("it needs too much memory")
    except Exception as error:  # noqa: BLE001 - a parser of hostile bytes may raise anything
        return _give_up(f"{type(error).__name__}: {error}".split("\n")[0])
    text = f"{total} {bounds['first'] + len(pages) - 1}\n" + "\n".join(pages)
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    return 0


def _pages(data: bytes, first: int, count: int, room: int) -> tuple[int, list[str]]:
    """How many pages there are, and those that fit; at least one, cut if need be."""
    reader: Any = importlib.import_module("pypdf").PdfReader(io.BytesIO(data))
    total = len(reader.pages)
    pages: list[str] = []
    for number in range(first, min(total, first + count - 1) + 1):
        text = reader.pages[number - 1].extract_text().replace("\f", "\n").strip()
        page = f"\f[page {number}]\n{text or '(no text)'}"
        room -= len(page.encode("utf-8", "replace"))
        if room < 0 and pages:
            break
        pages.append(page[:200_000])
    return total, pages


def _give_up(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
