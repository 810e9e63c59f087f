"""``codebutler run``: one thread, headless."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys

from codebutler.cli import stopping
from codebutler.cli.attaching import add_attach, attach
from codebutler.cli.common import add_place
from codebutler.cli.headless import Consent, attend, show_summary
from codebutler.cli.session import Session, open_session
from codebutler.errors import UsageError
from codebutler.events import MessageReceived, parse
from codebutler.models import client
from codebutler.service.app import find_place
from codebutler.surfaces.terminal import NAME, Terminal
from codebutler.thread.intake import Mode

HELP = "Run one thread without a person at the keys."


def configure(parser: argparse.ArgumentParser) -> None:
    """The contract of design §8."""
    parser.add_argument("task", nargs="?", default="", help="what to do, or what to say to --thread")
    parser.add_argument("--yes", action="store_true", help="approve the plan")
    parser.add_argument("--merge", action="store_true", help="also keep memory items and merge")
    parser.add_argument("--json", action="store_true", help="one event a line; the last line is the summary")
    add_place(parser)
    add_attach(parser)
    parser.add_argument("--role", choices=["coder"], help="only the Coder, on the task as given")
    parser.add_argument("--thread", default="", metavar="ID", help="go on with this thread")
    parser.add_argument("--key", default="", help="run again with the same key: the same thread goes on")


def run(args: argparse.Namespace) -> int:
    """Exit 0 answered or PR, 1 failed, 2 usage, 3 waits for a person, 4 no sandbox, 130 interrupted."""
    if not args.task.strip() and not args.thread and not args.attach:
        raise UsageError("no task given", fix='codebutler run "what to do" [--yes]')
    for name, given in (("the task", args.task), ("--key", args.key), ("--thread", args.thread)):
        _need_text(name, given)
    return stopping.run(_run(args))


def _need_text(name: str, given: str) -> None:
    """Bytes of the command line that are no UTF-8 cannot be kept: Python hands them on as lone surrogates."""
    try:
        given.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{name} is not valid UTF-8", fix="Give it as UTF-8 text.") from None


async def _run(args: argparse.Namespace) -> int:
    ahead = asyncio.create_task(client.load())  # takes long: while git is waited for
    try:
        return await _attended(args, ahead)
    finally:
        ahead.cancel()  # whatever ended the run before it was needed is what the person hears of
        await asyncio.gather(ahead, return_exceptions=True)


async def _attended(args: argparse.Namespace, ahead: asyncio.Task[None]) -> int:
    place = await find_place(args.repo.resolve(), home=args.home)
    door = Terminal(quiet=args.json)
    async with open_session(place, [door]) as session:
        session.host.router.check()
        files = await attach(args.attach, session.host.store, place.redactor)
        if args.thread:
            await session.resume(args.thread, recall=not (args.task.strip() or args.attach))
            if args.task.strip() or files:
                await session.say(args.task, files=files)
        else:
            external = args.key or f"run-{secrets.token_hex(6)}"
            await session.begin(external)
            await _same_task(session, args.key, args.task)
            mode: Mode = "coder" if args.role == "coder" else "team"
            await session.say(args.task, key=f"{external}:task", mode=mode, files=files)
        await ahead
        try:
            code = await attend(session, Consent(plan=args.yes, merge=args.merge), as_json=args.json)
        except (asyncio.CancelledError, OSError):  # Ctrl-C, or nobody takes the output: the thread can go on
            go_on = f"codebutler run --thread {session.thread}"
            print(f"The thread is kept; go on with: {go_on}", file=sys.stderr)
            raise
        show_summary(session, code, as_json=args.json, repo=str(place.repo.root))
        return code


async def _same_task(session: Session, key: str, task: str) -> None:
    """A key stands for one thread: another task under it would be dropped without a word."""
    thread = await session.host.store.find(NAME, key) if key else None
    if thread is None:
        return
    rows = await session.host.store.events(thread)
    first = next((e for e in map(parse, (r.body for r in rows)) if isinstance(e, MessageReceived)), None)
    if first is not None and first.text != session.place.redactor.text(task):
        raise UsageError(
            f"the key {key!r} belongs to thread {thread}, which was asked: {first.text[:80]}",
            fix=f'Use another key, or say more to it: codebutler run --thread {thread} "…"',
        )
