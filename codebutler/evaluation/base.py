"""What the tables of an eval's file have in common."""

import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict


def _inside(path: str) -> str:
    """A plain relative path to a file of the repo; git's own folder is nobody's."""
    parts = path.split("/")
    if not path or "" in parts or {".", "..", ".git"} & {part.lower() for part in parts} or "\0" in path:
        raise ValueError(f"{path!r} is no file of a repo: write a plain relative path")
    return path


RepoPath: TypeAlias = Annotated[str, AfterValidator(_inside)]
Files: TypeAlias = dict[RepoPath, str]
"""Texts by path."""


class Strict(BaseModel):
    """A table in which unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def fits(path: str, patterns: list[str]) -> bool:
    """Whether ``path`` fits one of the patterns; ``*`` stands for anything, also over folders."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def open_folder(parent: Path | None, prefix: str) -> Path:
    """A new folder that other users, such as the sandbox's own, can pass through."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    folder.chmod(0o755)
    return folder


def some(items: list[str], most: int = 5) -> str:
    """The first few of ``items`` in a line, and how many more there are."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
