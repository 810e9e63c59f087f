"""``codebutler chat``: a thread in the terminal."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codebutler.cli import stopping
from codebutler.cli.attaching import add_attach, attach
from codebutler.cli.common import add_place
from codebutler.cli.piping import bursts_of, piped
from codebutler.cli.session import Session, open_session
from codebutler.service.app import Place, find_place
from codebutler.surfaces.terminal import Terminal, plain
from codebutler.thread.state import ThreadState

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from rich.console import Console

HELP = "Talk to the team in the terminal, in any git repo."
GREETING = (
    "Say what you need. [bold]/help[/] lists commands, [bold]F2[/] approves a plan, [bold]Ctrl-D[/] leaves "
    "(the thread is kept)."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Where, and which thread."""
    add_place(parser)
    add_attach(parser)
    parser.add_argument("--thread", default="", metavar="ID", help="go on with this thread")


def run(args: argparse.Namespace) -> int:
    """Exit 0 when the person leaves."""
    return stopping.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    place = await find_place(args.repo.resolve(), home=args.home)
    await converse(place, thread=args.thread, attached=args.attach)
    return 0


async def converse(
    place: Place, *, thread: str = "", first: str = "", until_closed: bool = False,
    attached: Sequence[Path] = (),
) -> ThreadState:  # fmt: skip
    """Read lines from the person and show what the thread says, until they leave.

    ``first`` is typed ahead for the person; ``attached`` goes with the first line that they say;
    ``until_closed`` ends the talk with the thread.
    """
    from rich.console import Console

    console = Console()
    door = Terminal(console, toolbar=console.is_terminal and sys.stdin.isatty())

    async def listener(name: str, role: str, delta: str) -> None:
        await door.stream(name, role, delta)

    async with open_session(place, [door], listener) as session:
        session.host.router.check()
        files = await attach(list(attached), session.host.store, place.redactor)
        if thread:
            await session.resume(thread, recall=True)
        else:
            await session.begin(f"chat-{secrets.token_hex(6)}")
        console.print(GREETING)
        following = asyncio.create_task(_follow(session, until_closed=until_closed))
        try:
            async for line in _lines(console, door, session, first, following):
                await session.say(line, files=files)
                files = []
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        if session.thread and session.state.phase != "closed":
            console.print(f"The thread is kept: [bold]codebutler chat --thread {session.thread}[/]")
        return session.state


async def _follow(session: Session, *, until_closed: bool) -> None:
    """Keep the session's state in step; end with the thread if asked to."""
    await session.begun.wait()
    async for batch in session.batches():
        if until_closed and not batch and session.state.phase == "closed" and await session.at_rest():
            return


async def _lines(
    console: Console, door: Terminal, session: Session, first: str, following: asyncio.Task[None]
) -> AsyncIterator[str]:
    """The person's lines: from a prompt on a terminal, else from standard input."""
    typed = sys.stdin.isatty() and console.is_terminal

    def tell(notice: str) -> None:
        console.print(notice, markup=False)

    lines = _prompted(door, session, first) if typed else piped(session, bursts_of(sys.stdin.fileno()), tell)
    while True:
        nxt = asyncio.ensure_future(anext(lines, None))
        await asyncio.wait({nxt, following}, return_when=asyncio.FIRST_COMPLETED)
        if not nxt.done():
            nxt.cancel()
            await asyncio.gather(nxt, return_exceptions=True)
            await lines.aclose()
            return
        line = nxt.result()
        if line is None or line.strip() in {"/quit", "/exit"}:
            return
        if line.strip():
            yield line


async def _prompted(door: Terminal, session: Session, first: str) -> AsyncGenerator[str, None]:
    from prompt_toolkit.patch_stdout import patch_stdout

    prompt = _prompt(door, session)
    with patch_stdout(raw=True):
        while True:
            try:
                yield await prompt.prompt_async("> ", default=first, handle_sigint=False)
            except (EOFError, KeyboardInterrupt):
                return
            first = ""


def _prompt(door: Terminal, session: Session) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings

    keys: KeyBindings = KeyBindings()

    @keys.add("f2")
    def approve(event: KeyPressEvent) -> None:
        if session.state.plan_waits and session.state.plan is not None:
            event.app.create_background_task(_approve(session, session.state.plan.hash))

    def toolbar() -> str:
        writing = plain(door.writing).replace("\n", " ")[-80:]
        return f" {door.status[: shutil.get_terminal_size().columns - 2]}" + (
            f"\n … {writing}" if writing else ""
        )

    return PromptSession(key_bindings=keys, bottom_toolbar=toolbar, refresh_interval=0.3)


async def _approve(session: Session, plan: str) -> None:
    await session.say(action="approve", value=plan)
