"""The bash tool: one command, its output bounded, nothing of it left running."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Mapping
from typing import Any

import limits
from children import Child
from faults import Fault
from workspace import Workspace


class Cancel:
    """A request's cancellation, as something that can be polled."""

    def __init__(self) -> None:
        """Opens the descriptor that becomes readable on ``set``."""
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.is_set = False
        self._lock = threading.Lock()

    def set(self) -> None:
        """Ask the running command to stop. Harmless if there is none, or if it has ended."""
        with self._lock:
            self.is_set = True
            if self.fd >= 0:
                os.eventfd_write(self.fd, 1)

    def close(self) -> None:
        """Free the descriptor."""
        with self._lock:
            os.close(self.fd)
            self.fd = -1


class Shell:
    """Runs commands one at a time: the sweep after each would hit a neighbour's."""

    def __init__(self, space: Workspace, serial: threading.Lock) -> None:
        """``serial`` is shared with everything else that must not run beside a command."""
        self.space, self.serial = space, serial

    def bash(self, arguments: Mapping[str, Any], cancel: Cancel) -> tuple[str, dict[str, Any], bool]:
        """Text, details, and whether it counts as success (exit code 0)."""
        if self.space.config.read_only:
            raise Fault("bash cannot be used now: nothing may be run before the plan is approved")
        timeout = min(float(arguments.get("timeout", limits.BASH_TIMEOUT)), limits.BASH_TIMEOUT_MAX)
        command = arguments["command"]
        if "\0" in command:
            raise Fault("the command holds a NUL character")
        with self.serial:
            if cancel.is_set:
                raise Fault("cancelled before it started")
            return _Run(self.space, command, timeout, cancel).result()


class _Run:
    def __init__(self, space: Workspace, command: str, timeout: float, cancel: Cancel) -> None:
        self.space, self.timeout, self.cancel = space, timeout, cancel
        self.kept = limits.Collector(limits.BASH_BYTES)
        self.spill: int | None = None
        self.spilled = ""
        self.spill_room = limits.SPILL_BYTES
        self.began = time.monotonic()
        self.pipe, end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(end, True)
        try:
            self.child = space.children.start(["/bin/bash", "-c", command], stdout=end, stderr=end)
        except OSError as error:
            os.close(self.pipe)
            raise Fault(f"bash could not be started: {error.strerror}") from error
        finally:
            os.close(end)

    def result(self) -> tuple[str, dict[str, Any], bool]:
        ended = self.pump(self.child)
        self.space.children.sweep(self.child)
        code = self.space.children.wait(self.child)
        self.drain()
        os.close(self.pipe)
        if self.spill is not None:
            os.close(self.spill)
        seconds = round(time.monotonic() - self.began, 3)
        code = 128 - code if code < 0 else code
        details = {"exit_code": code, "seconds": seconds, "output_bytes": self.kept.size, "ended": ended}
        if self.spilled:
            details["full_output"] = self.spilled
        return self.text(ended, code), details, ended == "exit" and code == 0

    def text(self, ended: str, code: int) -> str:
        whole = "all" if self.kept.size <= limits.SPILL_BYTES else f"first {limits.SPILL_BYTES} bytes"
        hint = f"{whole} in {self.spilled}" if self.spilled else ""
        output = self.kept.text(limits.BASH_LINES, limits.BASH_BYTES, hint)
        notes = {
            "exit": f"[exit code {code}]" if code else "",
            "timeout": f"[stopped: timed out after {self.timeout:g} s]",
            "cancelled": "[stopped: cancelled]",
        }
        parts = [output.rstrip("\n"), notes[ended]]
        return "\n".join(part for part in parts if part) or "(no output)"

    def pump(self, child: Child) -> str:
        """Read until the command ends; says how: exit, timeout or cancelled."""
        poll = select.poll()
        for fd in (self.pipe, child.pidfd, self.cancel.fd):
            poll.register(fd, select.POLLIN)
        until = self.began + self.timeout
        while True:
            ready = {fd for fd, _ in poll.poll(max(0.0, until - time.monotonic()) * 1000)}
            if self.cancel.fd in ready:
                return "cancelled"
            if child.pidfd in ready:
                return "exit"
            if time.monotonic() >= until:
                return "timeout"
            if self.pipe in ready and not self.take():
                poll.unregister(self.pipe)

    def drain(self, seconds: float = 0.2) -> None:
        """What is still in the pipe. A writer that outlives the sweep (no sandbox) is not waited for."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.take():
            pass

    def take(self) -> bool:
        """One piece of output. False at the end, or when nothing is there."""
        try:
            piece = os.read(self.pipe, 262_144)
        except BlockingIOError:
            return False
        self.kept.add(piece)
        self.overflow(piece)
        return bool(piece)

    def overflow(self, piece: bytes) -> None:
        """Keep long output in a file that read can open. Begins with what was held back until then."""
        fits = self.kept.size <= limits.BASH_BYTES and self.kept.lines <= limits.BASH_LINES
        if fits or self.spill_room <= 0:
            return
        if self.spill is None:
            self.space.spills += 1
            name = f"bash-{self.space.spills}.txt"
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                self.spill = os.open(name, flags, 0o600, dir_fd=self.space.output_fd)
            except OSError:
                self.spill_room = 0
                return
            self.spilled = os.path.join(self.space.output, name)
            before = self.kept.size - len(piece)
            piece = bytes(self.kept.head[:before]) + piece
        try:
            os.write(self.spill, piece[: self.spill_room])
        except OSError:
            self.spill_room = 0
            return
        self.spill_room -= len(piece)
