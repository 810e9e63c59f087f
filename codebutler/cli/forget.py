"""``codebutler forget``: a person's names and words out of the repo's threads."""

from __future__ import annotations

import argparse
import asyncio
import sys

from codebutler.cli.common import add_place, place_and_store
from codebutler.errors import UsageError
from codebutler.service.app import Place, find_place
from codebutler.service.forgetting import Found, find, forget
from codebutler.surfaces.terminal import plain

HELP = "Take a person's names and words out of the repo's threads."


def configure(parser: argparse.ArgumentParser) -> None:
    """Whom."""
    parser.add_argument("person", metavar="PERSON", help="door:id, an id, or a name")
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0 when it is done; 2 for nobody, several, or while a process runs the threads; 3 for a no."""
    before = asyncio.run(_look(args))
    print(plain(_before(before)))
    if not args.yes:
        if not sys.stdin.isatty():
            raise UsageError("this cannot be undone, and nobody is here to agree", fix="Say --yes.")
        if input("Forget them? This cannot be undone. [y/N] ").strip().lower() not in {"y", "yes"}:
            print("Nothing was changed.")
            return 3
    place, found, left = asyncio.run(_do(args))
    print(plain(_after(place, found, left)))
    return 0


async def _look(args: argparse.Namespace) -> Found:
    async with place_and_store(args) as (place, store):
        return await find(place, store, args.person)


async def _do(args: argparse.Namespace) -> tuple[Place, Found, list[str]]:
    place = await find_place(args.repo.resolve(), home=args.home)
    return (place, *await forget(place, args.person))


def _before(found: Found) -> str:
    ids = ", ".join(f"{surface}:{name}" for surface, name in sorted(found.who.ids))
    lines = [f"{ids} is named in {len(found.threads)} threads, and becomes {found.who.pseudonym} there."]
    if found.open_threads:
        names = ", ".join(row.id for row in found.open_threads)
        lines.append(f"Still open: {names}. Their roles will no longer see what this person asked for.")
        lines.append("Where they owned one, whoever runs this host decides at its terminal from then on.")
    return "\n".join(lines)


def _after(place: Place, found: Found, left: list[str]) -> str:
    lines = [f"Done in {len(found.threads)} threads."]
    if left:
        lines.append("These files may still hold the person's words; delete them if they should go:")
        lines += [f"  {path}" for path in left]
    lines.append(
        "What is committed cannot be changed: journals in .codebutler/journals/, co-author lines, code"
        f" and memory in {place.repo.root}, its remotes and clones. A model's own words stay, too."
    )
    return "\n".join(lines)
