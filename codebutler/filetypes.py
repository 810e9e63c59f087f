"""What a file is, by its first bytes: nobody's word for it is believed, neither a name nor a header."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

PICTURES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}
"""Kinds of pictures that models take, with their endings."""
AUDIO = {
    "audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/wav": "wav", "audio/mp4": "m4a", "audio/webm": "webm",
    "audio/flac": "flac",
}  # fmt: skip
"""Kinds of audio that transcription services take, with their endings."""
TEXT = "text/plain"
UNKNOWN = "application/octet-stream"
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "audio/webm"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
)
_PARTS = {(b"RIFF", b"WEBP"): "image/webp", (b"RIFF", b"WAVE"): "audio/wav"}
_ENDS = {"image/png": b"IEND\xaeB`\x82", "image/jpeg": b"\xff\xd9", "image/gif": b"\x3b"}
_NAME = 80
_SEGMENTS = 4096
"""Most parts of a JPEG that are gone through for its size: real ones have some dozens."""


class Shape(NamedTuple):
    """A picture's kind, and its size in pixels."""

    media_type: str
    width: int
    height: int


def media_type(data: bytes) -> str:
    """The kind of a file's content; text is UTF-8 without zero bytes."""
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    if (data[:4], data[8:12]) in _PARTS:
        return _PARTS[data[:4], data[8:12]]
    if data[4:8] == b"ftyp" and data[8:11] in {b"M4A", b"mp4", b"iso", b"M4B", b"3gp", b"qt "}:
        return "audio/mp4"
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2:  # an MPEG frame of layer III
        return "audio/mpeg"
    return TEXT if _is_text(data) else UNKNOWN


def _is_text(data: bytes) -> bool:
    if b"\0" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def picture(data: bytes) -> Shape | None:
    """The picture that ``data`` holds from head to end; None when it is none, or broken off.

    What lies between is not decoded: a server that takes it does that, at its own risk.
    """
    found = shape(data)
    if found is None or not _ends(found.media_type, data):
        return None
    return found


def _ends(kind: str, data: bytes) -> bool:
    """Whether the end is there; some programs put notes of their own behind it."""
    if kind == "image/webp":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return _ENDS[kind] in data[8:]


def shape(data: bytes) -> Shape | None:
    """The kind and size of a picture; None when it is none, or broken off before its size."""
    kind = media_type(data)
    try:
        match kind:
            case "image/png":
                size = struct.unpack_from(">II", data, 16)
            case "image/gif":
                size = struct.unpack_from("<HH", data, 6)
            case "image/webp":
                size = _webp(data)
            case "image/jpeg":
                size = _jpeg(data)
            case _:
                return None
    except (struct.error, ValueError):
        return None
    return Shape(kind, *size) if min(size) > 0 else None


def _webp(data: bytes) -> tuple[int, int]:
    form = data[12:16]
    if form == b"VP8 ":
        wide, high = struct.unpack_from("<HH", data, 26)
        return wide & 0x3FFF, high & 0x3FFF
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8X":
        canvas = struct.unpack_from("<6B", data, 24)
        return 1 + int.from_bytes(canvas[:3], "little"), 1 + int.from_bytes(canvas[3:], "little")
    raise ValueError("no kind of WebP")


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    for _ in range(_SEGMENTS):
        mark, kind, length = struct.unpack_from(">BBH", data, at)
        if mark != 0xFF or length < 2:
            raise ValueError("no JPEG segment")
        if 0xC0 <= kind <= 0xCF and kind not in {0xC4, 0xC8, 0xCC}:
            high, wide = struct.unpack_from(">HH", data, at + 5)
            return wide, high
        at += 2 + length
    raise ValueError("too many segments before a size")


def safe_name(name: str, otherwise: str = "file") -> str:
    """A file's own name, whatever a stranger called it: no folder, no control signs, not hidden, not long."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    clean = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*`').strip().lstrip(".-")
    clean = re.sub(r"\s+", " ", clean)
    if len(clean) > _NAME:
        stem, dot, end = clean.rpartition(".")
        clean = f"{stem[: _NAME - len(end) - 1]}.{end}" if dot and len(end) <= 10 else clean[:_NAME]
    return clean or otherwise


def numbered(name: str, number: int) -> str:
    """``logo.png`` as ``logo-2.png``."""
    stem, dot, end = name.rpartition(".")
    return f"{stem}-{number}.{end}" if dot and stem else f"{name}-{number}"
