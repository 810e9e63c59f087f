"""The daemon's end of the protocol. The other end is hostile until proven otherwise.

Lines are bounded, ids must match, everything else is ignored, and nothing received is ever evaluated.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from codebutler.sandbox.child import Child
from codebutler.sandbox.job import Job

LINE_BYTES = 16 * 1024 * 1024
"""Longest reply. A piece of a pack is 1.4 MB; a file of 8 MiB for the daemon is 11 MB."""
_STDERR_BYTES = 8192
_OUTPUT_CHARS = 4096
_GRACE = 15.0
_DYING = 1.0
"""Seconds from the end of a process's output to its own end."""
_BASH_DEFAULT, _BASH_MAX = 120.0, 600.0
_REQUEST_BYTES = 30 * 1024 * 1024
"""Longest request: a little less than the executor takes in one line."""


class Lost(Exception):
    """The executor has gone, or broke the protocol, or did not answer in time."""


class Refused(Exception):
    """The executor answered with a JSON-RPC error."""


class Client:
    """One running executor process and the calls that wait for it."""

    def __init__(self, child: Child, on_end: Callable[[int | None], None]) -> None:
        """Use ``connect``."""
        self._child, self._process, self._on_end = child, child.process, on_end
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._watching: dict[int, Callable[[str], None]] = {}
        self._next = 0
        self._reader = asyncio.create_task(self._read())
        self.alive = True
        self._why = "the executor has ended"
        self._said: str | None = None

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    @classmethod
    async def connect(cls, job: Job, on_end: Callable[[int | None], None]) -> Client:
        """Start the process. It has not said anything yet. Raises NoSandbox and OSError.

        ``on_end`` hears the number of each background job that ends, and None when all is over.
        """
        return cls(await Child.start(job, LINE_BYTES), on_end)

    async def request(
        self,
        method: str,
        params: Mapping[str, Any],
        timeout: float,
        on_output: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """The result of one call. Raises Refused for an error reply and Lost for everything else.

        ``on_output`` gets the newest output of a running command, in pieces; it must not raise.
        Cancelling tells the executor to stop the call; past ``timeout`` seconds the process is killed.
        """
        if not self.alive:
            raise await self._lost()
        self._next += 1
        ident = self._next
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[ident] = future
        wanted = dict(params)
        if on_output is not None:
            self._watching[ident] = on_output
            wanted["_meta"] = {**wanted.get("_meta", {}), "progressToken": ident}
        try:
            await self._send({"id": ident, "method": method, "params": wanted})
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            self.kill()
            raise Lost(f"the executor did not answer within {timeout:g} s") from None
        except asyncio.CancelledError:
            await self._cancel(ident)
            raise
        finally:
            future.cancel()
            if not future.cancelled():
                future.exception()  # it ended while we were still sending: asyncio would log it as lost
            self._waiting.pop(ident, None)
            self._watching.pop(ident, None)

    async def _cancel(self, ident: int) -> None:
        with contextlib.suppress(Lost):
            await self._send({"method": "notifications/cancelled", "params": {"requestId": ident}})

    async def _send(self, message: dict[str, Any]) -> None:
        stdin = self._process.stdin
        if stdin is None or not self.alive:
            raise Lost(self._why)
        line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        if len(line) > _REQUEST_BYTES:
            raise Refused(f"the arguments are too large: {len(line)} bytes")
        try:
            stdin.write(line)
            await stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise await self._lost() from error

    async def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is None:
            return
        try:
            while line := await stdout.readline():
                self._take(line)
            self.alive = False
            self._why = await self._cause()
        except ValueError:
            self._why = "the executor sent a line that is too long"
        finally:
            self.kill()
            self._on_end(None)
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(Lost(self._why))

    def _take(self, line: bytes) -> None:
        """One line from the executor. What does not fit a waiting call is ignored."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(message, dict):
            return
        if message.get("method") == "notifications/progress":
            self._show(message.get("params"))
            return
        if message.get("method") == "notifications/codebutler/job_ended":
            params = message.get("params")
            job = params.get("job") if isinstance(params, dict) else None
            if isinstance(job, int) and not isinstance(job, bool):
                self._on_end(job)
            return
        ident = message.get("id")
        future = self._waiting.get(ident) if isinstance(ident, int) and not isinstance(ident, bool) else None
        if future is None or future.done():
            return
        result, error = message.get("result"), message.get("error")
        if isinstance(result, dict):
            future.set_result(result)
        elif isinstance(error, dict):
            future.set_exception(Refused(plain_text(error.get("message"), 2000) or "refused"))

    def _show(self, params: object) -> None:
        """A piece of output, for whoever watches that very call."""
        token = params.get("progressToken") if isinstance(params, dict) else None
        show = self._watching.get(token) if isinstance(token, int) and not isinstance(token, bool) else None
        if show is not None and isinstance(params, dict):
            show(plain_text(params.get("message"), _OUTPUT_CHARS))

    def kill(self) -> None:
        """End the process and with it, in a sandbox, everything that it started."""
        self.alive = False
        self._child.kill()

    async def _lost(self) -> Lost:
        """That it has gone, and why, which its reader may be finding out just now."""
        await asyncio.wait([self._reader], timeout=3 * _DYING)
        return Lost(self._why)

    async def _cause(self) -> str:
        """Why it said nothing more: its exit status or signal, and its last words."""
        try:
            code = await asyncio.wait_for(asyncio.shield(self._process.wait()), _DYING)
        except TimeoutError:
            return "the executor has closed its output"
        lines = (await self.complaint()).strip().splitlines()
        said = f": {lines[-1][:300]}" if lines else ""
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        return f"the executor has ended ({how}){said}"

    async def complaint(self) -> str:
        """What the process printed to stderr before it ended, capped."""
        stderr = self._process.stderr
        if self._said is None and stderr is not None:
            try:
                self._said = plain_text(
                    (await asyncio.wait_for(stderr.read(_STDERR_BYTES), 2)).decode("utf-8", "replace")
                )
            except TimeoutError:
                self._said = ""
        return self._said or ""

    async def close(self) -> None:
        """Let the executor end by itself, then make sure."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 0.5)
        except TimeoutError:
            self.kill()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._child.end()


def patience(name: str, arguments: Mapping[str, Any]) -> float:
    """How long a reply may take: the command's own limit and some grace."""
    if name != "bash":
        return 90.0
    wanted = arguments.get("timeout")
    seconds = _BASH_DEFAULT
    if isinstance(wanted, str):  # the executor takes "300" for 300
        with contextlib.suppress(ValueError):
            wanted = float(wanted)
    if isinstance(wanted, (int, float)) and math.isfinite(wanted):
        seconds = float(wanted)
    return min(max(seconds, 0.0), _BASH_MAX) + _GRACE


def plain_text(value: object, limit: int = 1_000_000) -> str:
    """A string from outside as valid Unicode without NUL, capped; "" for anything that is no string."""
    if not isinstance(value, str):
        return ""
    return value[:limit].encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
