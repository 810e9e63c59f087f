"""Killed while an MCP server works: a call is made again only if its server says that this does no harm."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from codebutler.testing.scenario import parse_scenario
from codebutler.testing.scripted import ScriptedModel

if TYPE_CHECKING:
    from tests.chaos.conftest import Rig

SERVER = """
import json, sys, time
def line():
    with open("CALLS", "a+") as file:
        file.write("called\\n")
        file.seek(0)
        return len(file.readlines())
TOOLS = [
    {"name": "once", "inputSchema": {"type": "object"}},
    {"name": "again", "inputSchema": {"type": "object"}, "annotations": {"idempotentHint": True}},
]
for said in sys.stdin:
    request = json.loads(said)
    match request["method"]:
        case "initialize":
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                      "serverInfo": {"name": "s", "version": "1"}}
        case "tools/list":
            result = {"tools": TOOLS}
        case "tools/call":
            if (calls := line()) == 1:
                time.sleep(600)
            result = {"content": [{"type": "text", "text": f"call number {calls}"}]}
        case _:
            continue
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)
"""
SCENARIO = """
name = "served-{tool}"
[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{{ name = "mcp__db__{tool}", arguments = {{}} }}]
[[scripts.steps]]
expect = ["{expect}"]
text = "Done."
"""


@pytest.fixture
async def served(small: Rig, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """A repo that names a server, and a Coder who calls its tool: the parameter is (tool, what comes)."""
    tool, expect = request.param
    sample = small.sample
    (sample.repo / "server.py").write_text(SERVER)
    names = {"mcpServers": {"db": {"command": "python3", "args": ["-S", "server.py"]}}}
    (sample.repo / ".mcp.json").write_text(json.dumps(names))
    for words in ("add .", "-c user.name=Robin -c user.email=r@example.org commit -qm server", "push -q"):
        subprocess.run(["git", *words.split()], cwd=sample.repo, check=True)
    async with ScriptedModel(parse_scenario(SCENARIO.format(tool=tool, expect=expect))) as server:
        small.server = server
        yield small


@pytest.mark.parametrize(
    ("served", "calls"),
    [(("once", "This call was interrupted"), 1), (("again", "call number 2"), 2)],
    indirect=["served"],
)
async def test_a_call_that_was_under_way(served: Rig, calls: int) -> None:
    words = (served.sample.task, "--role", "coder", "--yes", "--key", "k")
    first = asyncio.create_task(served.run(*words))
    async with asyncio.timeout(40):
        while not _calls(served):  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.05)
    os.kill(int(served.pid.read_text()), signal.SIGKILL)
    assert (await first).code == -signal.SIGKILL
    await served.no_process_is_left()
    done = await served.run(*words)
    assert (done.code, served.server.failures) == (0, []), done.err
    assert _calls(served) == calls


def _calls(rig: Rig) -> int:
    found = list((rig.sample.repo / ".codebutler").glob("branches/*/CALLS"))
    return len(found[0].read_text().splitlines()) if found else 0
