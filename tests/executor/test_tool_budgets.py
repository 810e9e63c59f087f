"""Nothing unbounded ever enters a context: the longest answer of every tool, against its stated budget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codebutler import assets
from codebutler.sandbox.executor import Executor
from codebutler.toolset import native

BUDGET = 50_000
"""Bytes of the longest answer of any tool, about 12,000 tokens."""
WORST: dict[str, list[dict[str, Any]]] = {
    "read": [
        {"path": "long.txt"},
        {"path": "wide.txt"},
        {"path": "rows.txt"},
        {"path": "many"},
        {"path": "many", "limit": 10**6},
        {"path": "book.ipynb", "limit": 10**9},
        {"path": "x" * 200_000},
        {"path": "a.pdf"},
    ],
    "write": [
        {"path": "d/" * 300 + "f", "content": "x" * 1_000_000},
        {"path": "y" * 200_000, "content": ""},
    ],
    "edit": [
        {"path": "long.txt", "old": "line", "new": "x" * 1000, "replace_all": True},
        {"path": "wide.txt", "old": "z", "new": "y"},
        {"path": "wide.txt", "old": "q" * 100_000, "new": "y"},
        {"path": "rows.txt", "old": "row 1\n" * 5000, "new": ""},
        {"path": "rows.txt", "edits": [{"old": f"row {n}\n", "new": "w" * 3000} for n in range(500)]},
    ],
    "apply_patch": [
        {"input": "*** Begin Patch\n*** Update File: wide.txt\n@@\n-" + "q" * 500_000 + "\n*** End Patch"},
        {"input": "*** Begin Patch\n*** Update File: rows.txt\n@@ " + "q" * 500_000 + "\n+x\n*** End Patch"},
        {"input": "x" * 500_000},
        {"input": "*** Begin Patch\n" + "q" * 500_000 + "\n*** End Patch"},
        {
            "input": "*** Begin Patch\n"
            + "".join(f"*** Add File: {'n' * 200}{n}\n+x\n" for n in range(199))
            + "*** End Patch"
        },
    ],
    "bash": [
        {"command": "seq 1 1000000"},
        {"command": "head -c 3000000 /dev/zero | tr '\\0' x"},
        {"command": "head -c 3000000 /dev/urandom"},
        {"command": "yes '' | head -100000"},
        {"command": "seq 1 1000000", "background": True},
        {"job": 1, "timeout": 10},
        {"command": "x" * 200_000},
    ],
    "grep": [
        {"pattern": "."},
        {"pattern": "z+"},
        {"pattern": ".", "context": 1000},
        {"pattern": ".", "mode": "files"},
        {"pattern": ".", "mode": "count"},
        {"pattern": "(" * 100_000},
        {"pattern": ".", "type": "t" * 200_000},
        {"pattern": ".", "path": "p" * 200_000},
        {"pattern": ".", "glob": "[" * 100_000},
    ],
    "glob": [
        {"pattern": "*"},
        {"pattern": "[" * 100_000},
        {"pattern": "**/" * 10_000},
        {"pattern": "*", "path": "p" * 200_000},
    ],
}


@pytest.fixture
def folder(folder: Path) -> Path:
    (folder / "long.txt").write_text("".join(f"line {n}\n" for n in range(50_000)))
    (folder / "wide.txt").write_text("z" * 2_000_000)
    (folder / "rows.txt").write_text("".join(f"row {n}\n" for n in range(20_000)))
    (folder / "a.pdf").write_bytes(b"%PDF-1.4\n" + b"1 0 obj\n" * 100_000)
    cells = [{"cell_type": "code", "source": "x" * 3000, "outputs": [{"text": "y\n" * 9999}]}] * 500
    (folder / "book.ipynb").write_text(json.dumps({"cells": cells}))
    (folder / "many").mkdir()
    for number in range(1000):
        (folder / "many" / f"{'m' * 180}{number}").touch()
    return folder


TOKENS = {"read": 110, "write": 70, "edit": 120, "apply_patch": 85, "bash": 185, "grep": 195, "glob": 80}
"""What each tool costs in every model call, its name, description and schema together; 4 characters count
as a token. A role has edit or apply_patch, never both."""


def test_schemas_are_paid_for_with_every_call_and_stay_short() -> None:
    for scratch, plain in ((False, False), (True, True)):
        costs = {tool.spec.name: len(json.dumps(tool.spec.wire(), separators=(",", ":"))) / 4
                 for tool in native.tools(scratch=scratch, plain=plain)}  # fmt: skip
        assert {name: cost for name, cost in costs.items() if cost > TOKENS[name]} == {}
        assert sum(costs.values()) - costs["apply_patch"] < 740


def test_every_tool_is_here() -> None:
    assert set(WORST) == {tool["name"] for tool in json.loads(assets.text("tools", "schema.json"))}


@pytest.mark.parametrize("tool", list(WORST))
async def test_the_longest_answer_fits_the_budget(executor: Executor, tool: str) -> None:
    for arguments in WORST[tool]:
        result = await executor.call(tool, arguments)
        told = json.dumps(arguments)[:120]
        assert len(result.text.encode()) <= BUDGET, told
        assert len(json.dumps(result.details)) <= 64 * 1024, told
        assert "starts it again" not in result.text, told
    assert (await executor.call("bash", {"command": "echo alive"})).text == "alive"


@pytest.mark.parametrize("tool", list(WORST))
async def test_a_wrong_argument_is_answered_shortly(executor: Executor, tool: str) -> None:
    wrong: list[dict[str, Any]] = [{"x" * 100_000: 1}, {"path": ["x"] * 10_000}, {"command": {}}]
    for arguments in wrong:
        result = await executor.call(tool, arguments)
        assert not result.ok
        assert len(result.text) <= 1000
