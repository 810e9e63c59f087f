"""A hostile executor against a naive client and against ours: each trick works on the first one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codebutler.errors import ToolFailed
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings

PROGRAM = """
import json, sys
def say(**message):
    print(json.dumps(message), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    ident, method = message.get("id"), message.get("method")
    if method == "initialize":
        say(id=ident, result={})
    elif ident is not None:
        text = lambda t, **more: {"content": [{"type": "text", "text": t}], "isError": False, **more}
        tree = "0" * 40
"""
REAL = "say(id=ident, result=text('real'))"
TRICKS: dict[str, tuple[str, Callable[[dict[str, Any]], bool]]] = {
    "an answer to another question": (
        f"say(id=ident + 7, result=text('fake')); {REAL}",
        lambda reply: reply["content"][0]["text"] == "fake",
    ),
    "an answer to nobody": (f"say(result=text('fake')); {REAL}", lambda r: "fake" in str(r)),
    "an answer to true": (f"say(id=True, result=text('fake')); {REAL}", lambda r: "fake" in str(r)),
    "an answer to a text": (f"say(id=str(ident), result=text('fake')); {REAL}", lambda r: "fake" in str(r)),
    "a question instead of an answer": (
        f"say(method='x', result=text('fake')); {REAL}",
        lambda reply: "fake" in str(reply),
    ),
    "failure that looks like success": (
        "say(id=ident, result={'content': [{'type': 'text', 'text': 'done'}]})",
        lambda reply: not reply.get("isError"),
    ),
    "success in words": (
        "say(id=ident, result={'content': [{'type': 'text', 'text': 'done'}], 'isError': 0})",
        lambda reply: not reply["isError"],
    ),
    "too much text": (
        "say(id=ident, result=text('x' * 3_000_000))",
        lambda reply: len(reply["content"][0]["text"]) > 256 * 1024,
    ),
    "a lone surrogate": (
        "say(id=ident, result=text('a\\ud800b'))",
        lambda r: "\ud800" in r["content"][0]["text"],
    ),
    "a NUL": ("say(id=ident, result=text('a\\0b'))", lambda r: "\0" in r["content"][0]["text"]),
    "details that are none": (
        "say(id=ident, result=text('x', _meta={'codebutler': [1]}))",
        lambda reply: not isinstance(reply["_meta"]["codebutler"], dict),
    ),
    "content that is none": (
        "say(id=ident, result={'content': 5, 'isError': False})",
        lambda r: r["content"] == 5,
    ),
    "no JSON": (f"print('}}{{', flush=True); {REAL}", lambda reply: False),
    "JSON without end": (f"print('[' * 200_000, flush=True); {REAL}", lambda reply: False),
    "bytes that are no text": (
        f"sys.stdout.buffer.write(b'\\xff\\n'); sys.stdout.flush(); {REAL}",
        lambda reply: False,
    ),
    "silence": ("continue", lambda reply: False),
    "an end without a word": ("raise SystemExit", lambda reply: False),
    "noise on stderr": (
        "sys.stderr.write('x' * 5_000_000); sys.stderr.flush(); " + REAL,
        lambda reply: False,
    ),
}


def naive(program: Path) -> dict[str, Any]:
    """Believes the first line; whatever is wrong with it ends the daemon. The test gives up for it."""
    request = json.dumps({"id": 1, "method": "tools/call", "params": {"name": "read"}}) + "\n"
    with subprocess.Popen(
        [sys.executable, "-u", program / "__main__.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        killer = subprocess.Popen(
            ["sh", "-c", f"sleep 1.5; kill -9 {process.pid}"], stderr=subprocess.DEVNULL
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request.encode())
        process.stdin.flush()
        try:
            reply: dict[str, Any] = json.loads(process.stdout.readline())["result"]
        finally:
            process.kill()
            killer.kill()
            killer.wait()
    return reply


@pytest.mark.parametrize("trick", TRICKS)
async def test_a_trick_works_on_a_naive_client_and_not_on_ours(
    folder: Path, tmp_path: Path, trick: str
) -> None:
    body, fooled = TRICKS[trick]
    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").write_text(PROGRAM + f"        {body}\n")
    with contextlib.suppress(ValueError, RecursionError):  # the naive daemon would have ended here
        assert fooled(await asyncio.to_thread(naive, program)), "the naive client withstood it"
    executor = await Executor.start(folder, settings=SandboxSettings(tools=program, start_timeout=5))
    try:
        result = await executor.call("read", {"path": "x"}, timeout=5)
    finally:
        await executor.close()
    assert "fake" not in result.text
    assert result.ok is (result.text == "real" or trick in SHAPED)
    assert len(result.text) <= 256 * 1024
    assert "\0" not in result.text
    result.text.encode("utf-8")
    assert isinstance(result.details, dict)


SHAPED = ("too much text", "a lone surrogate", "a NUL", "details that are none", "content that is none")
"""These are still answers: cut, mended, or without what was wrong in them."""

GIT = {
    "an option as a tree": "say(id=ident, result={'tree': '--exec=evil', 'pack_size': 0})",
    "a name as a tree": "say(id=ident, result={'tree': 'refs/heads/main', 'pack_size': 0})",
    "a tree in two lines": "say(id=ident, result={'tree': tree + '\\n', 'pack_size': 0})",
    "a size below nothing": "say(id=ident, result={'tree': tree, 'pack_size': -1})",
    "a size beyond all": "say(id=ident, result={'tree': tree, 'pack_size': 10**15})",
    "a size in words": "say(id=ident, result={'tree': tree, 'pack_size': '1'})",
    "a number that is none": "say(id=ident, result={'tree': tree, 'pack_size': float('nan')})",
}


@pytest.mark.parametrize("body", GIT.values(), ids=GIT)
async def test_a_naive_daemon_would_hand_it_to_git(folder: Path, tmp_path: Path, body: str) -> None:
    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").write_text(PROGRAM + f"        {body}\n")
    believed = await asyncio.to_thread(naive, program)
    assert believed["tree"] != "0" * 40 or believed["pack_size"] != 0
    executor = await Executor.start(folder, settings=SandboxSettings(tools=program, start_timeout=5))
    try:
        with pytest.raises(ToolFailed):
            await executor.tree("0" * 40)
    finally:
        await executor.close()
