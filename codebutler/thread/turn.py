"""A running turn as the dispatcher holds it: how it hears of mail, and how it is stopped without harm."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from codebutler.thread.log import Wrote
from codebutler.thread.state import ThreadState


class Turn:
    """Shared by the dispatcher, which stops it, and by the turn's work, which says where that is harmless.

    A *calm* stretch is one that can be broken off without leaving a step half done: a model call, a wait.
    """

    def __init__(self, wrote: Wrote | None = None) -> None:
        """``wrote`` hears of every commit of the turn."""
        self.mail = asyncio.Event()
        """Set when something came in that the turn may not have read."""
        self.news = asyncio.Event()
        """The same, for who looks at what came in while a step is under way."""
        self.wrote = wrote
        self.task: asyncio.Task[None] | None = None
        self.epoch: int | None = None
        """With which the turn holds its thread; None before it has claimed it."""
        self.state = ThreadState("")
        """The thread as it stands; empty before the turn has claimed it, for it reads what came first."""
        self.begun = False
        """Whether the task runs: cancelled before that, it would not even notice."""
        self.waits = False
        """The status card says that a role waits: once it does not, the card is to say so."""
        self.silent: set[str] = set()
        """Roles whose model was asked and has sent nothing yet."""
        self._swapped: set[str] = set()
        """Roles that were given another model since theirs was asked."""
        self.ending = False
        """The process ends or gives the thread away: no further step is begun."""
        self._calm = 0
        self._firm = 0
        self._wanted = False
        self._broken = False

    def interrupt(self) -> None:
        """Break off whatever is under way, unless it is firm; the thread then gets another turn."""
        if self._firm:
            self._wanted = True
            return
        self._broken = self.begun
        self._cancel()

    def halt(self) -> None:
        """Break off as soon as no step is cut short by it; the thread then gets another turn."""
        self._wanted = True
        if self._calm:
            self.interrupt()

    def finish(self, *, urgent: bool) -> None:
        """Let the step that is under way be the last. ``urgent`` breaks off what is calm, too."""
        self.ending = True
        if urgent and self._calm:
            self._cancel()

    @contextmanager
    def calm(self) -> Iterator[None]:
        """Around what may be broken off."""
        self.point()
        self._calm += 1
        try:
            yield
        finally:
            self._calm -= 1

    @contextmanager
    def asking(self, role: str) -> Iterator[None]:
        """Around a call of ``role``'s model; it is silent until ``silent`` is told otherwise."""
        with self.calm():
            self.silent.add(role)
            self._swapped.discard(role)
            try:
                yield
            finally:
                self.silent.discard(role)

    def told_to_wait(self) -> None:
        """The status card says that a role waits. If it has another model by now, it need not."""
        self.waits = True
        self._leave_silent()

    def swapped(self, roles: Iterable[str], *, waits: bool) -> None:
        """``roles`` have other models. ``waits``: people had been told of a wait, so it ends here."""
        self._swapped.update(roles)
        if waits:
            self._leave_silent()

    def _leave_silent(self) -> None:
        if self._swapped & self.silent:
            self.halt()

    @contextmanager
    def firm(self) -> Iterator[None]:
        """Around what is not to be broken off: it cannot be taken back, so the log must hear of it."""
        self.point()
        self._firm += 1
        try:
            yield
        finally:
            self._firm -= 1

    def point(self) -> None:
        """Nothing is under way here: go no further if the turn is to stop. Raises CancelledError."""
        if self._wanted:
            self._broken = True
        if self._wanted or self.ending:
            raise asyncio.CancelledError

    def hear(self) -> None:
        """The mail is about to be read: whatever came before this is no longer news."""
        self.mail.clear()
        self._wanted = False

    def goes_on(self) -> bool:
        """After a CancelledError: whether the turn was only broken off, and another one is to follow."""
        if not self._broken or self.ending:
            return False
        self._broken = False
        while self.task is not None and self.task.uncancel():  # it may have been broken off several times
            pass
        return True

    def _cancel(self) -> None:
        if self.task is not None and self.begun:
            self.task.cancel()
