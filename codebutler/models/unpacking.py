"""Bodies that come packed although nobody asked for it, unpacked piece by piece and within bounds."""

from __future__ import annotations

import zlib

MOST = 32 * 1024 * 1024
"""Bytes that one piece may become: more is meant to fill the memory."""
_EITHER = zlib.MAX_WBITS | 32
"""Gzip or zlib, as the head says."""
_HEAD = 2
"""Bytes that tell them apart."""


class NotUnpacked(Exception):
    """It is not what it says that it is, or too large."""


class Unpacker:
    """Takes the bytes of one body, in gzip or deflate (with a head or without)."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._inside = zlib.decompressobj(_EITHER)
        self._head, self._begun = b"", False

    @classmethod
    def of(cls, encoding: str) -> Unpacker | None:
        """For a ``Content-Encoding`` in lower case; None for one that is not known, or none."""
        return cls() if encoding in {"gzip", "x-gzip", "deflate"} else None

    def feed(self, piece: bytes) -> bytes:
        """What these bytes hold. Raises NotUnpacked."""
        try:
            found = self._fed(piece)
        except zlib.error as error:
            raise NotUnpacked(str(error)) from error
        if self._inside.unconsumed_tail:
            raise NotUnpacked(f"one piece becomes more than {MOST} bytes")
        return found

    def _fed(self, piece: bytes) -> bytes:
        if self._begun:
            return self._inside.decompress(piece, MOST)
        self._head += piece
        if len(self._head) < _HEAD:
            return b""
        self._begun = True
        try:
            return self._inside.decompress(self._head, MOST)
        except zlib.error:
            self._inside = zlib.decompressobj(-zlib.MAX_WBITS)  # some servers leave out the head of deflate
            return self._inside.decompress(self._head, MOST)
