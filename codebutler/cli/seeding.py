"""Writing CodeButler's files into a repo and into the global folder; what a person edited is left alone."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from codebutler import assets
from codebutler.config import FILE
from codebutler.errors import ConfigError, RepoError
from codebutler.repo.discover import Repo
from codebutler.repo.layout import give_like, own_folder
from codebutler.settings.files import parse_json, read_global, read_repo
from codebutler.settings.keys import flatten, nest, split

IGNORED = ("store.db*", "branches/", "images/", "lock", "*.sock")
"""What lies in .codebutler and is never committed."""
_SEEDS = (("prompts_defaults", "prompts"), ("memory_defaults", "memory"))


def seeds() -> Iterator[tuple[str, str]]:
    """(path below .codebutler, text) of every shipped prompt and memory file."""
    for shipped, folder in _SEEDS:
        for file in sorted(assets.folder(shipped).glob("*.md")):
            if file.name != "README.md":
                yield f"{folder}/{file.name}", file.read_text(encoding="utf-8")


def plant(repo: Repo, below: str, text: str) -> bool:
    """Write a file that is not there yet below .codebutler; False if something is. Follows no link."""
    path = repo.inner / below
    for folder in reversed([p for p in path.parents if p.is_relative_to(repo.inner)]):
        own_folder(repo, folder)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    except FileExistsError:
        return False
    except OSError as error:
        raise RepoError(
            f"{path} cannot be written: {error.strerror}", fix="Check owner, mode, space"
        ) from error
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(text)
    give_like(path, repo.root)
    return True


def ignore(repo: Repo) -> bool:
    """See to it that .codebutler/.gitignore has every line of ``IGNORED``; False if it had."""
    if plant(repo, ".gitignore", "\n".join(IGNORED) + "\n"):
        return True
    path = repo.inner / ".gitignore"
    if path.is_symlink() or not path.is_file():
        raise RepoError(f"{path} is not a plain file", fix="Remove it and run init again")
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    missing = [line for line in IGNORED if line not in text.splitlines()]
    if missing:
        gap = "" if not text or text.endswith("\n") else "\n"
        _replace(path, text + gap + "\n".join(missing) + "\n", 0o644)
        give_like(path, repo.root)
    return bool(missing)


def repo_text(repo: Repo, changes: Mapping[str, Any]) -> str:
    """The repo's own config with ``changes`` (dotted keys) laid over it, as it would be written."""
    return _changed(read_repo(repo.root), str(repo.inner / FILE), changes)


def write_repo_config(repo: Repo, text: str) -> bool:
    """Write the repo's own config; False if it says so already."""
    if plant(repo, FILE, text):
        return True
    if read_repo(repo.root) == text:
        return False
    _replace(repo.inner / FILE, text, 0o644)
    give_like(repo.inner / FILE, repo.root)
    return True


def write_global_config(home: Path, changes: Mapping[str, Any]) -> None:
    """Lay ``changes`` (dotted keys) over the global config; mode 0600 from the first byte on."""
    path = home / FILE
    text, _ = read_global(path)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path.resolve(), _changed(text, str(path), changes), 0o600)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", fix="Check owner, mode, space"
        ) from error


def _changed(text: str, name: str, changes: Mapping[str, Any]) -> str:
    """Keys that are there keep their order."""
    leaves = flatten(parse_json(text, name)) | {split(key): value for key, value in changes.items()}
    return json.dumps(nest(leaves), indent=2, ensure_ascii=False) + "\n"


def _replace(path: Path, text: str, mode: int) -> None:
    """Replace a file in one step, so that a crash leaves the old or the new one."""
    file, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(file, "w", encoding="utf-8", errors="surrogateescape") as out:
            out.write(text)
            os.fchmod(out.fileno(), mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
