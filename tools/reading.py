"""The read tool, and raw bytes for the daemon."""

from __future__ import annotations

import base64
import io
import os
import stat as modes
from typing import Any

import limits
from documents import notebook, pdf
from faults import Fault, ProtocolFault
from paths import Place, absent, locate
from pictures import recognise, unshown
from textfile import Form, binary_kind, decode, marked
from workspace import Workspace


def read(space: Workspace, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Numbered lines of a text file, the entries of a folder, a picture, or the text of a document."""
    path = arguments["path"]
    with locate(space, path) as place:
        if place.stat is None:
            raise absent(space, place, path)
        if modes.S_ISDIR(place.stat.st_mode):
            return _listing(place)
        return _file(space, place, arguments)


def _listing(place: Place) -> tuple[str, dict[str, Any]]:
    fd = os.open(place.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place.parent)
    try:
        with os.scandir(fd) as entries:
            names = sorted(
                limits.name(os.fsencode(each.name)) + ("/" if each.is_dir(follow_symlinks=False) else "")
                for each in entries
            )
    finally:
        os.close(fd)
    shown = names[: limits.LIST_ENTRIES]
    more = [f"[… {len(names) - len(shown)} more entries]"] if len(names) > len(shown) else []
    return "\n".join([*shown, *more]) or "(empty folder)", {"entries": len(names)}


def is_slow(arguments: dict[str, Any]) -> bool:
    """Whether other calls should not wait for this one: a parser will run, as the name tells."""
    path = arguments.get("path")
    return isinstance(path, str) and path.lower().endswith(".pdf")


def _file(space: Workspace, place: Place, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    offset, count = max(1, arguments.get("offset", 1)), arguments.get("limit")
    limit, numbers = limits.READ_LINES if count is None else count, arguments.get("numbers", True)
    with os.fdopen(place.open(), "rb") as file:
        stat = os.fstat(file.fileno())
        start = file.peek(8192)[:8192]
        if kind := binary_kind(start):
            return _binary(space, place.rel, file, kind, (offset, count or limits.PDF_PAGES))
        if place.name.endswith(".ipynb") and stat.st_size <= limits.NOTEBOOK_BYTES:
            cells = notebook(file.read(limits.NOTEBOOK_BYTES))
            if cells is not None:
                space.remember(place.rel, stat)
                window = cells[offset - 1 :][:limit]
                return _shown(place.rel, window, offset, len(cells), numbers=numbers), {"lines": len(cells)}
            file.seek(0)
        if stat.st_size > limits.READ_HUGE:
            raise Fault(f"{place.rel} is huge: {stat.st_size} bytes. Use grep, or head and tail in bash")
        if stat.st_size <= limits.READ_WHOLE:
            lines = decode(file.read(stat.st_size + 1))[0].split("\n")
            if lines[-1] == "":
                lines.pop()
            total, window = len(lines), lines[offset - 1 : offset - 1 + limit]
        else:
            window, total = _window(file, marked(start), offset, limit)
    space.remember(place.rel, stat)
    details = {"lines": len(window), "size": stat.st_size}
    return _shown(place.rel, window, offset, total, numbers=numbers), details


def _binary(
    space: Workspace, rel: str, file: io.BufferedReader, kind: str, pages: tuple[int, int]
) -> tuple[str, dict[str, Any]]:
    """A picture to look at, or a PDF's text; anything else is a Fault that names its kind and size."""
    size = os.fstat(file.fileno()).st_size
    if kind == "PDF document" and is_slow({"path": rel}):
        file.seek(0)
        os.lseek(file.fileno(), 0, os.SEEK_SET)  # the parser reads the descriptor itself
        return pdf(space, rel, file.fileno(), *pages)
    data = file.read(limits.IMAGE_BYTES + 1)
    picture = recognise(data[: limits.IMAGE_HEAD])
    if picture is None:
        raise Fault(f"{rel} is not text: {kind}, {size} bytes")
    text = f"{rel}: image {picture.width}x{picture.height}, {picture.media_type}, {size} bytes"
    if why := unshown(picture, data):
        return f"{text}. {why}", {"size": size}
    return text, {"size": size, "image": (picture.media_type, data)}


def _window(file: io.BufferedReader, form: Form, offset: int, limit: int) -> tuple[list[str], int]:
    """Lines of a file that is too large to hold, without holding more than the window; and how many
    lines there are, if the end was seen, or -1."""
    number, budget, begins, total = 1, limits.READ_BYTES + 1, True, -1
    window: list[str] = []
    file.read(len(form.mark))
    text = io.TextIOWrapper(file, encoding=form.encoding, errors="replace", newline="\n")
    while budget > 0:
        piece = text.readline(65536)
        if not piece:
            total = number - begins
            break
        if number == offset + limit:
            break
        if number >= offset and begins:
            window.append(piece.rstrip("\r\n"))
            budget -= min(len(piece), limits.READ_LINE_CHARS)
        begins = piece.endswith("\n")
        number += begins
    text.detach()
    return window, total


def _shown(rel: str, window: list[str], offset: int, total: int, *, numbers: bool) -> str:
    if not window:
        return (
            f"({rel} is empty)" if total == 0 else f"({rel} ends before line {offset}: it has {total} lines)"
        )
    most = limits.READ_LINE_CHARS
    if len(max(window, key=len)) > most:
        window = [line if len(line) <= most else limits.cut_line(line, most) for line in window]
    out = [f"{number}\t{line}" for number, line in enumerate(window, offset)] if numbers else list(window)
    raw = "\n".join([*out, ""]).encode("utf-8", "replace")
    if len(raw) > limits.READ_BYTES:
        out = out[: raw.count(b"\n", 0, limits.READ_BYTES)]
    last = offset + len(out) - 1
    if total < 0 or last < total:
        of = f" of {total}" if total >= 0 else ""
        out.append(f"[lines {offset}-{last}{of}; go on with offset {last + 1}]")
    return "\n".join(out)


def read_file(space: Workspace, params: dict[str, Any]) -> dict[str, Any]:
    """For the daemon: ``{"found": bool, "data": base64, "size": bytes}`` of at most ``limit`` bytes."""
    path, limit = params.get("path"), params.get("limit", 65536)
    if not isinstance(path, str) or not isinstance(limit, int) or limit < 0:
        raise ProtocolFault(-32602, "path must be a string and limit a number of bytes")
    limit = min(limit, limits.FILE_BYTES)
    with locate(space, path) as place:
        if place.stat is None:
            return {"found": False}
        with os.fdopen(place.open(), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return {"found": True, "data": base64.b64encode(file.read(limit)).decode(), "size": size}
