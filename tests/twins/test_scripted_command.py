"""``codebutler scripted`` as a program of its own."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from codebutler.testing.cli_scripted import main

PROGRAM = "import sys; from codebutler.testing.cli_scripted import main; sys.exit(main())"


async def serve(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    """Start the program; returns it and its base URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    found = re.search(r"http://127\.0\.0\.1:\d+/v1", line)
    assert found, line
    return process, found.group()


def post(url: str, text: str) -> int:
    body = {"model": "scripted/pm", "messages": [{"role": "user", "content": text}]}
    request = urllib.request.Request(
        f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(("text", "status", "code"), [("Hello.", 200, 0), ("Bye.", 422, 1)])
async def test_it_serves_until_stopped_and_its_exit_code_is_the_verdict(
    tmp_path: Path, text: str, status: int, code: int
) -> None:
    scenario = tmp_path / "mine.toml"
    scenario.write_text('[[scripts]]\nrole = "pm"\n[[scripts.steps]]\nexpect = ["Hello"]\ntext = "Hi."')
    process, url = await serve(str(scenario))
    assert await asyncio.to_thread(post, url, text) == status
    process.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == code
    assert f"1 requests, {code} failures." in out.decode()
    assert ("FAILED scenario mine.toml, pm step 1" in out.decode()) == bool(code)


async def test_a_port_that_is_taken_is_one_clear_line() -> None:
    process, url = await serve("demo")
    port = url.split(":")[2].removesuffix("/v1")
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "demo", "--port", port, stderr=asyncio.subprocess.PIPE
    )
    _, err = await asyncio.wait_for(second.communicate(), 20)
    process.terminate()
    await process.communicate()
    assert second.returncode == 2
    assert err.decode().startswith(f"cannot listen on port {port}: ")
    assert err.count(b"\n") == 1


def test_check_reads_the_file_only(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["demo", "--check"]) == 0
    assert capsys.readouterr().out.startswith("demo.toml: 3 scripts, ")
    bad = tmp_path / "bad.toml"
    bad.write_text("name = 1")
    assert main([str(bad), "--check"]) == 2
    assert capsys.readouterr().err.startswith("scenario bad.toml: ")
