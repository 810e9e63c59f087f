"""read: pictures, notebooks and PDFs, friendly and hostile."""

from __future__ import annotations

import json
import struct
import time
import zlib
from pathlib import Path

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.types import Picture, ToolResult


async def _read(executor: Executor, **arguments: object) -> ToolResult:
    return await executor.call("read", arguments)


def _png(width: int, height: int, more: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + bytes(4) + more


def _pdf(pages: list[str], *, stream: bytes | None = None) -> bytes:
    """A plain PDF with one line of text a page; ``stream`` replaces every page's content."""
    count = len(pages)
    kids = " ".join(f"{3 + n} 0 R" for n in range(count))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {count}>>"]
    font = "/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
    objects += [
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]{font}/Contents {3 + count + n} 0 R>>"
        for n in range(count)
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate([*objects, *pages], 1):
        offsets.append(len(out))
        body = text.encode()
        if number > len(objects):
            data = stream or f"BT /F 12 Tf 9 9 Td ({text}) Tj ET".encode()
            packed = zlib.compress(data)
            body = b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(packed), packed)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = "".join(f"{at:010} 00000 n \n" for at in offsets)
    size = len(offsets) + 1
    tail = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Root 1 0 R/Size {size}>>"
    return out + f"{tail}\nstartxref\n{len(out)}\n%%EOF\n".encode()


@pytest.mark.parametrize(
    ("name", "data", "shown"),
    [
        ("a.png", _png(640, 480, b"IEND\xaeB`\x82"), "image 640x480, image/png"),
        ("a.gif", b"GIF89a" + struct.pack("<HH", 7, 9) + bytes(9) + b";", "image 7x9, image/gif"),
        (
            "a.jpg",
            b"\xff\xd8\xff\xe0\0\x10"
            + bytes(14)
            + b"\xff\xc0\0\x11\x08"
            + struct.pack(">HH", 5, 6)
            + bytes(9)
            + b"\xff\xd9",
            "image 6x5, image/jpeg",
        ),
        ("a.webp", b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x09\0\0\x13\0\0", "image 10x20, image/webp"),
        ("l.webp", b"RIFF\0\0\0\0WEBPVP8L" + bytes(5) + b"\x09\xc0\x04\0", "image 10x20, image/webp"),
    ],
)
async def test_a_picture_comes_as_one(
    executor: Executor, folder: Path, name: str, data: bytes, shown: str
) -> None:
    (folder / name).write_bytes(data)
    result = await _read(executor, path=name)
    assert result.ok
    assert result.text == f"{name}: {shown}, {len(data)} bytes"
    media_type = shown.rpartition(" ")[2]
    assert result.pictures == (Picture(media_type, data),)


async def test_a_picture_too_large_is_only_named(executor: Executor, folder: Path) -> None:
    (folder / "a.png").write_bytes(_png(9000, 9000, bytes(2_000_000)))
    result = await _read(executor, path="a.png")
    assert "image 9000x9000" in result.text
    assert "too large to be shown" in result.text
    assert result.pictures == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_png(2**32 - 1, 2**32 - 1), "too large to be shown"),
        (_png(8001, 1, b"IEND\xaeB`\x82"), "too large to be shown"),
        (_png(640, 480), "broken"),
        (_png(0, 480, b"IEND\xaeB`\x82"), "broken"),
        (b"RIFF\0\1\0\0WEBPVP8X" + bytes(14), "broken"),
    ],
)
async def test_a_picture_that_no_server_should_decode_is_told(
    executor: Executor, folder: Path, data: bytes, why: str
) -> None:
    (folder / "a").write_bytes(data)
    result = await _read(executor, path="a")
    assert (result.ok, result.pictures) == (True, ())
    assert why in result.text


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
        b"\xff\xd8\xff" + b"\xff" * 9000,
        b"GIF89a",
        b"RIFF\0\0\0\0WEBPVP8L",
    ],
)
async def test_a_broken_picture_is_no_text(executor: Executor, folder: Path, data: bytes) -> None:
    (folder / "a").write_bytes(data)
    result = await _read(executor, path="a")
    assert (result.ok, result.text.startswith("a is not text: ")) == (False, True)


async def test_a_notebook_is_shown_cell_by_cell(executor: Executor, folder: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "words"]},
        {
            "cell_type": "code",
            "source": "plot()",
            "outputs": [
                {"output_type": "stream", "text": [f"row {n}\n" for n in range(1000)]},
                {"output_type": "display_data", "data": {"image/png": "x" * 100_000}},
                {"output_type": "execute_result", "data": {"text/plain": ["42"], "text/html": "<b>"}},
                {"output_type": "error", "ename": "ValueError", "evalue": "no"},
            ],
        },
    ]
    (folder / "a.ipynb").write_text(json.dumps({"cells": cells}))
    text = (await _read(executor, path="a.ipynb")).text
    assert (
        "[cell 1: markdown]\n3\t# Title\n4\twords\n5\t[cell 2: code]\n6\tplot()\n7\t[output]\n8\trow 0\n"
        in text
    )
    assert "lines, 7" in text
    assert "\trow 999\n" in text
    assert "(image/png)" in text
    assert "\t42\n" in text
    assert text.endswith("\tValueError: no")
    assert len(text) < 1500
    assert (await _read(executor, path="a.ipynb", offset=4, limit=1)).text.startswith("4\twords\n[lines 4-4")


@pytest.mark.parametrize("text", ["{}", "no json", '{"cells": [5]}', "[" * 50_000, '{"cells": 5}'])
async def test_what_is_no_notebook_is_plain_text(executor: Executor, folder: Path, text: str) -> None:
    (folder / "a.ipynb").write_text(text)
    assert (await _read(executor, path="a.ipynb")).text.startswith(f"1\t{text[:20]}")


async def test_cells_out_of_shape_do_no_harm(executor: Executor, folder: Path) -> None:
    cells = [{}, {"source": 5, "outputs": 7}, {"source": [1, "x"], "outputs": [3, {"data": 1}, {"data": {}}]}]
    (folder / "a.ipynb").write_text(json.dumps({"cells": cells}))
    assert "[cell 3: None]" in (await _read(executor, path="a.ipynb")).text


async def test_a_pdf_is_read_page_by_page(executor: Executor, folder: Path) -> None:
    (folder / "a.pdf").write_bytes(_pdf(["Hello there", "Second", "Third"]))
    assert (await _read(executor, path="a.pdf")).text == (
        "[page 1]\nHello there\n[page 2]\nSecond\n[page 3]\nThird"
    )
    window = await _read(executor, path="a.pdf", offset=2, limit=1)
    assert window.text == "[page 2]\nSecond\n[pages 2-2 of 3; go on with offset 3]"
    assert (await _read(executor, path="a.pdf", offset=9)).text == "(a.pdf has 3 pages)"


async def test_a_long_pdf_is_capped(executor: Executor, folder: Path) -> None:
    (folder / "a.pdf").write_bytes(_pdf(["word " * 5000 for _ in range(30)]))
    text = (await _read(executor, path="a.pdf", limit=30)).text
    assert len(text.encode()) < 49_000
    assert text.endswith("[pages 1-1 of 30; go on with offset 2]")


async def test_a_hostile_pdf_gets_its_seconds_and_no_more(executor: Executor, folder: Path) -> None:
    """A bomb, a loop and rubbish: each is refused in bounded time, and other calls do not wait."""
    (folder / "a.txt").write_text("text\n")
    bomb = zlib.compress(b"BT " + b"(x) Tj " * 20_000_000)
    files = {
        "bomb.pdf": _pdf(["x"]).replace(b"FlateDecode>>", b"FlateDecode >>")[:-1] + bomb,
        "many.pdf": _pdf(["x"], stream=b"BT " + b"[(x) 1] TJ " * 3_000_000),
        "loop.pdf": _pdf(["x"]).replace(b"/Kids[3 0 R]", b"/Kids[2 0 R]"),
        "none.pdf": b"%PDF-1.7\n" + bytes(range(256)) * 100,
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
        began = time.monotonic()
        result = await _read(executor, path=name)
        assert time.monotonic() - began < 30
        assert result.ok or "cannot be read as PDF" in result.text
        assert len(result.text) < 49_000
        assert (await _read(executor, path="a.txt")).text == "1\ttext"
