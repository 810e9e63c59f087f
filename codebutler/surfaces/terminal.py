"""The terminal door: messages as rich text, the status card as one line, streamed words as they come."""

from __future__ import annotations

import asyncio
import getpass
import os
from typing import TYPE_CHECKING

from codebutler.thread.lastword import TERMINAL
from codebutler.types import Capabilities, Outbound, Person

if TYPE_CHECKING:
    from rich.console import Console
    from rich.markdown import Markdown

NAME = TERMINAL
_COLOURS = {"pm": "cyan", "coder": "green", "lead": "magenta", "researcher": "blue", "artist": "yellow"}
_BORDERS = {"plan": "cyan", "question": "yellow", "error": "red", "report": "magenta", "choices": "green"}


def os_person() -> Person:
    """The acting person at a terminal: the user of the operating system."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in containers
        name = str(os.getuid())
    return Person(surface=NAME, id=name, name=name)


class Terminal:
    """Prints what the thread posts. ``status`` and ``writing`` are there for a toolbar to show."""

    name = NAME
    capabilities = Capabilities(edits=True, streaming=True)

    def __init__(self, console: Console | None = None, *, quiet: bool = False, toolbar: bool = False) -> None:
        """``quiet`` prints nothing (events are printed instead); ``toolbar``: one shows ``status``.

        Without a ``console`` standard output gets one with the first message: a quiet door never loads rich.
        """
        self._toolbar = toolbar
        self._given = console
        self.quiet = quiet
        self.conversation = ""
        """The one that this terminal shows ("": all); others belong to the terminals of other processes."""
        self._shown: set[str] = set()
        self.caught_up = asyncio.Event()
        """Clear while older messages are still to be shown: what an outbox brings waits its turn."""
        self.caught_up.set()
        self.status = ""
        self.writing = ""

    @property
    def _console(self) -> Console:
        from rich.console import Console

        self._given = self._given or Console()
        return self._given

    async def deliver(self, external_id: str, message: Outbound, *, mark: str, replaces: str) -> str:
        """Print the message, once per mark and in its turn; the status card only goes to the toolbar.

        "" for what another terminal is to show: it waits for whoever opens that one next.
        """
        if external_id != (self.conversation or external_id):
            return ""
        await self.caught_up.wait()
        self.show(message, mark)
        return mark

    def show(self, message: Outbound, mark: str) -> None:
        """Print the message now, unless it was."""
        if mark in self._shown:
            return
        self._shown.add(mark)
        if message.slot == "status":
            line = one_line(message)
            changed, self.status = self.status != line, line
            if changed and not self.quiet and not self._toolbar:
                self._console.print(line, style="dim", markup=False, no_wrap=True, overflow="ellipsis")
        elif not self.quiet:
            self.writing = ""
            self._print(message)

    def quote(self, words: str) -> None:
        """Print what was said earlier."""
        if words and not self.quiet:
            self._console.print(plain(words), style="dim", markup=False)

    async def stream(self, external_id: str, role: str, delta: str) -> None:
        """Keep the tail of what a role is writing."""
        self.writing = (self.writing + delta)[-200:]

    def _print(self, message: Outbound) -> None:
        from rich.panel import Panel

        title = f"[bold {_COLOURS.get(message.role, 'white')}]{message.role.upper() or 'CodeButler'}[/]"
        files = "".join(f"\n\n[{each.name}]" for each in message.files)
        body = _markdown(plain(message.text + files))
        border = _BORDERS.get(message.kind)
        if border is not None:
            self._console.print(Panel(body, title=title, title_align="left", border_style=border))
        else:
            self._console.print(title)
            self._console.print(body)


def _markdown(text: str) -> Markdown:
    """Rich drops HTML, and what looks like it: here ``<role>`` is a word like others."""
    from markdown_it import MarkdownIt
    from rich.markdown import Markdown

    shown = Markdown("")
    shown.parsed = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"]).parse(text)
    for child in (child for token in shown.parsed for child in token.children or ()):
        if child.type == "softbreak":  # a line is a line, as at every other door
            child.type, child.tag = "hardbreak", "br"
    return shown


def one_line(card: Outbound) -> str:
    """The status card for a place that has one line and no bold: where the work is now."""
    line = str(card.data.get("line") or card.text)
    return " ".join(plain(line).replace("*", "").replace("`", "").split())


def plain(text: str) -> str:
    """``text`` without control characters: a model's words must not steer the terminal."""
    return "".join(c for c in text if c in "\n\t" or (c.isprintable() and c != "\x7f"))
