"""What a command prints: both ends kept for the model, all of it in a file, the latest for who watches."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable

import limits
from workspace import Workspace

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\))")
_OVERWRITTEN = re.compile(r"[^\n]*\r(?=[^\n])")


def as_seen(text: str) -> str:
    """What a terminal would show in the end: no colours, and of a progress bar its last state."""
    text = _ESCAPES.sub("", text)
    return _OVERWRITTEN.sub("", text.replace("\r\n", "\n")) if "\r" in text else text


class Output:
    """The reading end of a command's stdout and stderr. Safe to read and to ask from two threads."""

    def __init__(self, space: Workspace, name: str = "", watch: Watch | None = None) -> None:
        """With ``name``, everything goes to that file from the start; else only what is too long to show."""
        self.space, self.watch = space, watch
        self.kept = limits.Collector(limits.BASH_BYTES)
        self.total = 0
        self._name = name
        self._file = -1
        self._room = limits.SPILL_BYTES
        self._lock = threading.Lock()
        self.path = ""
        self.pipe, self.end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(self.end, True)

    def started(self) -> None:
        """The command has the writing end: let go of ours."""
        os.close(self.end)

    def take(self) -> bool:
        """One piece of output. False at the end, or when nothing is there."""
        try:
            piece = os.read(self.pipe, 262_144)
        except BlockingIOError:
            return False
        with self._lock:
            self.total += len(piece)
            self.kept.add(piece)
            self._keep(piece)
        if self.watch is not None:
            self.watch.add(piece)
        return bool(piece)

    def drain(self, seconds: float = 0.2) -> None:
        """What is still in the pipe. A writer that outlives the sweep (no sandbox) is not waited for."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.take():
            pass

    def close(self) -> None:
        """Free the descriptors; the text stays."""
        os.close(self.pipe)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def text(self) -> str:
        """What was printed since the last call, within the limits."""
        with self._lock:
            kept, self.kept = self.kept, limits.Collector(limits.BASH_BYTES)
        whole = "all" if self.total <= limits.SPILL_BYTES else f"first {limits.SPILL_BYTES} bytes"
        hint = f"{whole} in {self.path}" if self.path else ""
        return as_seen(kept.text(limits.BASH_LINES, limits.BASH_BYTES, hint)).rstrip("\n")

    def _keep(self, piece: bytes) -> None:
        """Long output in a file that read can open. Begins with what was held back until then."""
        fits = self.kept.size <= limits.BASH_BYTES and self.kept.lines <= limits.BASH_LINES
        if (fits and not self._name) or self._room <= 0 or not piece:
            return
        try:
            if self._file < 0:
                self._open()
                piece = bytes(self.kept.head[: self.kept.size - len(piece)]) + piece
            os.write(self._file, piece[: self._room])
        except OSError:
            self._room = 0
            return
        self._room -= len(piece)

    def _open(self) -> None:
        self.space.spills += 1
        name = self._name or f"bash-{self.space.spills}.txt"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(name, flags, 0o600, dir_fd=self.space.output_fd)
        self.path = os.path.join(self.space.output, name)


class Watch:
    """Passes the newest output on now and then: enough for a person to follow, never a flood."""

    def __init__(self, send: Callable[[str, int], None]) -> None:
        """``send`` gets the newest text and how many bytes there were so far."""
        self._send = send
        self._newest = bytearray()
        self._total = 0
        self._due = 0.0

    def add(self, piece: bytes) -> None:
        """Note a piece, and pass it on if it is time."""
        if not piece:
            return
        if not self._newest:
            self._due = max(self._due, time.monotonic() + limits.WATCH_FIRST)
        self._newest += piece
        del self._newest[: -limits.WATCH_BYTES]
        self._total += len(piece)
        self.flush()

    def wait(self) -> float:
        """Seconds until something is to be passed on."""
        return max(0.0, self._due - time.monotonic()) if self._newest else 3600.0

    def flush(self) -> None:
        """Pass on what is due."""
        now = time.monotonic()
        if self._newest and now >= self._due:
            self._send(self._newest.decode("utf-8", "replace"), self._total)
            self._newest.clear()
            self._due = now + limits.WATCH_SECONDS
