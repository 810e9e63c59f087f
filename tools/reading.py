"""The read tool, and raw bytes for the daemon."""

from __future__ import annotations

import base64
import io
import os
import stat as modes
from typing import Any

import limits
from faults import Fault, ProtocolFault
from paths import Place, absent, locate
from textfile import binary_kind, decode
from workspace import Workspace


def read(space: Workspace, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Numbered lines of a text file, or the entries of a folder."""
    path = arguments["path"]
    with locate(space, path) as place:
        if place.stat is None:
            raise absent(space, place, path)
        if modes.S_ISDIR(place.stat.st_mode):
            return _listing(place)
        return _file(space, place, arguments.get("offset", 1), arguments.get("limit", limits.READ_LINES))


def _listing(place: Place) -> tuple[str, dict[str, Any]]:
    fd = os.open(place.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place.parent)
    try:
        with os.scandir(fd) as entries:
            names = sorted(
                each.name + ("/" if each.is_dir(follow_symlinks=False) else "") for each in entries
            )
    finally:
        os.close(fd)
    shown = names[: limits.LIST_ENTRIES]
    more = [f"[… {len(names) - len(shown)} more entries]"] if len(names) > len(shown) else []
    return "\n".join([*shown, *more]) or "(empty folder)", {"entries": len(names)}


def _file(space: Workspace, place: Place, offset: int, limit: int) -> tuple[str, dict[str, Any]]:
    with os.fdopen(place.open(), "rb") as file:
        stat = os.fstat(file.fileno())
        start = file.peek(8192)[:8192]
        if kind := binary_kind(start):
            raise Fault(f"{place.rel} is not text: {kind}, {stat.st_size} bytes")
        if stat.st_size > limits.READ_HUGE:
            raise Fault(f"{place.rel} is huge: {stat.st_size} bytes. Use grep, or head and tail in bash")
        if stat.st_size <= limits.READ_WHOLE:
            lines = decode(file.read(limits.READ_WHOLE + 1))[0].split("\n")
            if lines[-1] == "":
                lines.pop()
            total, window = len(lines), lines[offset - 1 : offset - 1 + limit]
        else:
            total, window = -1, _window(file, offset, limit)
    space.remember(place.rel, stat)
    return _numbered(place.rel, window, offset, total), {"lines": len(window), "size": stat.st_size}


def _window(file: io.BufferedReader, offset: int, limit: int) -> list[str]:
    """Lines of a file that is too large to hold, without holding more than the window."""
    number, budget, window = 1, limits.READ_BYTES + 1, []
    while number < offset + limit and budget > 0:
        piece = file.readline(65536)
        if not piece:
            break
        if number >= offset:
            window.append(piece.decode("utf-8", "replace").rstrip("\r\n"))
            budget -= len(piece)
        if piece.endswith(b"\n"):
            number += 1
    return window


def _numbered(rel: str, window: list[str], offset: int, total: int) -> str:
    if not window:
        return (
            f"({rel} is empty)" if total == 0 else f"({rel} ends before line {offset}: it has {total} lines)"
        )
    out, size = [], 0
    for number, line in enumerate(window, offset):
        shown = f"{number}\t{limits.cut_line(line, limits.READ_LINE_CHARS)}"
        size += len(shown.encode("utf-8", "replace")) + 1
        if size > limits.READ_BYTES:
            break
        out.append(shown)
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
