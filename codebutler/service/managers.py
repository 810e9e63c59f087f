"""The programs that keep services running: a user's systemd, launchd. Each is asked by its own command."""

from __future__ import annotations

import os
import shutil
import sys
from asyncio.subprocess import STDOUT
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from codebutler.errors import CodeButlerError
from codebutler.processes import captured
from codebutler.service.unit import Service, launchd_agent, systemd_unit

SECONDS = 150.0
"""How long a manager may take: a service that starts has two minutes to say that it is up."""
_INSTEAD = (
    "In a container or under another supervisor let that one run: codebutler serve --repo DIR"
    " (docs/service.md)."
)


class State(Struct, frozen=True):
    """How a service is. ``state`` in the manager's words; ``at_login``: it starts by itself."""

    running: bool
    state: str
    pid: int = 0
    at_login: bool = False
    restarts: int = 0
    said: str = ""
    """The service's own line about itself."""


class Manager(Protocol):
    """Keeps services running. Everything raises CodeButlerError with the manager's own words."""

    def file(self, name: str) -> Path:
        """Where it looks for the service's file."""

    async def check(self) -> None:
        """Raise when it is not there, or not for this user."""

    async def text(self, service: Service) -> str:
        """The service's file, as this manager reads it."""

    async def start(self, name: str) -> None:
        """Read the file, start the service or start it again, and do so at every login."""

    async def stop(self, name: str) -> None:
        """Stop it, and start it no more. Not an error when it does not run."""

    async def forget(self, name: str) -> None:
        """Its file is gone."""

    async def state(self, name: str) -> State:
        """How it is."""

    async def hints(self) -> list[str]:
        """What a person should know beside."""


def manager(env: Mapping[str, str] | None = None, platform: str = sys.platform) -> Manager:
    """The manager of this platform."""
    variables = os.environ if env is None else env
    if platform == "darwin":
        return Launchd(variables)
    return Systemd(variables)


def _home(env: Mapping[str, str]) -> Path:
    try:
        return Path(env["HOME"]) if env.get("HOME") else Path.home()
    except RuntimeError as error:
        raise CodeButlerError(
            "HOME is not set, and the system knows no home of this user",
            fix="Set HOME to the home of the user whose service it is.",
        ) from error


async def call(*words: str) -> tuple[int, str]:
    """Exit code and output of a program; 127 when there is none. Killed after SECONDS."""
    program = shutil.which(words[0])
    if program is None:
        return 127, f"{words[0]} is not installed"
    try:
        done = await captured(program, *words[1:], seconds=SECONDS, stderr=STDOUT)
    except TimeoutError:
        return 124, f"{words[0]} did not answer within {SECONDS:g} seconds"
    return done.code, done.out.decode(errors="replace").strip()


class Systemd:
    """systemd, the manager of one user."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """``env`` says where the user's units are."""
        self._env = env

    def file(self, name: str) -> Path:
        """See Manager."""
        named = self._env.get("XDG_CONFIG_HOME", "")
        config = Path(named) if named.startswith("/") else _home(self._env) / ".config"
        return config / "systemd" / "user" / f"{name}.service"

    async def check(self) -> None:
        """See Manager."""
        code, said = await call("systemctl", "--user", "show-environment")
        if code:
            why = said.splitlines()[0] if said else f"exit {code}"
            raise CodeButlerError(f"systemd runs no services for this user here ({why})", fix=_INSTEAD)

    async def text(self, service: Service) -> str:
        """See Manager."""
        _, said = await call("systemctl", "--version")
        number = said.split()[1:2]
        return systemd_unit(service, version=int(number[0]) if number and number[0].isdecimal() else 0)

    async def start(self, name: str) -> None:
        """See Manager."""
        await self._do("daemon-reload")
        await self._do("enable", f"{name}.service")
        await self._do("restart", f"{name}.service")

    async def stop(self, name: str) -> None:
        """See Manager."""
        await self._do("disable", "--now", f"{name}.service")

    async def forget(self, name: str) -> None:
        """See Manager."""
        await self._do("daemon-reload")
        await call("systemctl", "--user", "reset-failed", f"{name}.service")  # it may not have failed

    async def state(self, name: str) -> State:
        """See Manager."""
        keys = "ActiveState,SubState,MainPID,NRestarts,Result,UnitFileState,StatusText"
        code, said = await call("systemctl", "--user", "show", f"{name}.service", "-p", keys)
        if code:
            return State(running=False, state="unknown")
        found = dict(line.partition("=")[::2] for line in said.splitlines())
        words = f"{found.get('ActiveState', 'unknown')} ({found.get('SubState', '')})"
        if found.get("Result", "success") != "success":
            words += f", {found['Result']}"
        return State(
            running=found.get("ActiveState") == "active",
            state=words,
            pid=_number(found.get("MainPID")),
            at_login=found.get("UnitFileState") == "enabled",
            restarts=_number(found.get("NRestarts")),
            said=found.get("StatusText", ""),
        )

    async def hints(self) -> list[str]:
        """See Manager."""
        code, said = await call("loginctl", "show-user", str(os.getuid()), "-p", "Linger", "--value")
        if code == 0 and said == "yes":
            return []
        return ["It ends when you log out. To have it run from boot on, always: loginctl enable-linger"]

    async def _do(self, *words: str) -> None:
        code, said = await call("systemctl", "--user", *words)
        if code:
            last = said.splitlines()[0] if said else f"exit {code}"
            raise CodeButlerError(
                f"systemctl --user {' '.join(words)}: {last}", fix="codebutler service logs"
            )


class Launchd:
    """launchd, for the user who is logged in."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """``env`` says where the user's agents are."""
        self._env = env
        self._domain = f"gui/{os.getuid()}"

    def file(self, name: str) -> Path:
        """See Manager."""
        return _home(self._env) / "Library" / "LaunchAgents" / f"{name}.plist"

    async def check(self) -> None:
        """See Manager."""
        code, said = await call("launchctl", "print", self._domain)
        if code:
            why = said.splitlines()[0] if said else f"exit {code}"
            raise CodeButlerError(f"launchd runs no services for this user here ({why})", fix=_INSTEAD)

    async def text(self, service: Service) -> str:
        """See Manager."""
        return launchd_agent(service)

    async def start(self, name: str) -> None:
        """See Manager."""
        await call("launchctl", "bootout", f"{self._domain}/{name}")  # it may not be there
        await self._do("bootstrap", self._domain, str(self.file(name)))

    async def stop(self, name: str) -> None:
        """See Manager."""
        await call("launchctl", "bootout", f"{self._domain}/{name}")

    async def forget(self, name: str) -> None:
        """See Manager. There is nothing to forget."""

    async def state(self, name: str) -> State:
        """See Manager."""
        code, said = await call("launchctl", "print", f"{self._domain}/{name}")
        if code:
            return State(running=False, state="not loaded")
        found = dict(line.strip().partition(" = ")[::2] for line in said.splitlines() if " = " in line)
        state = found.get("state", "unknown")
        runs = _number(found.get("runs"))
        return State(
            running=state == "running",
            state=state,
            pid=_number(found.get("pid")),
            at_login=True,
            restarts=max(0, runs - 1),
        )

    async def hints(self) -> list[str]:
        """See Manager."""
        return ["It runs while you are logged in, as launchd agents do."]

    async def _do(self, *words: str) -> None:
        code, said = await call("launchctl", *words)
        if code:
            last = said.splitlines()[0] if said else f"exit {code}"
            raise CodeButlerError(f"launchctl {' '.join(words)}: {last}", fix="codebutler service logs")


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
