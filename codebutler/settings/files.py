"""Reading a configuration file, and saying what is wrong with it: file, key, fix; never a secret's value."""

from __future__ import annotations

import difflib
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from codebutler.errors import ConfigError
from codebutler.settings.keys import dotted, fields_of, section_of
from codebutler.settings.parts import Section
from codebutler.settings.shape import Settings

MAX_BYTES = 256 * 1024
"""A configuration file is never larger."""


def read_global(path: Path) -> tuple[str, list[str]]:
    """The text of the host's file ("" = none) and notes. It must be its owner's alone (0600).

    A file that others may only read is mended with a note: nobody can have changed it. One that others may
    write is refused, as is one that belongs to somebody else.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return "", []
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", fix="Check its owner and mode"
        ) from error
    try:
        notes = _private(file, path)
        return _bounded(file, path), notes
    finally:
        os.close(file)


def _private(file: int, path: Path) -> list[str]:
    info = os.fstat(file)
    if info.st_uid not in {os.geteuid(), 0}:
        raise ConfigError(
            f"{path} belongs to another user", fix=f"Make it yours: chown {os.geteuid()} {path}"
        )
    if info.st_mode & 0o022:
        raise ConfigError(
            f"{path} can be written by others, so its values cannot be trusted",
            fix=f"Look through it, then: chmod 600 {path}",
        )
    if not info.st_mode & 0o077 or not stat.S_ISREG(info.st_mode):
        return []
    try:
        os.fchmod(file, 0o600)
    except OSError as error:
        raise ConfigError(f"{path} can be read by others", fix=f"Run: chmod 600 {path}") from error
    return [f"{path} could be read by others and is now 0600: renew its keys if others use this machine"]


def read_repo(root: Path) -> str:
    """The text of a checkout's own file, "" when it has none. Links are refused, not followed."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    path = root / ".codebutler" / "config.json"
    try:
        folder = os.open(root / ".codebutler", flags | os.O_DIRECTORY)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        file = os.open("config.json", flags, dir_fd=folder)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(folder)
    try:
        return _bounded(file, path)
    finally:
        os.close(file)


def _unreadable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{path} cannot be read: {error.strerror}", fix="It must be a plain file in a plain folder"
    )


def _bounded(file: int, path: Path) -> str:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise ConfigError(f"{path} is not a plain file", fix="Replace it by a JSON file")
    data = b""
    while chunk := os.read(file, MAX_BYTES + 1 - len(data)):
        data += chunk
    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"{path} is larger than {MAX_BYTES // 1024} KB", fix="It should hold a few lines of JSON"
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text", fix="Save it as UTF-8") from error


def parse_json(text: str, name: str) -> dict[str, Any]:
    """The JSON object in ``text``; blank text is an empty one. ConfigError names the line."""
    if not text.strip():
        return {}
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(
            f"{name} is not valid JSON: {error.msg} at {place}", fix="Mend that line"
        ) from error
    except RecursionError as error:
        raise ConfigError(f"{name} is nested too deeply", fix="Write it by docs/configuration.md") from error
    except ValueError as error:
        raise ConfigError(f"{name}: {error}", fix="Mend that line") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{name} must hold a JSON object", fix="Start it with { and end it with }")
    return value


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice")
        found[key] = value
    return found


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not a JSON number")


def check(layer: dict[str, Any], name: str) -> None:
    """Validate one layer by itself, so that the error can name where it stands."""
    try:
        Settings.model_validate_json(json.dumps(layer))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        first = min(
            found, key=lambda e: e["type"] != "extra_forbidden"
        )  # a misspelt key explains a missing one
        path = tuple(str(part) for part in first["loc"] if part != "[key]")
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{name}: unknown key {dotted(path)}", fix=_meant(path)) from None
        message = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        word = "must be " if first["msg"].startswith("Input should be ") else ""
        raise ConfigError(
            f"{name}: {dotted(path)}: {word}{message}", fix="docs/configuration.md lists every key"
        ) from None


def _meant(path: tuple[str, ...]) -> str:
    """What to write in place of an unknown key."""
    section: type[Section] = Settings
    for key in path[:-1]:
        field = fields_of(section).get(key)
        inner = section_of(field) if field else None
        section = inner or section
    known = list(fields_of(section))
    folded = {key.lower().replace("_", ""): key for key in known}
    wanted = path[-1].lower().replace("_", "").replace("-", "")
    close = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {dotted((*path[:-1], folded[close[0]]))}?"
    return f"Known keys here: {', '.join(known)}"
