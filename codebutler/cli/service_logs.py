"""What a service said: from the journal where there is one, else from its log files."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from codebutler.errors import CodeButlerError
from codebutler.service.installed import Record
from codebutler.service.managers import call

LOOK = 0.3
"""Seconds between looks for more."""
_CHUNK = 1 << 20


async def show(record: Record, home: Path, files: Sequence[Path], *, lines: int, follow: bool) -> int:
    """Print the last ``lines``, and with ``follow`` what comes, until Ctrl-C."""
    asked = ("journalctl", "--user", "-u", f"{record.name}.service", "-o", "cat", "--no-pager", "-n")
    if record.file.endswith(".service"):
        code, said = await call(*asked, str(lines))
        if code == 0 and said and not said.startswith("-- No entries --"):
            if not follow:
                print(said)
                return 0
            process = await asyncio.create_subprocess_exec(*asked, str(lines), "-f")
            return await process.wait()
    files = [path for path in (*files, home / "logs" / f"{record.name}.err") if path.is_file()]
    if not files:
        raise CodeButlerError(f"{record.name} has said nothing yet", fix="codebutler service status")
    tails = [Tail(path) for path in files]
    for tail in tails:
        print("".join(f"{line}\n" for line in tail.last(lines)), end="", flush=True)
    while follow:
        for tail in tails:
            print(tail.more(), end="", flush=True)
        await asyncio.sleep(LOOK)
    return 0


class Tail:
    """A log file that grows, and makes room by being renamed."""

    def __init__(self, path: Path) -> None:
        """At its beginning."""
        self._path = path
        self._file = path.open(encoding="utf-8", errors="replace")

    def last(self, count: int) -> list[str]:
        """The last lines; what comes after them is ``more``."""
        size = os.fstat(self._file.fileno()).st_size
        if size > _CHUNK:
            self._file.seek(size - _CHUNK)
            self._file.readline()
        return list(deque((line.rstrip("\n") for line in self._file), maxlen=max(0, count)))

    def more(self) -> str:
        """What was written since; a new file of the same name is read from its beginning."""
        text = self._file.read()
        try:
            moved = self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:  # between two of them
            return text
        if moved:
            self._file.close()
            self._file = self._path.open(encoding="utf-8", errors="replace")
            text += self._file.read()
        return text
