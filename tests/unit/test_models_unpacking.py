"""Packed bodies are unpacked however they are cut, and never without bounds."""

from __future__ import annotations

import gzip
import zlib

import pytest

from codebutler.models import unpacking
from codebutler.models.overheard import Overheard
from codebutler.models.unpacking import NotUnpacked, Unpacker

TEXT = b"data: hello\n\n" * 9
RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
BARE = RAW.compress(TEXT) + RAW.flush()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("gzip", gzip.compress(TEXT, mtime=0)), ("deflate", zlib.compress(TEXT)), ("deflate", BARE)],
    ids=["gzip", "deflate", "bare"],
)
def test_every_cut_gives_the_same(encoding: str, packed: bytes) -> None:
    for cut in range(len(packed)):
        unpack = Unpacker.of(encoding)
        assert unpack is not None
        assert unpack.feed(packed[:cut]) + unpack.feed(packed[cut:]) == TEXT


def test_what_is_none_or_too_large_is_refused() -> None:
    assert Unpacker.of("br") is None
    for bad in (b"\xff\xffnot packed", gzip.compress(bytes(unpacking.MOST + 1), 1)):
        with pytest.raises(NotUnpacked):
            Unpacker().feed(bad)


def test_the_ear_hears_what_is_packed_and_knows_when_it_does_not() -> None:
    for encoding, body, deaf in (
        ("GZip", gzip.compress(b'{"error": 1}'), False),
        ("gzip", b"\xff\xff", True),
        ("br", b"", True),
    ):
        heard = Overheard()
        heard.answered(429, {"content-encoding": encoding})
        heard.take(body)
        assert (heard.deaf, heard.whole) == (deaf, None if deaf else {"error": 1})
