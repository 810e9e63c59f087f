"""Finds the data folders in a clone (beside the package) or in a wheel (under ``_assets``)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from codebutler.errors import CodeButlerError

_PACKAGE = Path(__file__).resolve().parent
FOLDERS = ("tools", "roles", "prompts_defaults", "memory_defaults", "service-templates", "evals")


@cache
def folder(name: str) -> Path:
    """The absolute path of one of ``FOLDERS``. A broken installation raises CodeButlerError."""
    for candidate in (_PACKAGE / "_assets" / name, _PACKAGE.parent / name):
        if name in FOLDERS and candidate.is_dir():
            return candidate
    raise CodeButlerError(f"the installation lacks its {name}/ folder", fix="Install codebutler again.")


def text(name: str, file: str) -> str:
    """The text of one shipped file, such as ``text("prompts_defaults", "pm.md")``."""
    return (folder(name) / file).read_text(encoding="utf-8")
