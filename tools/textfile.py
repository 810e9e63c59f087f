"""Text files as bytes on disk and back: encoding, byte order mark and line ends survive a change."""

from __future__ import annotations

import codecs
from typing import NamedTuple

from faults import Fault

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC = (
    (b"\x89PNG", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF8", "GIF image"),
    (b"RIFF", "RIFF media"),
    (b"%PDF", "PDF document"),
    (b"PK\x03\x04", "zip archive"),
    (b"\x1f\x8b", "gzip archive"),
    (b"\x7fELF", "ELF program"),
    (b"SQLite format 3", "SQLite database"),
)


class Form(NamedTuple):
    """How a text is stored: ``crlf`` if every line end is CR LF."""

    encoding: str = "utf-8"
    mark: bytes = b""
    crlf: bool = False

    @property
    def name(self) -> str:
        """For people."""
        mark = " with a byte order mark" if self.mark else ""
        return f"{self.encoding}{mark}{', CR LF' if self.crlf else ''}"


def binary_kind(start: bytes) -> str:
    """What kind of binary file begins like this, or "" for text."""
    if any(start.startswith(mark) for mark, _ in _MARKS):
        return ""
    for magic, name in _MAGIC:
        if start.startswith(magic):
            return name
    return "binary data" if b"\0" in start else ""


def marked(start: bytes) -> Form:
    """How a text that begins like this is stored, as far as its byte order mark says."""
    return next((Form(encoding, mark) for mark, encoding in _MARKS if start.startswith(mark)), Form())


def decode(data: bytes) -> tuple[str, Form]:
    """The text with LF line ends where all were CR LF, and how to store it again."""
    if (form := marked(data)).mark:
        return _unify(data[len(form.mark) :], form.encoding, form.mark)
    try:
        return _unify(data, "utf-8", b"")
    except UnicodeDecodeError:
        return _unify(data, "latin-1", b"")


def _unify(data: bytes, encoding: str, mark: bytes) -> tuple[str, Form]:
    text = data.decode(encoding, "strict" if encoding == "utf-8" and not mark else "replace")
    ends = text.count("\r\n")
    crlf = ends > 0 and ends == text.count("\n")
    return text.replace("\r\n", "\n") if crlf else text, Form(encoding, mark, crlf)


def encode(text: str, form: Form, path: str) -> bytes:
    """The bytes to store. Raises Fault for a character that the file's encoding lacks."""
    if form.crlf:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    try:
        return form.mark + text.encode(form.encoding)
    except UnicodeEncodeError as error:
        wrong = text[error.start : error.start + 1]
        raise Fault(
            f"{path} is stored as {form.encoding}, which cannot hold the character {wrong!r}"
        ) from error
