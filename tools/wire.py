"""Newline-delimited JSON on two descriptors: bounded lines in, whole lines out."""

from __future__ import annotations

import json
import os
import select
import threading
from collections.abc import Iterator
from typing import Any

_PIECE = 64 * 1024
"""Bytes asked for at once: for much more, each read would map memory of its own."""


class Wire:
    """The protocol's two ends. Writing is safe from any thread."""

    def __init__(self, reader: int, writer: int, longest: int) -> None:
        """``longest`` is the most bytes that a line may have."""
        self._reader, self._writer, self._longest = reader, writer, longest
        self._lock = threading.Lock()

    def lines(self) -> Iterator[bytes | None]:
        """Each line without its end, until the other side closes (the last one may lack it).

        None stands for one that was too long.
        """
        held, skipping = bytearray(), False
        while piece := os.read(self._reader, _PIECE):
            *whole, rest = piece.split(b"\n")
            for part in whole:
                held += part
                yield None if skipping or len(held) > self._longest else bytes(held)
                held.clear()
                skipping = False
            held += rest
            if len(held) > self._longest:
                held.clear()
                skipping = True
        if held or skipping:
            yield None if skipping else bytes(held)

    def is_unread(self) -> bool:
        """Whether nobody can read what is sent from now on."""
        poll = select.poll()
        poll.register(self._writer, 0)
        return bool(poll.poll(0))

    def send(self, message: dict[str, Any]) -> None:
        """Write one message. A reader that has gone is not an error: the next read ends the program."""
        text = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":"), ensure_ascii=False)
        data = memoryview(text.encode("utf-8", "replace") + b"\n")  # half a surrogate is no text
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._writer, data) :]
            except BrokenPipeError:
                return
