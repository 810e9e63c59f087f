"""Calls as models make them that were trained on the tools of other agents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codebutler import assets
from codebutler.sandbox.executor import Executor
from codebutler.thread.relocated import Relocated
from codebutler.types import ToolResult

TEXT = "one\ntwo\nthree\nfour\n"
PATCH = "*** Begin Patch\n*** Update File: ./x\n@@\n-two\n+2\n*** End Patch"


async def _call(executor: Executor, folder: Path, tool: str, arguments: dict[str, Any]) -> ToolResult:
    (folder / "x").write_text(TEXT)
    await executor.call("read", {"path": "x"})
    here = {key: f"{folder}/x" if value == "@x" else value for key, value in arguments.items()}
    return await executor.call(tool, here)


WINDOWS: list[dict[str, Any]] = [
    {"path": "./x", "offset": "2-3"},
    {"path": "x", "view_range": [2, 3]},
    {"path": "x", "view_range": "[2, 3]"},
    {"file_path": "@x", "offset": 2, "limit": 2},
    {"target_file": "x", "start_line": "2", "end_line": "3"},
    {"filePath": "x", "offset": "2", "limit": "2", "explanation": "to see it"},
    {"path": "x", "line_start": 2, "line_end": 3},
]
WHOLE: list[dict[str, Any]] = [
    {"absolute_path": "@x", "offset": 0, "limit": -1},
    {"path": "x", "limit": 0},
    {"path": "x", "view_range": [1, -1]},
    {"path": "x", "start_line": 1, "end_line": 900},
]


async def test_windows_of_a_file(executor: Executor, folder: Path) -> None:
    for arguments in WINDOWS:
        found = await _call(executor, folder, "read", arguments)
        assert found.text == "2\ttwo\n3\tthree\n[lines 2-3 of 4; go on with offset 4]", arguments
    for arguments in WHOLE:
        found = await _call(executor, folder, "read", arguments)
        assert found.text == "1\tone\n2\ttwo\n3\tthree\n4\tfour", arguments


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("edit", {"path": "x", "old": "two", "new": "2"}),
    ("edit", {"file_path": "@x", "old_string": "two", "new_string": "2", "replace_all": False}),
    ("edit", {"path": "x", "old_str": "two\n", "new_str": "2\n", "instruction": "shorten it"}),
    ("edit", {"file_path": "x", "old_string": "two", "new_string": "2", "expected_replacements": 1}),
    ("edit", {"filePath": "x", "oldString": "two", "newString": "2", "replaceAll": "true"}),
    ("edit", {"file_path": "x", "edits": [{"old_string": "two", "new_string": "2"}]}),
    ("edit", {"path": "x", "edits": '[{"oldText": "two", "newText": "2"}]', "old": None}),
    ("edit", {"path": "x", "edits": [], "old": "two", "new": "2"}),
    ("write", {"file_path": "./x", "content": TEXT.replace("two", "2")}),
    ("write", {"path": "x", "file_text": TEXT.replace("two", "2")}),
    ("write", {"target_file": "@x", "contents": TEXT.replace("two", "2")}),
    ("apply_patch", {"input": PATCH.replace("\n", "\r\n")}),
    ("edit", {"command": "str_replace", "path": ["x"], "edits": [{"search": "two", "replace": "2"}]}),
    ("apply_patch", {"input": PATCH.replace("@@", "@@ -1,2 +1,2 @@")}),
    ("apply_patch", {"input": PATCH.replace("@@", "@@ -1,2 +1,2 @@ one")}),
    ("apply_patch", {"patch": PATCH + "\n\n"}),
    ("apply_patch", {"command": ["apply_patch", PATCH]}),
    ("apply_patch", {"input": ["apply_patch", PATCH]}),
    ("bash", {"cmd": "sed -i s/two/2/ x", "description": "shorten it", "timeout": "5"}),
    ("bash", {"command": ["bash", "-lc", "sed -i s/two/2/ x"], "workdir": ".", "timeout_ms": 5000}),
    ("bash", {"command": ["sed", "-i", "s/two$/2/", "x"]}),
]


async def test_changes_of_a_file(executor: Executor, folder: Path) -> None:
    for tool, arguments in CHANGES:
        done = await _call(executor, folder, tool, arguments)
        assert (done.ok, (folder / "x").read_text()) == (True, TEXT.replace("two", "2")), (
            arguments,
            done.text,
        )


SEARCHES: list[tuple[dict[str, Any], str]] = [
    ({"pattern": "TWO", "-i": True, "-n": True, "path": ""}, "x:2:two"),
    ({"pattern": "two", "output_mode": "content", "-A": 1, "-B": "0"}, "x-1-one\nx:2:two\nx-3-three"),
    ({"pattern": "two", "output_mode": "files_with_matches", "head_limit": 0}, "x"),
    ({"regex": "TWO", "case_sensitive": False, "include": "x*", "type": ""}, "x:2:two"),
    (
        {"pattern": "^t", "head_limit": 1, "glob": "", "mode": None},
        "x:2:two\n[… 1 more lines: go on with offset 1",
    ),
    ({"pattern": "two", "glob": "*.py, x*", "type": None}, "x:2:two"),
    ({"pattern": "two", "glob": ["*.py", "x"], "paths": ["."]}, "x:2:two"),
    ({"query": "two", "max_results": "50", "file_path": "@x"}, "x:2:two"),
    ({"pattern": "two", "-C": 0, "multiline": "false", "offset": "0", "limit": -1}, "x:2:two"),
]


async def test_searches(executor: Executor, folder: Path) -> None:
    for arguments, shown in SEARCHES:
        found = await _call(executor, folder, "grep", arguments)
        assert found.ok, found.text
        assert found.text.startswith(shown), arguments
    for arguments in ({"pattern": "./x*", "path": ""}, {"glob_pattern": "**/x", "dir_path": "."}):
        assert (await _call(executor, folder, "glob", arguments)).text == "x"


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("edit", {"path": "x"}, "edit needs edits: a list of {old, new}"),
        ("edit", {"path": "x", "edits": []}, "edit needs edits"),
        ("edit", {"path": "x", "old_string": "two"}, "edit needs both old and new"),
        ("edit", {"path": "x", "edits": [{"old": "a", "new": "b"}], "old_str": "c"}, "not both"),
        ("edit", {"path": "x", "edits": [{"old": "two", "new": "2", "line": 3}]}, "no argument 'line'"),
        ("edit", {"path": "new", "old_string": "", "new_string": "x"}, "to make a file, use write"),
        ("write", {"path": "/x", "content": ""}, "/x is outside the worktree: name a path relative to it"),
        ("apply_patch", {"input": PATCH.replace("Update", "Replace")}, "Sections begin with *** Add File:"),
        ("bash", {"command": "ls", "workdir": "sub"}, "begin the command with cd DIR &&"),
        ("bash", {"command": "ls", "login": True}, "bash has no argument 'login'; it takes command"),
        ("bash", {}, "bash needs the argument 'command'"),
        ("grep", {"pattern": "x", "output_mode": "json"}, "mode must be one of content, files, count"),
        ("read", {"path": "x", "file_path": "y"}, "read has no argument 'file_path'"),
        ("read", {"path": "x", "view_range": "all"}, "read has no argument 'view_range'"),
        ("edit", {"path": "y", "old": "two\n", "new": "2\n"}, "leave it out"),
        ("read", {"path": "x", "offset": -5}, "offset must be at least 0"),
        ("apply_patch", {"input": "--- a/x\n+++ b/x\n@@ -1 +1 @@"}, "a patch begins with a line"),
        ("apply_patch", {"input": PATCH.replace("./x", "b/x")}, "Did you mean x?"),
    ],
)
async def test_what_is_not_understood_is_told_in_a_line(
    executor: Executor, folder: Path, tool: str, arguments: dict[str, Any], why: str
) -> None:
    (folder / "y").write_text("one\ntwo")
    refused = await _call(executor, folder, tool, arguments)
    assert (refused.ok, refused.text.count("\n")) == (False, 0)
    assert why in refused.text
    assert (folder / "x").read_text() == TEXT


async def test_the_repos_own_paths_under_other_names() -> None:
    class Recording:
        async def call(self, _name: str, arguments: dict[str, Any], **_: object) -> ToolResult:
            self.got = arguments
            return ToolResult("")

    inner: Any = Recording()
    hands = Relocated(inner, Path("/home/me/repo"), Path("/home/me/repo/.codebutler/branches/t"))
    for key in ("file_path", "filePath", "target_file", "filename", "directory"):
        await hands.call("read", {key: "/home/me/repo/x"})
        assert inner.got == {key: "x"}
    await hands.call("edit", {"path": "x", "old_string": "/home/me/repo/x"})
    assert inner.got["old_string"] == "/home/me/repo/x"
    await hands.call("apply_patch", {"patch": "*** Delete File: /home/me/repo/x"})
    assert inner.got == {"patch": "*** Delete File: x"}


def test_the_names_of_arguments_are_those_of_the_contract() -> None:
    schemas = json.loads(assets.text("tools", "schema.json"))
    published = {tool["name"]: tool["inputSchema"]["properties"] for tool in schemas}
    change = published["edit"]["edits"]["items"]["properties"]
    assert set(change) >= {"old", "new", "replace_all"}
    for tool, names in {
        "read": {"path", "offset", "limit"},
        "write": {"path", "content"},
        "bash": {"command", "timeout"},
        "grep": {"pattern", "path", "glob", "mode"},
        "glob": {"pattern", "path"},
    }.items():
        assert set(published[tool]) >= names
