"""The executor: in a folder that is filled afresh, and as models reach it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings
from codebutler.types import ToolResult

_PATTERNS = {("pattern", "glob"), ("glob", "grep"), ("include", "grep")}
_PATH = re.compile(r"(path|file|filename|directory)$", re.IGNORECASE)
"""What models call the argument that names a file or folder."""
_PATCHED = re.compile(
    r"^(\*\*\* (?:Add File|Update File|Delete File|Move to): *)(/.*?)(?=[ \r]*$)", re.MULTILINE
)
"""The lines of a patch that name a file by an absolute path."""


async def filled(folder: Path, commit: str, settings: SandboxSettings) -> Executor:
    """An executor on an empty worktree of ours, into which it has laid the files of ``commit``."""
    executor = await Executor.start(folder, own=True, settings=settings)
    try:
        await executor.fill(commit)
    except BaseException:
        await executor.close()
        raise
    return executor


class Relocated:
    """The executor, for models that name files by the repo's own path: those mean the worktree's files."""

    def __init__(self, executor: Executor, repo: Path, worktree: Path) -> None:
        """Paths below ``repo`` (but not below ``worktree``) become relative to the worktree."""
        self._executor = executor
        self._repo = f"{repo}/"
        self._worktree = f"{worktree}/"

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        timeout: float | None = None,
        session: str = "",
        on_output: Callable[[str], None] | None = None,
    ) -> ToolResult:
        """Run one native tool."""
        moved = {key: self._moved(name, key, value) for key, value in arguments.items()}
        return await self._executor.call(name, moved, timeout=timeout, session=session, on_output=on_output)

    async def read_file(self, path: str, limit: int) -> bytes | None:
        """See ``Executor.read_file``."""
        return await self._executor.read_file(self._inside(path), limit)

    async def write_file(self, path: str, data: bytes) -> None:
        """See ``Executor.write_file``."""
        await self._executor.write_file(self._inside(path), data)

    def _moved(self, name: str, key: str, value: object) -> object:
        """An argument, if it holds paths, with those of the repo as paths of the worktree."""
        if not isinstance(value, str):
            return value
        if _PATH.search(key) or (key, name) in _PATTERNS:
            return self._inside(value)
        if name == "apply_patch":
            return _PATCHED.sub(lambda found: found[1] + self._inside(found[2]), value)
        return value

    def _inside(self, path: str) -> str:
        ours = f"{path}/".startswith(self._repo) and not f"{path}/".startswith(self._worktree)
        return path[len(self._repo) :] or "." if ours else path
