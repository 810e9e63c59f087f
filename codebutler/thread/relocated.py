"""The executor: in a folder that is filled afresh, and as models reach it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings
from codebutler.types import ToolResult


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
        self._worktree = str(worktree)

    async def call(
        self, name: str, arguments: Mapping[str, Any], *, timeout: float | None = None
    ) -> ToolResult:
        """Run one native tool."""
        path = arguments.get("path")
        if (
            isinstance(path, str)
            and f"{path}/".startswith(self._repo)
            and not path.startswith(self._worktree)
        ):
            arguments = {**arguments, "path": path[len(self._repo) :] or "."}
        return await self._executor.call(name, arguments, timeout=timeout)
