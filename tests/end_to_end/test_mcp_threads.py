"""MCP servers in whole threads: who has them, when, and what the log keeps of them."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codebutler.events import McpListed, ToolFinished
from codebutler.servers.connection import Patience
from codebutler.testing.cast import Cast, call, lead, plan, write
from codebutler.testing.doubles import Asked, Door, says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

TOKEN = "t0ken-0123456789"
SCRIPT = Path(__file__).resolve().parents[1] / "executor" / "mcp_server.py"


def named(room: Room, servers: object) -> None:
    """The repo's main gets the server's program and an .mcp.json."""
    repo = room.sample.repo
    (repo / "server.py").write_text(SCRIPT.read_text())
    (repo / ".mcp.json").write_text(json.dumps({"mcpServers": servers}))
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["add", "-A"], [*who, "commit", "-qm", "servers"], ["push", "-q", "origin", "main"]):
        subprocess.run(["git", *words], cwd=repo, check=True)


def program(*mode: str, **env: str) -> dict[str, object]:
    return {"command": "python3", "args": ["-S", "server.py", *mode], "env": env}


async def test_the_coder_has_the_repos_servers_and_the_pm_what_it_is_granted(room: Room) -> None:
    named(
        room,
        {
            "db": program("changing", TOKEN="${TOKEN}"),
            "docs": program(),
            "bad": program("dead"),
            "x y": {},
            "picky": program("picky"),
        },
    )
    room.configure(
        mcp={
            "roles": {"pm": ["docs/find", "docs/write", "picky"]},
            "servers": {"db": {"env": {"TOKEN": TOKEN}}},
        }
    )
    cast = Cast(
        pm=[
            says("", call("mcp__docs__find", n=1), call("mcp__docs__write"), call("mcp__db__find")),
            plan("N", "NOTE"),
        ],
        coder=[
            says("", call("mcp__db__find", n=2)),
            says("", call("mcp__db__crash")),
            says("", call("mcp__db__write"), call("mcp__db__look")),
            says("Done."),
        ],
        lead=lead(),
    )
    async with room.engine(cast) as scene:
        state = await scene.shipped()
        events = await scene.events(state.id)
        done = {e.name + e.frame: e for e in events if isinstance(e, ToolFinished)}
        assert done["mcp__docs__findpm"].text.splitlines()[1] == 'find {"n": 1}'
        assert "There is no tool" in done["mcp__docs__writepm"].text  # it does not say that it only reads
        assert "There is no tool" in done["mcp__db__findpm"].text
        crash = done["mcp__db__crashcoder-1"].text
        assert crash.startswith('<server-text id="')
        assert crash.index("the database is gone") < crash.index("</server-text")
        assert not done["mcp__db__crashcoder-1"].ok
        assert done["mcp__db__writecoder-1"].ok  # it was started again
        assert "NOTE" in state.files
        listed = [e for e in events if isinstance(e, McpListed)]
        assert [e.server for e in listed] == ["docs", "picky", "db", "bad", "picky"]
        assert len(listed[2].tools) > 5  # what it said first; later it says something else
        assert "no licence" in listed[3].problem
        posts = await scene.posts(state.id)
        told = next(p for p in posts if "`bad` gives the role `coder` no tools:\n```\n" in p)
        assert "no licence ''' @everyone" in told
        assert (told.count("```"), told[-3:]) == (2, "```")
        _need_tools(scene.asked)
        assert "no room here" in listed[1].problem
        assert "Its key is [" in str(listed[2].tools), "a secret in a description is taken out"
        for before, after in itertools.pairwise(cast.of("coder")):
            assert after[: len(before)] == before
        rows = await scene.host.store.events(state.id)
        assert '"TOKEN"' in done["mcp__db__lookcoder-1"].text, "it tells its secret, as in a description"
        assert not [r for r in rows if TOKEN in r.body]


def _need_tools(asked: Sequence[Asked]) -> None:
    """Who had which tools; a server that was not there for the PM stays away from it, and not from others."""
    theirs = {
        role: [[t for t in a.tools if t.startswith("mcp__")] for a in asked if a.role == role]
        for role in ("pm", "coder", "lead")
    }
    assert all(tools == ["mcp__docs__find"] for tools in theirs["pm"])
    assert all(tools == theirs["coder"][0] for tools in theirs["coder"])
    assert {"mcp__docs__find", "mcp__picky__find"} <= set(theirs["coder"][0])
    assert theirs["lead"] == [[]] * len(theirs["lead"])


async def test_a_crowd_a_mute_one_and_a_cancel(room: Room) -> None:
    named(
        room, {"a": program("crowd"), "b": program("crowd"), "c": program("crowd"), "mute": program("mute")}
    )
    cast = Cast(coder=[says("", call("mcp__a__hang0"))])
    door = Door()
    async with room.engine(cast, door) as scene:
        scene.host.patience = Patience(start=3.0, list=3.0, call=60.0)
        scene.host.silence = 0.2
        thread = await scene.say("a", "Use them", mode="coder")
        hangs = "Coder: mcp__a__hang0 runs since "
        async with asyncio.timeout(30):
            while not any(hangs in s.message.text for s in door.shown):  # noqa: ASYNC110 - a door has no bell
                await asyncio.sleep(0.02)
        began = time.monotonic()
        await scene.talk("a", "cancel")
        assert time.monotonic() - began < 10
        assert (await scene.state(thread)).outcome == "cancelled"
        theirs = [t for t in scene.asked[0].tools if t.startswith("mcp__")]
        assert theirs == [f"mcp__{s}__hang{n}" for s in "abc" for n in range(30)][:80]
        posts = "\n".join(await scene.posts(thread))
        assert "has the first 80, as more do not fit" in posts
        assert "mcp__c__hang29" in posts
        assert "`mute` gives the role `coder` no tools:\n```\nmute did not start within 3 s" in posts
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if b"server.py\0crowd" in _bytes(p)]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


async def test_a_file_of_servers_that_cannot_be_read_is_told_to_whom_it_would_serve(room: Room) -> None:
    named(room, {"docs": program()})
    repo = room.sample.repo
    (repo / ".mcp.json").write_text('{"mcpServers": {"docs": {"command": "python3"},}}')
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in ([*who, "commit", "-qam", "a comma"], ["push", "-q", "origin", "main"]):
        subprocess.run(["git", *words], cwd=repo, check=True)
    cast = Cast(
        pm=[plan("N", "NOTE"), plan("N", "NOTE")], coder=[write("NOTE", "x\n"), says("Done.")], lead=lead()
    )
    async with room.engine(cast) as scene:
        await scene.talk("a", "Write notes")
        told = "No MCP servers of .mcp.json: it is not"
        state = await scene.talk("a", "look again")
        assert not any(told in text for text in await scene.posts(state.id)), "the PM may use none"
        await scene.talk("a", "go")
        assert sum(told in text for text in await scene.posts(state.id)) == 1
