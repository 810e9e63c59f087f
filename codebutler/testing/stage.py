"""The real command line in a sample repo against a scripted model: for tests of whole threads."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from codebutler.testing.sample import Sample
from codebutler.testing.scripted import ScriptedModel
from codebutler.types import Json

PROGRAM = (sys.executable, "-P", "-c", "from codebutler.cli.main import main; raise SystemExit(main())")
"""The console script, whatever folder it is installed in."""


Starter = Callable[[Sequence[str], Path, Mapping[str, str]], Awaitable[tuple[int, bytes, bytes]]]
"""Runs ``codebutler`` with words, in a folder, with an environment: exit code, what it printed, errors."""


async def cold(words: Sequence[str], where: Path, env: Mapping[str, str]) -> tuple[int, bytes, bytes]:
    """As a shell would start it; killed, with a TimeoutError, after 100 seconds."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *words,
        cwd=where,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 100)
    except TimeoutError:
        process.kill()
        raise
    return process.returncode or 0, out, err


async def until(true: Callable[[], object]) -> None:
    """Wait for what has no event of its own. TimeoutError after 90 seconds."""
    async with asyncio.timeout(90):
        while not true():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.05)


@dataclass
class Run:
    """What a run of the command line left: exit code, event lines, and the summary."""

    code: int
    lines: list[Json]
    stderr: str

    @property
    def summary(self) -> Json:
        """The last line of a headless run."""
        if not self.lines or self.lines[-1]["kind"] != "summary":
            raise AssertionError(f"no summary; exit {self.code}: {self.stderr}")
        return self.lines[-1]

    def kinds(self) -> list[str]:
        """The events' kinds, in order."""
        return [line["kind"] for line in self.lines]

    def of(self, kind: str) -> list[Json]:
        """The events of one kind."""
        return [line for line in self.lines if line["kind"] == kind]


@dataclass
class Stage:
    """A sample repo with a model server: run commands in it, or open a session."""

    sample: Sample
    home: Path
    server: ScriptedModel
    extra: dict[str, str] = field(default_factory=dict)
    starter: Starter = cold

    def env(self) -> dict[str, str]:
        """What the command line gets as its environment."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "CODEBUTLER_HOME": str(self.home / "butler"),
            "OPENAI_BASE_URL": self.server.url,
            "OPENAI_API_KEY": "sk-canary-0123456789abcdefghij",
            **self.extra,
        }

    async def cli(self, *words: str, **env: str) -> Run:
        """``codebutler words…`` in the sample repo, as its own process."""
        code, out, err = await self.starter(words, self.sample.repo, {**self.env(), **env})
        lines = [json.loads(x) for x in out.decode().splitlines() if x.startswith("{")]
        return Run(code, lines, err.decode())

    @asynccontextmanager
    async def process(self, *words: str) -> AsyncIterator[Process]:
        """``codebutler words…`` in the sample repo, with pipes; it does not outlive the block."""
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, *words, cwd=self.sample.repo, env=self.env(), stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    @asynccontextmanager
    async def serving(self, **env: str) -> AsyncIterator[Process]:
        """``codebutler serve`` until the end of the block. AssertionError if it shows a traceback."""
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, "serve", cwd=self.sample.repo, env={**self.env(), **env}, stdout=PIPE, stderr=PIPE
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            _, err = await asyncio.wait_for(process.communicate(), 60)
        if b"Traceback" in err:
            raise AssertionError(err.decode())

    def configure(self, config: Json) -> None:
        """Write the host's configuration."""
        file = self.home / "butler" / "config.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(config))
        file.chmod(0o600)

    def git(self, *words: str, where: Path | None = None) -> str:
        """Git's answer in the sample repo, or ``where``."""
        done = subprocess.run(
            ["git", "-C", str(where or self.sample.repo), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()
