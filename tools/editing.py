"""The write and edit tools: all or nothing, by an atomic rename, keeping mode, encoding and line ends."""

from __future__ import annotations

import os
import stat as modes
from typing import Any

import limits
from faults import Fault
from matching import apply
from paths import Place, absent, writable
from textfile import Form, binary_kind, decode, encode
from workspace import Workspace


def write(space: Workspace, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Create a file or replace all of it."""
    path, content = arguments["path"], arguments["content"]
    with writable(space, path) as place:
        before = place.stat
        place.make_folders()
        store(space, place, encode(content, Form(), place.rel))
        lines = content.count("\n") + (not content.endswith("\n") and content != "")
        verb = "created" if before is None else f"replaced ({before.st_size} bytes before)"
        return f"{place.rel}: {verb}, {lines} lines", {"path": place.rel, "created": before is None}


def edit(space: Workspace, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Replace exact text. Every edit applies or none does."""
    path, edits = arguments["path"], _edits(arguments)
    with writable(space, path) as place:
        if place.stat is None:
            raise absent(space, place, path)
        data = load(space, place)
        text, form = decode(data)
        if encode(text, form, place.rel) != data:
            raise Fault(f"{place.rel} is not valid {form.encoding}: change it with bash")
        changed, hunks = apply(place.rel, text, edits)
        store(space, place, encode(changed, form, place.rel))
    count = len(edits)
    return f"{place.rel}: {count} edit{'s' if count > 1 else ''} applied\n{hunks}", {
        "path": place.rel,
        "diff": hunks,
    }


def _edits(arguments: dict[str, Any]) -> list[dict[str, Any]]:
    edits: list[dict[str, Any]] = arguments.get("edits", [])
    if "old" in arguments or "new" in arguments:
        if edits:
            raise Fault("give either edits, or old and new, not both")
        if not ("old" in arguments and "new" in arguments):
            raise Fault("edit needs both old and new")
        edits = [{key: arguments[key] for key in ("old", "new", "replace_all") if key in arguments}]
    if not edits:
        raise Fault("edit needs edits: a list of {old, new}")
    return edits


def load(space: Workspace, place: Place, *, text_only: bool = True) -> bytes:
    """All of an existing file. Raises Fault if it changed since the model saw it, or is too large."""
    with os.fdopen(place.open(), "rb") as file:
        stat = os.fstat(file.fileno())
        if space.changed(place.rel, stat):
            raise Fault(f"{place.rel} has changed since it was read: read it again, then edit")
        if stat.st_size > limits.EDIT_FILE:
            raise Fault(f"{place.rel} is too large to edit: {stat.st_size} bytes")
        data = file.read()
    if text_only and (kind := binary_kind(data[:8192])):
        raise Fault(f"{place.rel} is not text: {kind}")
    return data


def store(space: Workspace, place: Place, data: bytes) -> None:
    """Put ``data`` in the file's place in one step, so that nobody ever sees half of it."""
    replace(space, place, stage(place, data))


def stage(place: Place, data: bytes, mode: int = -1) -> str:
    """Write ``data`` to a new file beside the place; returns its name there.

    Unless ``mode`` is given, a file keeps its permissions and a new one gets the usual ones.
    """
    temporary = f".{place.name[:80]}.{os.urandom(6).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o666, dir_fd=place.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            if mode < 0 and place.stat is not None:
                mode = modes.S_IMODE(place.stat.st_mode) & 0o777
            if mode >= 0:
                os.fchmod(file.fileno(), mode)
    except BaseException:
        os.unlink(temporary, dir_fd=place.parent)
        raise
    return temporary


def replace(space: Workspace, place: Place, staged: str) -> None:
    """Give a staged file its name, and note it as known. It is gone when that fails."""
    try:
        os.rename(staged, place.name, src_dir_fd=place.parent, dst_dir_fd=place.parent)
    except BaseException:
        os.unlink(staged, dir_fd=place.parent)
        raise
    space.remember(place.rel, os.stat(place.name, dir_fd=place.parent, follow_symlinks=False))
