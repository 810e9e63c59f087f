"""Files are told by their bytes, pictures by their size, and strangers' names are made harmless."""

from __future__ import annotations

import struct

import pytest

from codebutler.filetypes import Shape, media_type, numbered, safe_name, shape
from codebutler.testing.media import png, voice

JPEG = b"\xff\xd8" + b"\xff\xe0\x00\x04ab" + b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, 20, 30, 3) + b"\0"
GIF = b"GIF89a" + struct.pack("<HH", 7, 9)
LOSSY = b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", 16, 17)
LOSSLESS = b"RIFF\0\0\0\0WEBPVP8L" + b"\0" * 4 + b"\x2f" + struct.pack("<I", 4 | 5 << 14)
EXTENDED = b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + bytes([9, 0, 0, 19, 0, 0])


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (png(3, 2), Shape("image/png", 3, 2)),
        (JPEG, Shape("image/jpeg", 30, 20)),
        (GIF, Shape("image/gif", 7, 9)),
        (LOSSY, Shape("image/webp", 16, 17)),
        (LOSSLESS, Shape("image/webp", 5, 6)),
        (EXTENDED, Shape("image/webp", 10, 20)),
        (png(3, 2)[:20], None),
        (JPEG[:8], None),
        (b"\xff\xd8\xff\xc0\x00\x01", None),
        pytest.param(b"\xff\xd8" + b"\xff\xe0\0\x02" * 5_000 + JPEG[8:], None, id="parts without end"),
        (GIF[:6] + b"\0\0\0\0", None),
        (b"RIFF\0\0\0\0WEBPVP9 " + b"\0" * 40, None),
        (b"<svg/>", None),
        (b"", None),
    ],
)
def test_a_pictures_size_stands_in_its_head(data: bytes, found: Shape | None) -> None:
    assert shape(data) == found


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (voice("hi"), "audio/ogg"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
        (b"\x1aE\xdf\xa3....", "audio/webm"),
        (b"fLaC....", "audio/flac"),
        (b"ID3\x04....", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"%PDF-1.7", "application/pdf"),
        ("größer".encode(), "text/plain"),
        (b"", "text/plain"),
        (b"a\0b", "application/octet-stream"),
        (b"\xff\xfe\xfd\xfc", "application/octet-stream"),
    ],
)
def test_a_file_is_what_its_bytes_are(data: bytes, kind: str) -> None:
    assert media_type(data) == kind


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("logo.png", "logo.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\shot.png", "shot.png"),
        (".env", "env"),
        ("-rf", "rf"),
        ("a\x1b[2J\u202eb.png", "a[2Jb.png"),
        ("  a   b .txt ", "a b .txt"),
        ("..", "file"),
        ("", "file"),
        ("x" * 200 + ".png", "x" * 76 + ".png"),
    ],
)
def test_a_strangers_name_is_made_harmless(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert numbered("logo.png", 2) == "logo-2.png"
    assert numbered("README", 3) == "README-3"
