"""The write and edit tools: all or nothing, by an atomic rename, keeping mode, encoding and line ends."""

from __future__ import annotations

import base64
import os
from typing import Any

import limits
from cells import edited, is_notebook
from faults import Fault, ProtocolFault
from matching import apply, compared
from paths import Place, absent, writable
from staging import stage
from textfile import Form, binary_kind, decode, encode
from workspace import Workspace


def write(space: Workspace, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Create a file or replace all of it. What was text keeps its encoding and line ends."""
    path, content = arguments["path"], arguments["content"]
    with writable(space, path) as place:
        before = _before(space, place)
        data, form, note = _as_before(content, before, place.rel)
        place.make_folders()
        store(space, place, data)
        rel = place.rel
        size = f"{content.count(chr(10)) + (content[-1:] not in ('', chr(10)))} lines"
        if place.stat is None:
            return f"{rel}: created, {size}", {"path": rel, "created": True}
        diff = "" if before is None else compared(decode(before)[0], decode(data)[0])
        kept = note or (f", kept as {form.name}" if form != Form() else "")
        text = f"{rel}: replaced, {size}{kept}" if data != before else f"{rel}: unchanged"
        small = f"\n{diff}" if 0 < len(diff.split("\n")) <= limits.DIFF_OF_WRITE and diff else ""
        return text + small, {"path": rel, "created": False, "diff": diff}


def _before(space: Workspace, place: Place) -> bytes | None:
    """What the file held, if it is text and not large. Raises Fault if it changed since the model saw it."""
    if place.stat is None:
        return None
    if space.changed(place.rel, place.stat):
        raise Fault(f"{place.rel} has changed since it was read: read it again, then write")
    if place.stat.st_size > limits.READ_WHOLE:
        return None
    with os.fdopen(place.open(), "rb") as file:
        data = file.read(limits.READ_WHOLE + 1)
    return None if binary_kind(data[:8192]) else data


def _as_before(content: str, before: bytes | None, rel: str) -> tuple[bytes, Form, str]:
    """The content as bytes, stored as the file was; or else in UTF-8, and a note that says so."""
    form = decode(before)[1] if before else Form()
    if form.mark:
        content = content.removeprefix("\ufeff")
    form = Form(form.encoding, form.mark, form.crlf and "\r" not in content)
    try:
        return encode(content, form, rel), form, ""
    except Fault as fault:
        return encode(content, Form(), rel), Form(), f", now utf-8: {fault.text}"


def write_file(space: Workspace, params: dict[str, Any]) -> dict[str, Any]:
    """For the daemon: the very bytes of ``data`` (base64) become the file, whatever it was before."""
    path, data = params.get("path"), params.get("data")
    if not isinstance(path, str) or not isinstance(data, str):
        raise ProtocolFault(-32602, "path must be a string and data base64")
    with writable(space, path) as place:
        place.make_folders()
        store(space, place, base64.b64decode(data))
    return {}


def edit(space: Workspace, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Replace exact text. Every edit applies or none does."""
    path, edits = arguments["path"], arguments["edits"]
    with writable(space, path) as place:
        if place.stat is None and not edits[0]["old"]:
            raise Fault(f"{path} does not exist: to make a file, use write")
        if place.stat is None:
            raise absent(space, place, path)
        data = load(space, place)
        text, form = decode(data)
        if encode(text, form, place.rel) != data:
            raise Fault(f"{place.rel} is not valid {form.encoding}: change it with bash")
        cells = is_notebook(place.rel, text)
        changed, hunks = (edited if cells else apply)(place.rel, text, edits)
        store(space, place, encode(changed, form, place.rel))
    # what was replaced by what, the model has said itself, and pays for with each request that follows
    where = f"\n{hunks}" if cells else f" at {_places(hunks)}"
    count = f"{len(edits)} edit{'s' if len(edits) > 1 else ''}"
    return f"{place.rel}: {count} applied{where}", {"path": place.rel, "diff": hunks}


def _places(hunks: str) -> str:
    """The lines that a small diff is about."""
    return "; ".join(line[3:-3] for line in hunks.split("\n") if line.startswith("@@ "))


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
    stage(place, data).settle(space)
