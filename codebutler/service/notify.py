"""What a serving process tells whoever supervises it: systemd's notification protocol, in a few lines.

Without ``NOTIFY_SOCKET`` in the environment nothing is told, and nothing is wrong.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import socket
from collections.abc import MutableMapping

BEATS = 4.0
"""Signs of life within the time after which the supervisor takes the process for hung."""


class Supervisor:
    """Whoever started the process, if it wants to be told."""

    def __init__(self, env: MutableMapping[str, str]) -> None:
        """Takes its variables out of ``env``: they are for this process and none of its children."""
        self._address = env.pop("NOTIFY_SOCKET", "")
        usec, pid = env.pop("WATCHDOG_USEC", ""), env.pop("WATCHDOG_PID", "")
        ours = not pid or pid == str(os.getpid())
        self.patience = int(usec) / 1e6 if usec.isdecimal() and ours and self._address else 0.0
        """Seconds of silence after which it kills us; 0 when it does not watch."""

    def ready(self, status: str) -> None:
        """The process is up."""
        self._tell(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """A line for people."""
        self._tell(f"STATUS={status}")

    def stopping(self) -> None:
        """The process has begun to end."""
        self._tell("STOPPING=1\nSTATUS=stopping")

    async def beat(self) -> None:
        """Give signs of life until cancelled: a loop that hangs gives none, and is then killed.

        What it hung in stands on standard error: the supervisor kills with SIGABRT.
        """
        if not self.patience:
            await asyncio.Event().wait()
        faulthandler.enable()
        while True:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.patience / BEATS)

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            try:
                out.sendto(words.encode(), address)
            except OSError:  # nobody takes it: a supervisor that is gone has nothing to be told
                return
