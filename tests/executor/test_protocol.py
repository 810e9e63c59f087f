"""The wire: what a client may send, in order and out of it, and what it gets back."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from codebutler import assets
from codebutler.sandbox.job import Job
from codebutler.sandbox.launch import prepare
from codebutler.sandbox.settings import SandboxSettings

NAMES = ["read", "write", "edit", "apply_patch", "bash", "grep", "glob"]


class Wire:
    """One executor, spoken to by hand."""

    def __init__(self, folder: Path) -> None:
        launch = prepare(Job(folder, None, False, SandboxSettings()))
        pipe = subprocess.PIPE
        self.process = launch.popen(stdin=pipe, stdout=pipe, stderr=pipe)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def send(self, *lines: bytes) -> None:
        self.stdin.write(b"".join(line + b"\n" for line in lines))
        self.stdin.flush()

    def receive(self) -> dict[str, Any]:
        line = self.stdout.readline()
        assert line, "the executor has ended"
        message: dict[str, Any] = json.loads(line)
        return message

    def ask(self, method: str, ident: object = 1, **params: object) -> dict[str, Any]:
        self.send(json.dumps({"jsonrpc": "2.0", "id": ident, "method": method, "params": params}).encode())
        return self.receive()


@pytest.fixture
def wire(folder: Path) -> Iterator[Wire]:
    found = Wire(folder)
    yield found
    found.process.kill()
    found.process.wait()
    for pipe in (found.process.stdin, found.process.stdout, found.process.stderr):
        assert pipe is not None
        pipe.close()


def test_initialize_and_ping(wire: Wire) -> None:
    result = wire.ask("initialize", protocolVersion="2025-06-18")["result"]
    assert result["protocolVersion"] == "2025-06-18"
    assert result["capabilities"] == {"tools": {}}
    assert wire.ask("ping", "text-id") == {"jsonrpc": "2.0", "id": "text-id", "result": {}}
    assert wire.ask("initialize", protocolVersion="1999-01-01")["result"]["protocolVersion"] == "2025-11-25"


def test_the_list_is_the_checked_in_schema(wire: Wire) -> None:
    assert wire.ask("tools/list")["result"]["tools"] == json.loads(assets.text("tools", "schema.json"))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"1" * 10_000, -32700),
        (b"[]", -32600),
        (b"null", -32600),
        (b'{"id": 1}', -32600),
        (b'{"id": 1, "method": 5}', -32600),
        (b'{"id": null, "method": "ping"}', -32600),
        (b'{"id": true, "method": "ping"}', -32600),
        (b'{"id": [], "method": "ping"}', -32600),
        (b'{"id": 1, "method": "ping", "params": []}', -32602),
        (b'{"id": 1, "method": "nope"}', -32601),
        (b'{"id": 1, "method": "tools/call"}', -32602),
        (b'{"id": 1, "method": "tools/call", "params": {"name": "nope"}}', -32602),
        (b'{"id": 1, "method": "tools/call", "params": {"name": "read", "arguments": 5}}', -32602),
        (b'{"id": 1, "method": "codebutler/fill", "params": {"commit": "--all"}}', -32602),
        (b'{"id": 1, "method": "codebutler/pack", "params": {"offset": -1}}', -32602),
        (b'{"id": 1, "method": "codebutler/pack", "params": {"offset": 0}}', -32000),
        (b'{"id": 1, "method": "codebutler/read_file", "params": {}}', -32602),
        (b'{"id": 1, "method": "codebutler/read_file", "params": {"path": "x", "limit": "y"}}', -32602),
    ],
)
def test_bad_requests_are_errors_and_harm_nothing(wire: Wire, line: bytes, code: int) -> None:
    wire.send(line)
    assert wire.receive()["error"]["code"] == code
    assert wire.ask("ping")["result"] == {}


def test_a_call_without_a_name_says_what_is_missing(wire: Wire) -> None:
    said = [wire.ask("tools/call"), wire.ask("tools/call", arguments={}), wire.ask("tools/call", name=5)]
    for answer in said:
        assert answer["error"] == {"code": -32602, "message": "params.name must be the name of a tool"}


def test_notifications_are_never_answered(wire: Wire) -> None:
    wire.send(
        b'{"method": "notifications/initialized"}',
        b'{"method": "notifications/cancelled", "params": {"requestId": 99}}',
        b'{"method": "notifications/cancelled", "params": {"requestId": [1]}}',
        b'{"method": "tools/call", "params": {"name": "nope"}}',
        b"",
    )
    assert wire.ask("ping", 7)["id"] == 7


def test_many_malformed_lines(wire: Wire) -> None:
    for _ in range(20):
        wire.send(*[b'{"id": 1, "method": ' + b"\x00" * n for n in range(100)])
        assert {wire.receive()["error"]["code"] for _ in range(100)} == {-32700}
    assert wire.ask("ping")["result"] == {}


def test_a_line_that_is_too_long_is_dropped(wire: Wire) -> None:
    wire.send(b"x" * (33 * 1024 * 1024))
    assert wire.receive()["error"]["message"] == "the line is too long"
    assert wire.ask("ping")["result"] == {}


def test_a_cancelled_call_is_not_answered(wire: Wire) -> None:
    call = {"id": 5, "method": "tools/call", "params": {"name": "bash", "arguments": {"command": "sleep 60"}}}
    wire.send(json.dumps(call).encode(), b'{"method": "notifications/cancelled", "params": {"requestId": 5}}')
    answer = wire.ask("tools/call", 6, name="bash", arguments={"command": "echo next"})
    assert (answer["id"], answer["result"]["content"][0]["text"]) == (6, "next")


def test_an_id_in_use_is_refused(wire: Wire) -> None:
    call = json.dumps(
        {"id": 5, "method": "tools/call", "params": {"name": "bash", "arguments": {"command": "sleep 1"}}}
    ).encode()
    wire.send(call, call)
    assert wire.receive()["error"]["code"] == -32600
    assert wire.receive()["result"]["isError"] is False


def test_it_ends_with_its_client(wire: Wire) -> None:
    wire.stdin.close()
    assert wire.process.wait(5) == 0


def test_what_came_before_the_end_is_answered(wire: Wire) -> None:
    """A script pipes its calls in and closes: each is carried out and answered, even without a newline."""
    calls = [("bash", {"command": f"sleep 0.{n}; echo {n}"}) for n in (3, 1)] + [("glob", {"pattern": "*"})]
    lines = [
        json.dumps({"id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
        for number, (name, arguments) in enumerate(calls)
    ]
    wire.stdin.write("\n".join(lines).encode())
    wire.stdin.close()
    answers = {message["id"]: message["result"] for message in map(json.loads, wire.stdout.readlines())}
    texts = [answers[number]["content"][0]["text"] for number in range(3)]
    assert texts == ["3", "1", "no file matches; ignored ones are left out"]
    assert wire.process.wait(5) == 0


def test_nobody_to_answer_to(wire: Wire) -> None:
    """The client has gone altogether: what runs is stopped."""
    call = {"id": 5, "method": "tools/call", "params": {"name": "bash", "arguments": {"command": "sleep 60"}}}
    wire.send(json.dumps(call).encode())
    wire.stdin.close()
    wire.stdout.close()
    assert wire.process.wait(10) == 0


async def test_mcps_own_client_leaves_in_the_middle(folder: Path, codebutler: list[str]) -> None:
    """It closes stdin while a command runs: the command is not torn in half."""
    server = StdioServerParameters(
        command=codebutler[0], args=[*codebutler[1:], "executor", "--worktree", str(folder)]
    )
    async with stdio_client(server) as (reader, writer), ClientSession(reader, writer) as session:
        await session.initialize()
        command = "touch begun; sleep 0.5; touch done"
        call = asyncio.create_task(session.call_tool("bash", {"command": command}))
        while not (folder / "begun").exists():  # noqa: ASYNC110 - the command runs elsewhere
            await asyncio.sleep(0.02)
    await asyncio.gather(call, return_exceptions=True)
    assert (folder / "done").exists()


async def test_mcps_own_client_lists_and_calls(folder: Path, codebutler: list[str]) -> None:
    """Through the command, as any MCP client would be configured."""
    server = StdioServerParameters(
        command=codebutler[0], args=[*codebutler[1:], "executor", "--worktree", str(folder)]
    )
    async with stdio_client(server) as (reader, writer), ClientSession(reader, writer) as session:
        await session.initialize()
        tools = await session.list_tools()
        assert [tool.name for tool in tools.tools] == NAMES
        written = await session.call_tool("write", {"path": "a.txt", "content": "hello\n"})
        failed = await session.call_tool("read", {"path": "none"})
        said = await session.call_tool("bash", {"command": "cat a.txt"})
    assert not written.is_error
    assert failed.is_error
    assert said.content[0].type == "text"
    assert said.content[0].text == "hello"
    assert (folder / "a.txt").read_text() == "hello\n"
