"""What a killed process left in the temporary folder goes at the next start, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from codebutler.sandbox.executor import Executor
from codebutler.sandbox.job import BOX
from codebutler.sandbox.settings import SandboxSettings
from codebutler.temporary import Room, collect

OFF = SandboxSettings(tier="off")
KILLED = (
    "import os, signal; from codebutler.temporary import Room; room = Room.make('codebutler-box-'); "
    "(room.path / 'home').mkdir(); (room.path / 'home').chmod(0); print(room.path, flush=True); "
    "os.kill(os.getpid(), signal.SIGKILL)"
)

ASKS = "import os, signal; from codebutler.repo import git; room = git._room('sha1')"


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own."""
    top = tmp_path / "tmp"
    top.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(top))
    return top


def _run(rooms: Path, program: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "TMPDIR": str(rooms)}
    return subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False
    )


def _killed(rooms: Path, program: str = KILLED) -> Path:
    done = _run(rooms, program)
    left = Path(done.stdout.strip())
    assert left.parent == rooms, done.stderr
    assert left.is_dir()
    return left


def test_what_a_killed_process_left_is_collected(rooms: Path) -> None:
    left, used = _killed(rooms), Room.make(BOX)
    others = [rooms / "codebutler-box-file", rooms / "codebutler-other", rooms / "codebutler-box-link"]
    others[0].write_text("a file")
    others[1].mkdir()
    others[2].symlink_to(others[1])
    assert collect(BOX, 12345) == [left]
    assert not left.exists()
    assert used.path.is_dir()
    assert all(other.exists() for other in others)
    used.remove()
    used.remove()
    assert not used.path.exists()
    assert collect(BOX, 12345) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_what_belongs_to_others_is_left_alone(rooms: Path) -> None:
    left, given = _killed(rooms), _killed(rooms)
    os.chown(left, 54321, 54321)
    os.chown(given, 12345, 12345)
    assert collect(BOX, 12345) == [given]
    assert left.exists()


async def test_the_next_executor_collects(rooms: Path, folder: Path) -> None:
    left = _killed(rooms)
    executor = await Executor.start(folder, settings=OFF)
    assert not left.exists()
    assert len(list(rooms.iterdir())) == 1
    await executor.close()
    assert list(rooms.iterdir()) == []


def test_the_next_process_that_asks_git_collects(rooms: Path) -> None:
    """Each has an empty gitdir in the temporary folder, which a kill leaves behind."""
    left = _killed(rooms, f"{ASKS}; print(room, flush=True); os.kill(os.getpid(), signal.SIGKILL)")
    used = Room.make("codebutler-plumb-")
    done = _run(rooms, f"{ASKS}; print(room)")
    room = Path(done.stdout.strip())
    assert (done.returncode, room.parent, left.exists()) == (0, rooms, False), done.stderr
    assert list(rooms.iterdir()) == [used.path]
    used.remove()
