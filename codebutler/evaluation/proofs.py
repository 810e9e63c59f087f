"""The oracle that runs a program: on the branch's files, in a sandbox, with hidden files laid over."""

from __future__ import annotations

import asyncio
from typing import Literal

from pydantic import Field

from codebutler.errors import ToolFailed
from codebutler.evaluation.base import Files, fits, open_folder
from codebutler.evaluation.facts import LARGEST, Facts
from codebutler.evaluation.oracles import Oracle
from codebutler.repo.objects import read_bytes
from codebutler.sandbox.executor import Executor
from codebutler.types import ToolResult

_FOUND = 1
"""How unittest, pytest and most others exit that have found something; a wrong call is another code."""
_TAIL = 600
"""Characters of a command's output that the evidence shows."""


class Command(Oracle):
    """``run`` must exit 0 on the branch's files, or with ``fails`` find something: exit 1.

    ``restore`` are patterns of files that get back what the base has in them; then ``files`` are written over
    what is there.
    """

    kind: Literal["command"]
    run: str = Field(min_length=1)
    files: Files = {}
    restore: list[str] = []
    fails: bool = False
    seconds: int = Field(default=60, ge=1, le=600)

    async def fault(self, facts: Facts) -> str:
        """How it ended and the last lines that it printed."""
        folder = await asyncio.to_thread(open_folder, facts.room, "proof-")
        executor = await Executor.start(folder, own=True, gitdir=facts.gitdir, settings=facts.sandbox)
        try:
            await executor.fill(facts.head)
            try:
                await self._lay(executor, facts)
            except ToolFailed as error:  # such as a link where a file is to be
                return f"the branch stands in the way: {error}"
            result = await executor.call("bash", {"command": self.run, "timeout": self.seconds})
        finally:
            await executor.close()
        return self._verdict(result)

    async def _lay(self, executor: Executor, facts: Facts) -> None:
        for path in await facts.paths(facts.base):
            if fits(path, self.restore):
                data = await read_bytes(facts.gitdir, facts.base, path, limit=LARGEST)
                await executor.write_file(path, data or b"")
        for path, text in self.files.items():
            await executor.write_file(path, text.encode())

    def _verdict(self, result: ToolResult) -> str:
        code = result.details.get("exit_code")
        if not isinstance(code, int):
            return f"{self.run}: did not end by itself{_tail(result.text)}"
        if self.fails:
            said = _tail(result.text) if code else ""
            return "" if code == _FOUND else f"{self.run}: exit {code}, but it had to be {_FOUND}{said}"
        return f"{self.run}: exit {code}{_tail(result.text)}" if code else ""


def _tail(text: str) -> str:
    """The last whole lines of an output, below what is said of it."""
    lines = text.strip().splitlines()
    while len(lines) > 1 and sum(map(len, lines)) > _TAIL:
        del lines[0]
    return "".join(f"\n{line[-_TAIL:]}" for line in lines)
