"""A response as text: HTML and PDF by a bounded process of their own, text and JSON as they are."""

from __future__ import annotations

import codecs
import json
import math
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from codebutler.errors import ToolFailed
from codebutler.processes import captured
from codebutler.web.client import Response

ROOM = 400_000
"""Characters of a page that are kept."""
HTML = 1024 * 1024
"""Bytes of HTML that are taken apart: mostly more than ``ROOM``, and more takes a parser half a minute."""
_BEGINNING = 2.0
"""Seconds that a parser may take to load, on a busy machine."""
_PROGRAM = Path(__file__).with_name("extracting.py")
_TEXT = re.compile(r"text/(?!html\b)[\w.+-]+|application/(?:[\w.-]+\+)?(?:json|xml|yaml|toml|x-ndjson)")
_KIND = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,60}", re.ASCII)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_CHARSETS = (
    *("utf-8", "utf-16", "utf-32", "ascii", "iso8859", "cp", "koi8", "mac-", "tis-620"),
    *("gb", "hz", "big5", "euc_", "iso2022", "shift_jis", "johab"),
)
"""How the names of real charsets begin. Of Python's other codecs some take minutes for a page."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Page(Struct, frozen=True):
    """One page as text. ``url`` is where it was in the end; ``cut``: there was more than is kept."""

    url: str
    title: str
    date: str
    text: str
    cut: bool = False


class Bounds(Struct, frozen=True):
    """What one page may use: bytes of memory, seconds of CPU, seconds in all."""

    memory: int = 1024 * 1024 * 1024
    seconds: int = 20
    wall: float = 40.0

    @classmethod
    def within(cls, seconds: float) -> Bounds:
        """What a page may use that is wanted within so many seconds, once its process has begun."""
        most, whole = cls(), seconds + _BEGINNING
        return cls(seconds=min(most.seconds, math.ceil(whole)), wall=min(most.wall, whole))


async def page_of(response: Response, bounds: Bounds | None = None) -> Page:
    """The response's text. Raises ToolFailed for what is no text, or cannot be read within ``bounds``."""
    kind = _kind(response)
    if kind == "text":
        part = first(response, 4 * ROOM)
        text = decoded(part)
        return Page(response.url, "", "", text[:ROOM], part.cut or len(text) > ROOM)
    if kind == "pdf" and response.cut:
        raise ToolFailed(f"{response.url}: the PDF is too large to be read")
    part = response if kind == "pdf" else first(response, HTML)
    data = part.data if kind == "pdf" else decoded(part).encode("utf-8", "replace")
    found = await _extracted(kind, response.url, data, bounds or Bounds())
    text = found["text"]
    return Page(response.url, found["title"], found["date"], text, part.cut or len(text) >= ROOM)


def first(response: Response, most: int) -> Response:
    """The response with at most ``most`` bytes of its data."""
    return replace(response, data=response.data[:most], cut=response.cut or len(response.data) > most)


def decoded(response: Response) -> str:
    """The bytes as text: by byte order mark, header, ``meta``, UTF-8 if they are that, else Windows-1252."""
    data = response.data
    named = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if not named:
        meta = _META.search(data[:4096]) if response.kind in {"text/html", "application/xhtml+xml"} else None
        named = response.charset or (meta[1].decode("ascii") if meta else "")
    if _is_charset(named):
        return data.decode(named, "replace")
    try:
        return codecs.utf_8_decode(data, "strict", not response.cut)[0]
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _is_charset(name: str) -> bool:
    try:
        return codecs.lookup(name).name.startswith(_CHARSETS)
    except (LookupError, ValueError):
        return False


def _kind(response: Response) -> str:
    kind, data = response.kind, response.data
    if kind == "application/pdf" or data.startswith(b"%PDF-"):
        return "pdf"
    if kind in {"text/html", "application/xhtml+xml"}:
        return "html"
    if _TEXT.fullmatch(kind):
        return "text"
    if kind in {"", "application/octet-stream"} and b"\0" not in data[:4096]:
        return "html" if data.lstrip()[:200].lower().startswith((b"<!doctype html", b"<html")) else "text"
    shown = kind if _KIND.fullmatch(kind) else "of no known kind"
    raise ToolFailed(f"{response.url} is {shown}: only text, HTML, JSON and PDF are read")


async def _extracted(kind: str, url: str, data: bytes, bounds: Bounds) -> dict[str, str]:
    words = json.dumps(
        {"kind": kind, "url": url, "memory": bounds.memory, "seconds": bounds.seconds, "room": ROOM}
    )
    program = (sys.executable, "-I", str(_PROGRAM), words)
    try:
        done = await captured(
            *program, seconds=bounds.wall, stdin=data, stderr=PIPE, cwd="/", env={}, own_session=True
        )
    except TimeoutError as error:
        raise ToolFailed(f"{url} takes too long to be read") from error
    if done.code != 0:
        why = done.err.decode("utf-8", "replace").strip().splitlines()
        raise ToolFailed(f"{url} cannot be read: {why[-1][:200] if why else 'it needs too much time'}")
    found: dict[str, str] = json.loads(done.out)
    return found
