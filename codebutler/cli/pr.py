"""``codebutler pr``: the repo's pull requests at its forge."""

from __future__ import annotations

import argparse
import asyncio

from codebutler.cli.common import add_place, place_and_store
from codebutler.cli.headless import Consent, attend
from codebutler.cli.me import me
from codebutler.cli.session import open_session
from codebutler.errors import UsageError
from codebutler.forges.base import PullRequest
from codebutler.forges.choose import forge_for
from codebutler.service.app import Place, find_place
from codebutler.store.store import Store
from codebutler.surfaces.terminal import Terminal, plain
from codebutler.thread.memory_again import brought_up

HELP = "List, show, diff, merge or close pull requests."


def configure(parser: argparse.ArgumentParser) -> None:
    """list, show N, diff N, merge N, close N."""
    parser.add_argument("do", choices=["list", "show", "diff", "merge", "close"])
    parser.add_argument("number", nargs="?", type=int)
    parser.add_argument("--state", choices=["open", "merged", "closed", "all"], default="open")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 0; 1 when the merge did not go through; 2 usage."""
    if args.do != "list" and args.number is None:
        raise UsageError(f"pr {args.do} needs a number", fix="codebutler pr list shows them.")
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    place = await find_place(args.repo.resolve(), home=args.home)
    async with place_and_store(args):  # which makes it, or says that an earlier one is lost
        forge = await forge_for(place.repo, place.config, home=place.home)
    if args.do == "list":
        for pr in await forge.list(args.state):
            print(plain(_line(pr)))
        return 0
    pr = await forge.get(args.number)
    if args.do == "show":
        print(plain(f"{_line(pr)}\n{pr.url}\n\n{pr.body}"))
        return 0
    if args.do == "close":
        print(plain(_line(await forge.close(pr.number))))
        return 0
    if args.do == "diff":
        print(plain((await forge.diff(pr.number))[0]))
        return 0
    return await _merge(args, place, pr)


async def _merge(args: argparse.Namespace, place: Place, pr: PullRequest) -> int:
    """A thread's PR is merged by its thread, so that journal, memory and cleanup come along."""
    async with place_and_store(args) as (_, store):
        thread = next((r.id for r in await store.threads() if r.pr == str(pr.number)), None)
        rows = await store.events(thread) if thread else []
        if thread is None:
            return await _merge_alone(place, store, pr)

    async with open_session(place, [Terminal()]) as session:
        await session.resume(thread)
        ended = sum(
            row.kind == "turn_ended" for row in rows
        )  # the same word once more only when it was dealt with
        await session.say(action="merge", value=str(pr.number), key=f"pr-merge:{pr.head}:{ended}")
        return await attend(session, Consent(), as_json=False)


async def _merge_alone(place: Place, store: Store, pr: PullRequest) -> int:
    """One that is no thread's: what was kept without one, or somebody else's."""
    forge = await forge_for(place.repo, place.config, home=place.home)
    head, told = await brought_up(place.repo.gitdir, store, forge, pr)
    result = await forge.merge(pr.number, expected_head=head, co_authors=[await me(place.repo)])
    print(plain("\n".join([*told, f"Merged #{pr.number} as {result.sha[:12]}."])))
    return 0


def _line(pr: PullRequest) -> str:
    return f"#{pr.number:<4} {pr.state:<7} {pr.branch} → {pr.base}  {pr.title}"
