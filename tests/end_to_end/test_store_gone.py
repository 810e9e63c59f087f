"""A store that is deleted under the process that runs its threads: that one ends, and makes nothing anew."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from codebutler.service import owner
from codebutler.testing.stage import PROGRAM, Stage

SLOW = """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", \
steps = [{ text = "Write it" }], files = ["NOTE"] } }]
[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{ name = "bash", arguments = { command = "echo begun > BEGUN; sleep 4; exit 0" } }]
[[scripts.steps]]
text = "Done."
"""
TALK = """
[[scripts]]
role = "pm"
[[scripts.steps]]
text = "first answer"
"""


async def start(stage: Stage, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *PROGRAM, *words, cwd=stage.sample.repo, env=stage.env(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str]:
    try:
        _, err = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, err.decode()


def inner(stage: Stage) -> Path:
    return stage.sample.repo / ".codebutler"


def said(stage: Stage, err: str) -> None:
    """One line: what happened, where the threads are, and the way back."""
    told = [line for line in err.splitlines() if "Z ERR - - " not in line]  # the log of serve says it too
    lines = [line for line in told if "store.db was deleted or replaced" in line]
    assert len(lines) == 1, err
    assert str(stage.home / "butler" / "copies") in lines[0]
    assert lines[0].endswith("codebutler restore")
    assert "Traceback" not in err


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
async def test_a_run_whose_store_is_cleaned_away_ends_and_its_thread_comes_back(stage: Stage) -> None:
    running = await start(stage, "run", "add a note", "--yes", "--key", "z")
    async with asyncio.timeout(40):
        while not list(inner(stage).glob("branches/*/BEGUN")):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.02)
    await asyncio.to_thread(stage.git, "clean", "-ffdxq")
    code, err = await ended(running)
    assert code == 1, err
    said(stage, err)
    assert not list(inner(stage).glob("store.db*")), "nothing is made anew"
    assert not stage.git("branch", "-r", "--list", "*/codebutler/*"), "nothing was pushed"
    back = await stage.cli("restore")
    assert back.code == 0, back.stderr
    logs = await stage.cli("logs", "--json", (await threads(stage))[0])
    assert "plan_approved" in logs.kinds(), "what that turn had done is in the copy, too"


async def threads(stage: Stage) -> list[str]:
    listed = await asyncio.create_subprocess_exec(
        *PROGRAM, "threads", cwd=stage.sample.repo, env=stage.env(), stdout=subprocess.PIPE
    )
    out, _ = await listed.communicate()
    return [line.split()[0] for line in out.decode().splitlines() if line.strip()]


@pytest.mark.parametrize("stage", [TALK], indirect=True)
async def test_serve_ends_when_its_store_is_replaced(stage: Stage) -> None:
    first = await stage.cli("run", "hello", "--json")
    serving = await start(stage, "serve")
    assert serving.stdout is not None
    assert b"serves" in await asyncio.wait_for(serving.stdout.readline(), 30)
    for path in inner(stage).glob("store.db*"):
        path.unlink()
    assert (await stage.cli("threads")).code == 0, "which makes an empty store"
    there = (inner(stage) / "store.db").stat().st_ino
    await owner.kick(stage.sample.repo, stage.home / "butler", first.summary["thread"])
    code, err = await ended(serving)
    assert code == 1, err
    said(stage, err)
    assert (inner(stage) / "store.db").stat().st_ino == there, "the new one is left alone"


@pytest.mark.parametrize(
    "words", [("caf\udce9",), ("ok", "--key", "caf\udce9"), ("ok", "--thread", "\udce9")]
)
async def test_what_is_no_utf8_is_named(stage: Stage, words: tuple[str, ...]) -> None:
    run = await stage.cli("run", *words)
    assert (run.code, run.stderr.count("\n")) == (2, 1)
    assert "is not valid UTF-8" in run.stderr
    assert "store" not in run.stderr
    assert not inner(stage).joinpath("store.db").exists()


async def test_a_forge_makes_no_store(stage: Stage) -> None:
    from codebutler.errors import ConfigError
    from codebutler.forges.records import Records

    path = stage.home / "nowhere.db"
    with pytest.raises(ConfigError, match="there is no store"):
        await Records(path).list()
    assert not path.exists()
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(ConfigError, match="is not ready yet"):
        await Records(path).list()
    assert path.read_bytes() == b""


@pytest.mark.parametrize("stage", [TALK], indirect=True)
@pytest.mark.parametrize("foreign", [False, True])
async def test_a_damaged_store_is_put_aside_and_its_threads_come_back(stage: Stage, foreign: bool) -> None:
    first = await stage.cli("run", "hello", "--json")
    path = inner(stage) / "store.db"
    if foreign:
        path.unlink()
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("CREATE TABLE pull_request (number INTEGER)")
    else:
        data = bytearray(path.read_bytes())
        data[4096:] = b"\x9f\x03" * ((len(data) - 4096) // 2)
        path.write_bytes(data)
    for words in (("threads",), ("run", "more")):
        run = await stage.cli(*words)
        assert (run.code, run.stderr.count("\n")) == (2, 1), run.stderr
        assert "codebutler restore" in run.stderr
    doctor = await asyncio.create_subprocess_exec(
        *PROGRAM, "doctor", "--offline", cwd=stage.sample.repo, env=stage.env(), stdout=subprocess.PIPE
    )
    assert b"codebutler restore" in (await doctor.communicate())[0]
    spoilt = path.read_bytes()
    back = await stage.cli("restore")
    assert back.code == 0, back.stderr
    kept = [p for p in inner(stage).glob("store.db.kept-*") if not p.name.endswith(("-wal", "-shm"))]
    assert [p.read_bytes() for p in kept] == [spoilt]
    assert "posted" in (await stage.cli("logs", "--json", first.summary["thread"])).kinds()
