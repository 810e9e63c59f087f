"""Limits of the process (``ulimit``): named with the way out, and never waited on."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codebutler.shortage import shortage
from codebutler.waiting import together

_FIND = """
import asyncio, logging, resource, sys
from pathlib import Path
from codebutler.repo.discover import find_repo

logging.getLogger("asyncio").setLevel(logging.ERROR)  # as the console script has it
found = failed = 0
for files in range(40, 8, -1):  # downwards: what failed to start may leave something open in some Pythons
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, 1024))
    try:
        assert asyncio.run(find_repo(Path(sys.argv[1]))) and not failed, files
        found += 1
    except OSError as error:
        assert error.errno == 24, (files, error)
        failed += 1
print(found, failed)
"""
_STORE = """
import asyncio, os, resource, sys
from pathlib import Path
from codebutler.errors import CodeButlerError
from codebutler.store.rows import NewEvent
from codebutler.store.store import Store

async def main():
    path = Path(sys.argv[1])
    store = await Store.open(path)
    await store.open_thread("T", title="", owner="", bindings=[], events=[])
    resource.setrlimit(resource.RLIMIT_NOFILE, (os.dup(0) + 1, 1024))
    try:
        await store.events("T")
    except CodeButlerError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100_000, -1))
    stored = []
    try:
        while len(stored) < 500:
            stored += await store.append("T", [NewEvent("k", str(len(stored)), "x" * 20_000)])
    except CodeButlerError as error:
        print(error)
    assert await store.events("T") == stored
    await store.close()

asyncio.run(main())
"""


def ran(script: str, *args: Path) -> list[str]:
    """The lines that a script says on its standard output, its only ones."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, args)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_too_few_open_files_are_an_error_and_not_a_wait(git_box: Any) -> None:
    """Git processes that were being started beside the one that could not be hung the end of the loop."""
    (said,) = ran(_FIND, git_box.root)
    assert min(map(int, said.split())) > 5


def test_the_store_names_the_limit_that_stands_in_its_way(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    files, size = ran(_STORE, path)
    assert files.startswith(f"no more files can be opened for {path}: this process may have ")
    assert files.endswith("Raise the limit where it is started, such as with: ulimit -n 1024")
    assert size.startswith(f"{path} cannot grow: this process may write no file of more than ")
    assert size.endswith("Raise the limit where it is started, such as with: ulimit -f unlimited")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "There is not enough memory. Raise the limit (ulimit -v unlimited)"),
        (
            OSError(errno.EMFILE, "Too many open files"),
            "Too many open files. Raise the limit (ulimit -n 1024)",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "standard output: No space left on device."),
        (ExceptionGroup("", [OSError(errno.EAGAIN, "No fork")]), "No fork. Free some memory, or end some"),
        (OSError(errno.ENOENT, "No such file"), ""),
        (ValueError("x"), ""),
    ],
)
def test_what_ran_out_is_named(error: Exception, words: str) -> None:
    said = shortage(error)
    assert said.startswith(words)
    assert bool(said) == bool(words)


async def test_what_runs_together_ends_together_with_the_first_error_as_it_is() -> None:
    ended = asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def broken() -> None:
        raise KeyError("a") from ValueError("b")

    async def both() -> None:
        async with together() as group:
            group.create_task(long())
            group.create_task(broken())

    with pytest.raises(KeyError) as caught:
        await both()
    assert isinstance(caught.value.__cause__, ValueError)
    assert ended.is_set()
