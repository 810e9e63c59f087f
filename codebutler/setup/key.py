"""When a setup must be done again: its key is a hash of all that decides over the outcome."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from codebutler.sandbox import host
from codebutler.sandbox.settings import SandboxSettings
from codebutler.setup.recipes import Recipe, decides

_FORM = 1
"""Raised when what a setup leaves on disk changes its shape."""


def key_of(recipe: Recipe, blobs: Mapping[str, str], commit: str, settings: SandboxSettings) -> str:
    """32 hex digits. ``blobs`` are the commit's files with the ids of their contents.

    A recipe without files that decide is bound to the commit.
    """
    deciding = {path: oid for path, oid in blobs.items() if decides(recipe, path)}
    facts = {
        "form": _FORM,
        "machine": [platform.machine(), *platform.libc_ver()],
        "name": recipe.name,
        "command": recipe.command,
        "keep": recipe.keep,
        "files": sorted(deciding.items()) or commit,
        "programs": [_identity(host.inside(name, settings.show)) for name in recipe.programs],
        "python": _identity(host.interpreter()[0]),
        "version": _pinned(settings),
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _identity(program: Path | None) -> tuple[str, int, int] | None:
    """A program's place and date: asking each for its version would cost a sandbox for every thread."""
    if program is None:
        return None
    real = program.resolve()
    try:
        info = real.stat()
    except OSError:
        return None
    return str(real), info.st_size, info.st_mtime_ns


def _pinned(settings: SandboxSettings) -> list[object]:
    """Version managers keep their choice beside the programs that they show on PATH."""
    folders = host.visible(settings.show)
    return [_identity(each / "version") for each in folders if os.access(each / "version", os.R_OK)]
