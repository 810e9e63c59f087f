"""The daemon against an executor that has been taken over: it may fail, it may not mislead or hang."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from codebutler.errors import NoSandbox, ToolFailed
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings

POLITE = """
import json, sys
def answer(ident, **more):
    print(json.dumps({"jsonrpc": "2.0", "id": ident, **more}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "initialize":
        answer(message["id"], result={})
        continue
    if "id" not in message:
        continue
    ident, params = message["id"], message.get("params", {})
"""
OK = 'answer(ident, result={"content": [{"type": "text", "text": "real"}], "isError": False})'


async def _hostile(folder: Path, tmp_path: Path, body: str, head: str = POLITE) -> Executor:
    program = tmp_path / "program"
    program.mkdir()
    indented = "".join(f"    {line}\n" for line in body.strip().splitlines()) if head else body
    (program / "__main__.py").write_text(head + indented)
    return await Executor.start(folder, settings=SandboxSettings(tools=program, start_timeout=5))


@pytest.mark.parametrize(
    "noise",
    [
        'print("not json"); print("{}"); print("[" * 100000)',
        'answer(ident + 1000, result={"content": []}); answer("1", result={}); answer(None, result={})',
        'answer(True, result={"content": [{"text": "fake"}]}); answer([ident], result={})',
        OK,
        'print(json.dumps({"method": "tools/call", "id": ident, "params": {}}))',
        'sys.stdout.buffer.write(b"\\xff\\xfe\\x00\\n"); sys.stdout.flush()',
        'print(json.dumps({"id": ident, "result": "text"})); print(json.dumps({"id": ident, "error": 5}))',
    ],
)
async def test_noise_is_ignored(folder: Path, tmp_path: Path, noise: str) -> None:
    executor = await _hostile(folder, tmp_path, f"{noise}\n{OK}")
    try:
        result = await executor.call("read", {"path": "x"})
        assert (result.ok, result.text) == (True, "real")
    finally:
        await executor.close()


@pytest.mark.parametrize(
    "reply",
    [
        "{}",
        '{"content": 5}',
        '{"content": [5, {"text": 5}, null]}',
        '{"isError": 0, "content": [{"text": "x"}], "_meta": []}',
        '{"content": [{"text": "x"}], "isError": "no", "_meta": {"codebutler": 5}}',
    ],
)
async def test_a_reply_out_of_shape_is_no_success(folder: Path, tmp_path: Path, reply: str) -> None:
    executor = await _hostile(folder, tmp_path, f"answer(ident, result=json.loads('{reply}'))")
    try:
        result = await executor.call("read", {"path": "x"})
        assert not result.ok
        assert result.details == {}
    finally:
        await executor.close()


async def test_text_is_capped_and_made_valid(folder: Path, tmp_path: Path) -> None:
    body = 'answer(ident, result={"content": [{"text": "\\ud800\\0" + "x" * 3000000}], "isError": False})'
    executor = await _hostile(folder, tmp_path, body)
    try:
        result = await executor.call("read", {"path": "x"})
        assert result.text.startswith("?\N{REPLACEMENT CHARACTER}xxx")
        assert len(result.text) <= 256 * 1024
    finally:
        await executor.close()


async def test_an_endless_line_ends_the_executor(folder: Path, tmp_path: Path) -> None:
    executor = await _hostile(folder, tmp_path, "while True: sys.stdout.write('x' * 1000000)")
    try:
        result = await executor.call("read", {"path": "x"})
        assert "too long" in result.text
    finally:
        await executor.close()
    gc.collect()  # a pipe left open is told as it goes, which fails the test


async def test_silence_ends_in_a_timeout_and_a_restart(folder: Path, tmp_path: Path) -> None:
    body = f"if params.get('name') == 'read': continue\n{OK}"
    executor = await _hostile(folder, tmp_path, body)
    try:
        silent = await executor.call("read", {"path": "x"}, timeout=0.3)
        assert "did not answer within 0.3 s" in silent.text
        assert (await executor.call("grep", {"pattern": "x"})).ok
    finally:
        await executor.close()


@pytest.mark.parametrize(
    "reply",
    [
        '{"tree": "--upload-pack=evil", "pack_size": 1}',
        '{"tree": "HEAD", "pack_size": 1}',
        '{"tree": "0000000000000000000000000000000000000000", "pack_size": -1}',
        '{"tree": "0000000000000000000000000000000000000000", "pack_size": 99999999999999}',
        '{"changes": [{"path": 5, "kind": "added"}]}',
        '{"changes": [{"path": "x", "kind": "evil"}]}',
        '{"changes": [5]}',
        '{"found": true, "data": "not base64!"}',
    ],
)
async def test_git_answers_are_checked(folder: Path, tmp_path: Path, reply: str) -> None:
    executor = await _hostile(folder, tmp_path, f"answer(ident, result=json.loads('{reply}'))")
    try:
        ask: dict[str, Callable[[], Awaitable[object]]] = {
            "tree": lambda: executor.tree("0" * 40),
            "changes": lambda: executor.status("0" * 40),
            "found": lambda: executor.read_file("x"),
        }
        with pytest.raises(ToolFailed):
            await ask[next(iter(json.loads(reply)))]()
    finally:
        await executor.close()


async def test_a_pack_is_never_longer_than_announced(folder: Path, tmp_path: Path) -> None:
    body = (
        'first = message["method"] != "codebutler/pack" or params["offset"] == 0\n'
        'pieces = {"tree": "0" * 40, "pack_size": 10, "data": "eHh4eHh4" * (1 if first else 1000)}\n'
        "answer(ident, result=pieces)"
    )
    executor = await _hostile(folder, tmp_path, body)
    try:
        built = await executor.tree("0" * 40)
        assert b"".join([piece async for piece in executor.pack(built)]) == b"x" * 10
    finally:
        await executor.close()


async def test_one_that_never_starts_is_no_sandbox(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NoSandbox, match="did not start"):
        await _hostile(folder, tmp_path, "raise SystemExit('gone')", head="")


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2])
async def test_a_killed_executor_is_a_failed_call_and_a_restart(folder: Path, delay: float) -> None:
    executor = await Executor.start(folder)
    try:
        task = asyncio.create_task(executor.call("bash", {"command": "sleep 5"}))
        await asyncio.sleep(delay)
        for pid in _children(os.getpid()):
            if "bwrap" in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        result = await task
        assert time.monotonic() - began < 4
        assert not result.ok
        assert (await executor.call("bash", {"command": "echo again"})).text == "again"
    finally:
        await executor.close()


async def test_concurrent_calls_find_their_answers(executor: Executor, folder: Path) -> None:
    for number in range(50):
        (folder / f"{number}.txt").write_text(f"content {number}\n")
    calls = [executor.call("read", {"path": f"{n}.txt"}) for n in range(50)]
    searches = [executor.call("grep", {"pattern": f"content {n}$"}) for n in range(10)]
    replies = await asyncio.gather(*calls, *searches, executor.call("bash", {"command": "echo x"}))
    assert [reply.text for reply in replies[:50]] == [f"1\tcontent {n}" for n in range(50)]
    assert [reply.text for reply in replies[50:60]] == [f"{n}.txt:1:content {n}" for n in range(10)]


async def test_a_closed_executor_says_so(folder: Path) -> None:
    executor = await Executor.start(folder)
    await executor.close()
    assert not (await executor.call("read", {"path": "."})).ok
    assert not [pid for pid in _children(os.getpid()) if "bwrap" in Path(f"/proc/{pid}/cmdline").read_text()]


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
