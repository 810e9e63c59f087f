"""The hands of a thread: one sandboxed executor on one folder, restarted when it dies."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from codebutler.errors import CodeButlerError, ToolFailed
from codebutler.sandbox.builds import Held, Turn
from codebutler.sandbox.client import Client, Lost, Refused, patience, plain_text
from codebutler.sandbox.egress import Egress, opened
from codebutler.sandbox.guest import Guest
from codebutler.sandbox.job import Job, Program
from codebutler.sandbox.launch import give_to
from codebutler.sandbox.outfit import Outfit
from codebutler.sandbox.replies import TEXT, as_bytes, as_change, as_list, as_sha, tool_result
from codebutler.sandbox.settings import FileChange, SandboxSettings, TreeReply
from codebutler.sandbox.starting import started
from codebutler.sandbox.tenancy import move_in
from codebutler.sandbox.worktree import git_parts, real_folder, seen_at_start
from codebutler.types import Json, ToolResult

_GIT_SECONDS = 900.0
_PACK_BYTES = 1024 * 1024 * 1024
_NOTICED = 0.5
"""Seconds from which on a wait for another build is worth a word."""


class Executor:
    """One sandboxed executor. Concurrent calls are welcome; commands and git run one at a time."""

    def __init__(self, job: Job, egress: Egress | None = None) -> None:
        """Use ``start``."""
        self._job, self._egress = job, egress
        self._client: Client | None = None
        self._starting = asyncio.Lock()
        self._serial = asyncio.Lock()
        self._view: tuple[object, ...] = ()
        self._busy = 0
        self._cwd: dict[str, str] = {}
        self._held = Held()
        self._guests: list[Guest] = []
        self._closed = False
        self._ends = ExitStack()

    @classmethod
    async def start(
        cls,
        worktree: Path,
        *,
        read_only: bool = False,
        own: bool = False,
        gitdir: Path | None = None,
        settings: SandboxSettings | None = None,
        egress: Egress | None = None,
        outfit: Outfit | None = None,
    ) -> Executor:
        """Start on ``worktree``: a plain folder, a checkout or a linked worktree.

        ``own``: the folder is ours, may be given to the sandbox's user, its repository may borrow objects.
        ``gitdir``: the repository of a folder without ``.git``. ``egress``: in place of one for
        ``settings.allow``. ``outfit``: dependencies, set up. Raises NoSandbox, UsageError, RepoError.
        """
        settings = settings or SandboxSettings.from_host()
        root = await asyncio.to_thread(real_folder, worktree)
        lenders = None if own else (root, *settings.show)
        git = await asyncio.to_thread(git_parts, root, gitdir, lenders)
        if own and settings.tier != "off":
            await asyncio.to_thread(give_to, root, settings.uid)
        egress = await opened(settings, egress)
        proxy = egress.socket if egress else None
        executor = cls(Job(root, git, read_only, settings, proxy, outfit or Outfit()), egress)
        try:
            if not read_only:
                executor._ends.callback(os.close, await move_in(root))
            await executor._connect()
        except BaseException:
            await executor.close()
            raise
        return executor

    @property
    def worktree(self) -> Path:
        """The real path of the folder."""
        return self._job.root

    @property
    def pid(self) -> int:
        """The process that holds the sandbox, as the host sees it; 0 while there is none."""
        return self._client.pid if self._client is not None else 0

    async def guest(self, program: Program) -> Guest:
        """Start ``program`` behind a border of its own that shows what this one's shows. Or NoSandbox."""
        async with self._serial:  # no command of ours moves folders while they are being mounted
            guest = await Guest.start(replace(self._job, program=program))
            self._guests = [*(each for each in self._guests if each.alive), guest]
            return guest

    # ------------------------------------------------------------------ tools

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        timeout: float | None = None,
        session: str = "",
        on_output: Callable[[str], None] | None = None,
    ) -> ToolResult:
        """Run one native tool. Never raises for what the tool or the sandbox does: the result says it.

        The commands of one ``session`` begin where its last one ended; without one, at the root.
        ``on_output`` gets the newest output of a running command now and then; it must not raise.
        """
        wait = timeout if timeout is not None else patience(name, arguments)
        params: Json = {"name": name, "arguments": dict(arguments)}
        if name == "bash" and "job" not in arguments:
            return await self._command(params, wait, session, on_output)
        return await self._tool(params, wait)

    async def _command(
        self, params: Json, wait: float, session: str, on_output: Callable[[str], None] | None
    ) -> ToolResult:
        """A command, in its turn: heavy ones wait for each other first, which is not their own time."""
        turn = await self._turn(params["arguments"], on_output)
        kept = False
        try:
            async with self._serial:
                own = {"cwd": self._cwd.get(session, "")} if session else {}
                params["_meta"] = {"codebutler": {**own, "tellEnd": True}}
                result = await self._tool(params, wait, on_output)
            job = result.details.get("job")
            if isinstance(job, int) and result.details.get("exit_code") is None:
                self._held.keep(job, turn)
                kept = True
        finally:
            if not kept:
                turn.end()
        if session and (cwd := plain_text(result.details.get("cwd"), 4096)):
            self._cwd[session] = cwd
        if turn.waited < _NOTICED:
            return result
        said = f"[waited {turn.waited:.0f} s for another build]\n{result.text}"
        return replace(result, text=said, waited=turn.waited)

    async def _turn(self, arguments: Json, on_output: Callable[[str], None] | None) -> Turn:
        builds, command = self._job.settings.builds, arguments.get("command")
        if builds is None or not isinstance(command, str):
            return Turn()
        return await builds.turn(command, on_output or (lambda _: None))

    async def _tool(
        self, params: Json, wait: float, on_output: Callable[[str], None] | None = None
    ) -> ToolResult:
        try:
            return tool_result(await self._request("tools/call", params, wait, on_output))
        except Lost as lost:
            return ToolResult(f"{lost}; it was stopped, and the next call starts it again", ok=False)
        except (Refused, CodeButlerError) as error:
            return ToolResult(str(error), ok=False)

    async def read_file(self, path: str, limit: int = 65536) -> bytes | None:
        """At most ``limit`` bytes of a regular file inside the folder; None if there is none.

        Raises ToolFailed for a path that leads outside or to something else.
        """
        reply = await self._ask("codebutler/read_file", {"path": path, "limit": limit}, 60)
        if reply.get("found") is not True:
            return None
        return as_bytes(reply.get("data"))[:limit]

    async def write_file(self, path: str, data: bytes) -> None:
        """Make ``data`` the content of a file inside the folder, byte for byte, whatever it held before.

        Raises ToolFailed for a path that leads outside, and before approval.
        """
        encoded = base64.b64encode(data).decode()
        await self._ask("codebutler/write_file", {"path": path, "data": encoded}, 60)

    # -------------------------------------------------------------------- git

    async def fill(self, commit: str) -> None:
        """Write the files of ``commit`` into the folder, which must be empty."""
        await self._git("fill", {"commit": as_sha(commit)})

    async def status(self, base: str, wrote: Sequence[str] = ()) -> list[FileChange]:
        """Paths that differ from the commit ``base``, untracked ones too; ignored ones if in ``wrote``."""
        reply = await self._git("status", {"base": as_sha(base), "wrote": list(wrote)})
        return [as_change(each) for each in as_list(reply.get("changes"))]

    async def left_out(self, base: str, wrote: Sequence[str]) -> list[str]:
        """What a commit on ``base`` cannot hold, a line each; ignored files only if in ``wrote``."""
        reply = await self._git("status", {"base": as_sha(base), "wrote": list(wrote)})
        return [plain_text(each, 500) for each in as_list(reply.get("skipped"))[:50]]

    async def diff(self, base: str, paths: Sequence[str] = ()) -> str:
        """A text diff against the commit ``base``, capped with head and tail."""
        reply = await self._git("diff", {"base": as_sha(base), "paths": list(paths)})
        return plain_text(reply.get("diff"), TEXT)

    async def tree(self, base: str, known: str = "", *, since: str = "", still: bool = False) -> TreeReply:
        """Build a tree of the folder and a thin pack of what ``base`` lacks; fetch it with ``pack``.

        ``known`` is the tree of ``base`` if the caller has it: there is no pack when nothing has changed.
        ``since``: files that this commit lacks and a .gitignore names now are left out, tracked or not.
        ``still``: the last look at the files counts while the kernel tells of no change, and no guest, which
        may hold a file mapped, has run since.
        """
        self._guests, still = [each for each in self._guests if each.alive], still and not self._guests
        asked = {"base": as_sha(base), "known": known, "since": since, "still": still}
        reply = await self._git("tree", asked)
        size = reply.get("pack_size")
        if not isinstance(size, int) or not 0 <= size <= _PACK_BYTES:
            raise ToolFailed("the sandbox answered nonsense: pack_size")
        skipped = tuple(plain_text(each, 500) for each in as_list(reply.get("skipped"))[:50])
        first = as_bytes(reply.get("data", ""))[:size]
        plain = reply.get("plain") is True and len(first) == size
        return TreeReply(as_sha(reply.get("tree")), size, skipped, first, plain)

    async def pack(self, built: TreeReply) -> AsyncIterator[bytes]:
        """The pack of ``built``, in pieces, never more than announced; a large one: until the next tree."""
        total, first = built.pack_size, built.first
        at = len(first)
        if first:
            yield first
        while at < total:
            reply = await self._git("pack", {"offset": at})
            piece = as_bytes(reply.get("data"))[: total - at]
            if not piece:
                raise ToolFailed("the sandbox sent less of the pack than it announced")
            at += len(piece)
            yield piece

    # ---------------------------------------------------------------- process

    async def close(self) -> None:
        """End the executor and everything in its sandbox. The folder stays."""
        self._closed = True
        async with self._starting:
            client, self._client = self._client, None
            if client is not None:
                await client.close()
            if self._egress is not None:
                await self._egress.close()
            self._ends.close()

    async def _git(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        async with self._serial:
            return await self._ask(f"codebutler/{method}", params, _GIT_SECONDS)

    async def _ask(self, method: str, params: dict[str, Any], seconds: float) -> dict[str, Any]:
        try:
            return await self._request(method, params, seconds)
        except (Lost, Refused) as error:
            raise ToolFailed(str(error)) from error

    async def _request(
        self,
        method: str,
        params: Mapping[str, Any],
        seconds: float,
        on_output: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        client = await self._connect()
        self._busy += 1
        try:
            return await client.request(method, params, seconds, on_output)
        finally:
            self._busy -= 1

    async def _connect(self) -> Client:
        async with self._starting:
            if self._closed:
                raise Lost("the executor is closed")
            client = self._client
            if client is not None and client.alive and (self._busy or self._view == self._seen()):
                return client
            if client is not None:
                await client.close()
            self._client = await self._launch()
            return self._client

    def _seen(self) -> tuple[object, ...]:
        """What the sandbox saw of git at its start; nothing with scratch git, which a restart would lose."""
        git = self._job.git
        if git is None or self._job.scratch:
            return ()
        return seen_at_start(git, mounts=self._job.settings.tier != "reduced")

    async def _launch(self) -> Client:
        self._view = self._seen()
        return await started(self._job, self._held.ended)
