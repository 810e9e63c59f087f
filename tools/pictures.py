"""Images: recognised by their first bytes, with their size in pixels, never decoded."""

from __future__ import annotations

import struct
from typing import NamedTuple

import limits

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers whose segment holds the size."""
_ENDS = {"image/png": b"IEND\xaeB`\x82", "image/jpeg": b"\xff\xd9", "image/gif": b"\x3b"}


class Picture(NamedTuple):
    """What kind of image, and how many pixels."""

    media_type: str
    width: int
    height: int


def recognise(start: bytes) -> Picture | None:
    """The image that begins like this; None for everything else, and for one that is broken off."""
    try:
        if start.startswith(b"\x89PNG\r\n\x1a\n") and start[12:16] == b"IHDR":
            return Picture("image/png", *struct.unpack(">II", start[16:24]))
        if start.startswith((b"GIF87a", b"GIF89a")):
            return Picture("image/gif", *struct.unpack("<HH", start[6:10]))
        if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
            return _webp(start)
        return _jpeg(start) if start.startswith(b"\xff\xd8\xff") else None
    except struct.error:
        return None


def unshown(picture: Picture, data: bytes) -> str:
    """Why a model is told of a picture and not shown it, or "". ``data`` is all of it, or more than fits.

    A server that decodes it must not be made to fill its memory, nor refuse the whole conversation.
    """
    if len(data) > limits.IMAGE_BYTES or max(picture.width, picture.height) > limits.IMAGE_SIDE:
        return "It is too large to be shown: make a smaller copy"
    if picture.media_type == "image/webp":
        whole = len(data) >= 8 + int.from_bytes(data[4:8], "little")
    else:
        whole = _ENDS[picture.media_type] in data[8:]  # some programs put notes of their own behind it
    return "" if whole and min(picture.width, picture.height) else "It is broken, and not shown"


def _webp(start: bytes) -> Picture | None:
    kind = start[12:16]
    if kind == b"VP8X":
        wide, high = (int.from_bytes(start[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack("<I", start[21:25])
        wide, high = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        wide, high = (side & 0x3FFF for side in struct.unpack("<HH", start[26:30]))
    else:
        return None
    return Picture("image/webp", wide, high)


def _jpeg(start: bytes) -> Picture | None:
    at = 2
    while at + 9 <= len(start) and start[at] == 0xFF:
        marker, length = start[at + 1], int.from_bytes(start[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            high, wide = struct.unpack(">HH", start[at + 5 : at + 9])
            return Picture("image/jpeg", wide, high)
        at += 2 + length
    return None
