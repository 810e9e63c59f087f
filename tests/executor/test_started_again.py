"""A start that fails because a file was replaced while it was being mounted is made anew, a few times."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codebutler.errors import NoSandbox
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.problems import Machine, explain
from codebutler.sandbox.settings import SandboxSettings

GONE = (
    "bwrap: Can't bind mount /oldroot/tmp/11 on /newroot/shop/.git/packed-refs: "
    "Unable to mount source on destination: No such file or directory"
)
"""As bubblewrap 0.11 said it beside a `git pack-refs` at that moment."""
PROGRAM = """
import json, pathlib, sys
tries = pathlib.Path("tries")
before = len(tries.read_text()) if tries.exists() else 0
tries.write_text("x" * (before + 1))
if before < {failing}:
    sys.exit({said!r})
for line in sys.stdin:
    print(json.dumps({{"jsonrpc": "2.0", "id": json.loads(line).get("id"), "result": {{}}}}), flush=True)
"""


async def _start(tmp_path: Path, failing: int, said: str) -> Path:
    program, folder = tmp_path / "program", tmp_path / "work"
    program.mkdir()
    folder.mkdir(mode=0o777)
    (program / "__main__.py").write_text(PROGRAM.format(failing=failing, said=said))
    try:
        settings = SandboxSettings(tools=program, start_timeout=20)
        executor = await Executor.start(folder, own=True, settings=settings)
        await executor.close()
    finally:
        (tmp_path / "tries").write_text((folder / "tries").read_text())
    return tmp_path / "tries"


async def test_a_file_that_was_replaced_at_that_moment_is_mounted_as_it_is_now(tmp_path: Path) -> None:
    tries = await _start(tmp_path, 2, GONE)
    assert tries.read_text() == "xxx"


async def test_what_is_gone_for_good_ends_after_a_few_tries(tmp_path: Path) -> None:
    with pytest.raises(NoSandbox, match=re.escape("packed-refs")):
        await _start(tmp_path, 99, GONE)
    assert (tmp_path / "tries").read_text() == "xxxx"


async def test_any_other_refusal_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(NoSandbox, match="not permitted"):
        await _start(tmp_path, 99, "bwrap: Can't mount proc on /newroot/proc: Operation not permitted")
    assert (tmp_path / "tries").read_text() == "x"


def test_a_file_that_is_gone_is_not_blamed_on_the_machine() -> None:
    assert "Docker" not in explain(GONE, SandboxSettings(), Machine(container="docker")).fix
