"""``codebutler export``: one thread as a file: all its events, or a page to read."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from codebutler.cli.common import add_place, find_thread, place_and_store
from codebutler.errors import CodeButlerError, UsageError
from codebutler.service.keeping import Made, note_made
from codebutler.thread import evidence, page

HELP = "Write one thread to a file: its events as JSON lines, or a page in markdown or HTML."
FORMATS = ("jsonl", "md", "html")


def configure(parser: argparse.ArgumentParser) -> None:
    """Which thread, and how."""
    parser.add_argument("thread", help="its id, or the start of it")
    parser.add_argument("--format", choices=FORMATS, help="default: by the file's name, else jsonl")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="a new file (default: standard output)"
    )
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0; 2 when there is no such thread, or the file is there already."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    async with place_and_store(args, reads=True) as (place, store):
        found = await evidence.of_store(store, await find_thread(store, args.thread))
    form = args.format or _by_name(args.output)
    if form == "jsonl":
        text = "".join(f"{line}\n" for line in evidence.lines(found, place.redactor))
    else:
        make = page.page if form == "html" else page.markdown
        clean = evidence.redacted(found, place.redactor)
        text = make(clean.state(), clean.events)
    if args.output is None or str(args.output) == "/dev/stdout":
        sys.stdout.write(text)
        return 0
    target: Path = args.output.absolute()
    if _write(target, text):
        note_made(place.home, Made(str(target), str(place.repo.root), found.thread))
    print(f"{target}: {len(found.events)} events of thread {found.thread}")
    return 0


def _by_name(output: Path | None) -> str:
    ending = output.suffix.lstrip(".") if output is not None else ""
    return ending if ending in FORMATS else "jsonl"


def _write(target: Path, text: str) -> bool:
    """A new file for its owner alone. False when it went into a device or pipe, which keeps nothing."""
    try:
        keeps = target.is_file() or not target.exists()
        new = os.O_CREAT | os.O_EXCL if keeps else 0
        handle = os.open(target, os.O_WRONLY | os.O_CLOEXEC | new, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{target} is there already", fix="Name a new file.") from error
    except OSError as error:
        raise CodeButlerError(f"{target} cannot be written: {error.strerror}") from error
    return keeps
