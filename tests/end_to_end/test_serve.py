"""``serve`` beside other processes, and every process that is told to stop: by real signals, to real processes."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from rich.console import Console

from codebutler.cli.session import Session, open_session
from codebutler.service.app import find_place
from codebutler.service.owner import Owner
from codebutler.surfaces.terminal import Terminal
from codebutler.testing import note
from codebutler.testing.stage import Stage

TALK = """
[[scripts]]
role = "pm"
[[scripts.steps]]
text = "first answer"
[[scripts.steps]]
text = "second answer"
[[scripts.steps]]
text = "third answer"
"""
SLOW = """
[[scripts]]
role = "pm"
[[scripts.steps]]
delay = 60
text = "too late"
"""
LONG = f"""
{note.PM}
[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{{ name = "bash", arguments = {{ command = "echo begun > BEGUN; sleep 60" }} }}]
[[scripts.steps]]
text = "Done."
"""
QUIET = re.compile(r"[\d-]{10}T\S+Z (?!WRN|ERR)[A-Z]{2,3} ")
"""A line of the log that nobody needs to act on."""


async def line(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode()


async def end(process: Process, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    """Send the signal; the exit code and what stood on standard error, but for the log's quiet lines."""
    process.send_signal(number)
    async with asyncio.timeout(40):
        _, err = await process.communicate()
    loud = [line for line in err.decode().splitlines(keepends=True) if not QUIET.match(line)]
    return process.returncode or 0, "".join(loud)


@asynccontextmanager
async def session_of(stage: Stage) -> AsyncIterator[Session]:
    place = await find_place(stage.sample.repo, home=stage.home / "butler", env=stage.env())
    async with open_session(place, [Terminal(Console(), quiet=True)]) as session:
        yield session


async def say(session: Session, text: str) -> str:
    """Say it, wait for the rest, and return the last post."""
    await session.say(text)
    async with asyncio.timeout(40):
        async for batch in session.batches():
            if not batch and await session.at_rest():
                break
    rows = await session.host.store.events(session.thread)
    posts = [json.loads(r.body)["post"]["text"] for r in rows if r.kind == "posted"]
    return str(posts[-1])


async def until_asked(stage: Stage, calls: int = 1) -> None:
    """Wait until the model server was called so often."""
    async with asyncio.timeout(40):
        while len(stage.server.requests) < calls:  # noqa: ASYNC110 - of the server's own list
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("stage", [TALK], indirect=True)
async def test_serve_takes_over_from_a_session_which_goes_on_beside_it(stage: Stage) -> None:
    async with session_of(stage) as session:
        await session.begin("c1")
        assert await say(session, "hello") == "first answer"
        assert runs_here(session)
        async with stage.process("serve") as serve:
            following = asyncio.create_task(_follow(session))
            assert "runs the threads of" in await line(serve)
            assert "codebutler serves" in await line(serve)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            assert not runs_here(session)
            assert await say(session, "more") == "second answer"
            assert not runs_here(session)
            async with stage.process("serve") as second:
                _, err = await second.communicate()
                assert f"another process ({serve.pid}) serves" in err.decode()
                assert second.returncode == 2
            assert await end(serve) == (0, "")
        session._not_before = 0.0
        assert await say(session, "and now?") == "third answer"
        assert runs_here(session)


def runs_here(session: Session) -> bool:
    """Whether this process runs the repo's turns."""
    return session._engine is not None


async def _follow(session: Session) -> None:
    async for _ in session.batches():
        await asyncio.sleep(0)


@pytest.mark.parametrize("stage", [TALK], indirect=True)
async def test_a_serve_that_waits_for_the_repo_can_be_stopped(stage: Stage) -> None:
    async with session_of(stage) as session:
        await session.begin("c1")
        assert await say(session, "hello") == "first answer"
        assert session._owner is not None
        await session._owner.release()  # deaf from here on, as a process that hangs
        session._owner = None
        held = Owner.take(session.place.repo, session.place.home)
        assert held is not None
        async with stage.process("serve") as serve:
            assert "runs the threads of" in await line(serve)
            assert await end(serve, signal.SIGINT) == (0, "")
        await held.release()


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_serve_is_told_to_stop_while_a_model_is_asked(stage: Stage, number: signal.Signals) -> None:
    async with stage.process("serve") as serve:
        assert "codebutler serves" in await line(serve)
        async with session_of(stage) as session:
            await session.begin("c1")
            thread = await session.say("hello")
            await until_asked(stage)
            assert await end(serve, number) == (0, "")
            row = await session.host.store.thread(thread)
            assert row is not None
            assert row.ready  # whoever runs the repo next goes on with it, without a word
            assert not any(r.kind == "posted" for r in await session.host.store.events(thread))


@pytest.mark.parametrize("stage", [SLOW], indirect=True)
@pytest.mark.parametrize("words", [("run", "What is this?"), ("chat",)])
async def test_sigterm_ends_a_session_in_one_line(stage: Stage, words: tuple[str, ...]) -> None:
    async with stage.process(*words) as process:
        if words == ("chat",):
            assert process.stdin is not None
            process.stdin.write(b"What is this?\n")
        await until_asked(stage)
        code, err = await end(process)
        lines = [x for x in err.splitlines() if not x.startswith("The thread is kept")]
        assert (code, lines) == (130, ["interrupted"])


@pytest.mark.parametrize("stage", [LONG], indirect=True)
@pytest.mark.parametrize("command", ["run", "serve"])
async def test_the_second_signal_ends_it_at_once(stage: Stage, command: str) -> None:
    """The first one waits for the command that is under way, here for longer than this test has."""
    config = stage.home / "butler" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"threads": {"stopSeconds": 600}}')
    config.chmod(0o600)
    words = ("run", "Add a note", "--yes") if command == "run" else ("serve",)
    async with stage.process(*words) as process:
        if command == "serve":
            assert "codebutler serves" in await line(process)
            async with session_of(stage) as session:
                await session.begin("c1")
                await say(session, "Add a note")
                await session.say("go")
        async with asyncio.timeout(40):
            while not list(stage.sample.repo.glob(".codebutler/branches/*/BEGUN")):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(1)
        assert process.returncode is None
        code, err = await end(process, signal.SIGINT)
        assert code == 130
        assert "interrupted" in err
        assert "Traceback" not in err


@pytest.mark.parametrize("stage", [TALK], indirect=True)
async def test_a_chat_with_no_such_thread_says_so_and_nothing_else(stage: Stage) -> None:
    async with stage.process("chat", "--thread", "nope") as chat:
        out, err = await chat.communicate()
        assert (chat.returncode, out) == (2, b"")
        assert err.decode().startswith("codebutler chat: no thread 'nope' in this repo.")
