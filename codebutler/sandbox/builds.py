"""Heavy commands wait for each other: a line for each profile, shared by the sandboxes of a process."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

from codebutler.errors import ConfigError
from codebutler.places import Places
from codebutler.settings.builds import AT_ONCE, SHIPPED, Profile
from codebutler.settings.shape import Build

_SCANNED = 20_000
"""Characters of a command that are looked at."""
_BREAKS = re.compile(r"[;&|\n(){}`]+")
_ASIDE = re.compile(r"[A-Za-z_]\w*=.*|-.*|[+\d].*")
"""Assignments, options and numbers: ``CC=gcc``, ``-j4``, ``+nightly``, the seconds of ``timeout 60``."""
_BEFORE = frozenset(
    ("bash", "bundle exec", "bunx", "command", "do", "else", "env", "exec", "if", "nice", "nohup", "npm exec",
     "npx", "pipenv run", "pnpm exec", "poetry run", "sh", "stdbuf", "sudo", "then", "time", "timeout",
     "uv run", "while", "xargs", "xcrun", "yarn exec")
)  # fmt: skip
"""What stands before the program that does the work."""
_MODULE = re.compile(r"python[\d.]*")
_OVER = 1000


class Turn:
    """The places that one command has, and how long it waited for them, in seconds."""

    def __init__(self) -> None:
        """Holds nothing yet."""
        self.waited = 0.0
        self.places = ExitStack()

    def end(self) -> None:
        """Give the places to the next in line. Harmless if that was done."""
        self.places.close()


class Builds:
    """The lines, first come first served."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        """Nobody waits yet."""
        self.profiles = profiles
        self._lines = {name: Places(profile.at_once) for name, profile in profiles.items()}

    def names(self, command: str) -> list[str]:
        """The profiles that a command falls under, always in the same order: nobody waits in a circle."""
        begun = list(_programs(command[:_SCANNED]))
        return [
            name
            for name, profile in self.profiles.items()
            if any(_fits(entry.split(), words) for entry in profile.match for words in begun)
        ]

    async def turn(self, command: str, tell: Callable[[str], None]) -> Turn:
        """Wait for a place in each line that the command belongs in. ``tell`` shows people a wait.

        Cancelling leaves the lines.
        """
        mine, began = Turn(), time.monotonic()
        try:
            for name in self.names(command):
                place = mine.places.enter_context(self._lines[name].place())
                while place.number:
                    most = self.profiles[name].at_once
                    tell(
                        f"[waits for another build: {name}, {most} at once, number {place.number} in line]\n"
                    )
                    place.changed.clear()
                    await place.changed.wait()
                    mine.waited = time.monotonic() - began
        except BaseException:
            mine.end()
            raise
        return mine


class Held:
    """The turns of background jobs, which last until the job ends."""

    def __init__(self) -> None:
        """No job runs."""
        self._turns: dict[int, Turn] = {}
        self._over: set[int] = set()

    def keep(self, job: int, turn: Turn) -> None:
        """The job goes on with its places, unless its end has been told already."""
        if job in self._over:
            turn.end()
        else:
            self._turns[job] = turn

    def ended(self, job: int | None) -> None:
        """A job ended; None: all of them did, with their sandbox."""
        if job is None:
            for turn in self._turns.values():
                turn.end()
            self._turns.clear()
            self._over.clear()
        elif job in self._turns:
            self._turns.pop(job).end()
        elif len(self._over) < _OVER:
            self._over.add(job)


def configured(own: Mapping[str, Build]) -> dict[str, Profile]:
    """The shipped profiles, with what the configuration says of them, and its own ones."""
    found = dict(SHIPPED)
    for name, build in own.items():
        shipped = SHIPPED.get(name)
        match = tuple(build.match) if build.match is not None else shipped.match if shipped else ()
        if not match:
            raise ConfigError(
                f"sandbox.builds.{name} matches no command",
                fix=f"Set sandbox.builds.{name}.match, or use one of {', '.join(SHIPPED)}",
            )
        found[name] = Profile(build.at_once or (shipped.at_once if shipped else AT_ONCE), match)
    return found


def _programs(command: str) -> Iterator[list[str]]:
    """For each simple command of a line: its program, and its arguments without options."""
    for piece in _BREAKS.split(command):
        words = piece.replace("'", " ").replace('"', " ").replace("$", " ").split()
        while words and (first := _skipped(words)):
            words = words[first:]
        if len(words) > 2 and _MODULE.fullmatch(_base(words[0])) and words[1] == "-m":
            words = words[2:]
        if words:
            yield [_base(words[0]), *(word for word in words[1:] if not _ASIDE.fullmatch(word))]


def _skipped(words: list[str]) -> int:
    """How many words at the beginning are not yet the program."""
    if _ASIDE.fullmatch(words[0]) or _base(words[0]) in _BEFORE:
        return 1
    return 2 if " ".join((_base(words[0]), *words[1:2])) in _BEFORE else 0


def _base(word: str) -> str:
    return word.rpartition("/")[2]


def _fits(entry: list[str], words: list[str]) -> bool:
    """Whether the entry's program is the one, and its other words stand together among the arguments."""
    rest, count = entry[1:], len(entry) - 1
    return words[0] == entry[0] and any(
        words[at : at + count] == rest for at in range(1, len(words) - count + 1 if rest else 2)
    )
