"""Server-sent events: bytes in, cut anywhere, and the data of each event out. Pure."""

from __future__ import annotations

_MARK = b"\xef\xbb\xbf"
"""What some Windows programs put in front of UTF-8."""


class EventTooLarge(ValueError):
    """One event is longer than the limit."""


class Events:
    """Feed it what arrives; it gives back the data of the events that are complete.

    Lines end in LF, CR or CRLF; comments and fields other than ``data`` are passed over.
    """

    def __init__(self, limit: int) -> None:
        """``limit``: bytes that one event may hold before ``EventTooLarge`` is raised."""
        self._limit = limit
        self._open: list[bytes] = []
        """The parts of a line whose end has not come."""
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._first = True

    def feed(self, piece: bytes) -> list[bytes]:
        """Take in the next bytes; returns the data of every event that they complete."""
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
            self._after_cr = False
        if not piece:
            return []
        self._after_cr = piece.endswith(b"\r")
        done: list[bytes] = []
        for line in piece.splitlines(keepends=True):
            self._size += len(line)
            if self._size > self._limit:
                raise EventTooLarge(f"an event of more than {self._limit} bytes")
            if line.endswith((b"\n", b"\r")):
                whole = b"".join([*self._open, line.rstrip(b"\r\n")])
                self._open.clear()
                self._line(whole, done)
            else:
                self._open.append(line)
        return done

    def end(self) -> list[bytes]:
        """The stream is over: an event that lacks only its empty line still counts."""
        done: list[bytes] = []
        self._line(b"", done)
        return done

    def _line(self, line: bytes, done: list[bytes]) -> None:
        if self._first:
            self._first, line = False, line.removeprefix(_MARK)
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif not line:
            if self._data:
                done.append(b"\n".join(self._data))
            self._data, self._size = [], 0
        elif not self._data:
            self._size = 0  # comments may come for ever
