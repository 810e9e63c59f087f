"""Output on its way to a person, hostile or not, and calls whose executor dies under them."""

from __future__ import annotations

import asyncio
import base64
import gc
import random
import re
from pathlib import Path
from typing import Any

import pytest

from codebutler.errors import ToolFailed
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings
from codebutler.toolset import native
from codebutler.toolset.desk import Site
from codebutler.types import Picture

PATCH = "*** Begin Patch\n*** Update File: a.txt\n"
HOSTILE = """
import json, sys
def say(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
def show(token, message="forged", method="notifications/progress"):
    say(method=method, params={"progressToken": token, "progress": 1, "message": message})
def content(*items):
    say(id=ident, result={"content": list(items), "isError": False})
for line in sys.stdin:
    message = json.loads(line)
    ident = message.get("id")
    if message["method"] == "initialize":
        say(id=ident, result={})
        continue
"""


async def _hostile(folder: Path, tmp_path: Path, body: str) -> Executor:
    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").write_text(HOSTILE + "".join(f"    {line}\n" for line in body.splitlines()))
    return await Executor.start(folder, settings=SandboxSettings(tools=program, start_timeout=5))


class Onlooker:
    """A desk of which only what bash needs exists."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.shown: list[tuple[str, str]] = []

    async def hands(self) -> Executor:
        return self.executor

    async def show_output(self, site: Site, text: str) -> None:
        self.shown.append((site.role, text))


async def test_a_roles_bash_streams_and_keeps_its_directory(executor: Executor, folder: Path) -> None:
    (bash,) = (tool for tool in native.tools() if tool.spec.name == "bash")
    desk: Any = Onlooker(executor)
    (folder / "sub").mkdir()
    for command in ("cd sub; echo one; sleep 0.8; echo two; sleep 0.8", "pwd"):
        result = await bash.run({"command": command}, desk, Site("coder", "coder", 1, "c1"))
    assert result.text == f"{folder}/sub"
    assert "".join(text for _, text in desk.shown) == "one\ntwo\n"
    assert {role for role, _ in desk.shown} == {"coder"}


async def test_who_changes_files_reads_lines_as_they_are_unless_it_asks(
    executor: Executor, folder: Path
) -> None:
    (folder / "a.txt").write_text("one\n")
    desk: Any = Onlooker(executor)
    for names, wish, text in (
        (["read", "grep"], {}, "1\tone"),
        (["read", "edit"], {}, "one"),
        (["read", "apply_patch"], {"numbers": True}, "1\tone"),
    ):
        tools = {tool.spec.name: tool for tool in native.tools(plain=native.changes(names))}
        result = await tools["read"].run({"path": "a.txt", **wish}, desk, Site("r", "r", 1, "c1"))
        assert result.text == text
        assert ("line numbers" in tools["read"].spec.description) is (names[1] == "grep")


async def test_only_the_watched_call_is_shown_and_only_text(folder: Path, tmp_path: Path) -> None:
    noise = (
        "for token in (ident + 1, str(ident), None, [ident], True, {}): show(token)\n"
        "show(ident, 5); show(ident, None); show(ident, method='notifications/message')\n"
        "say(method='notifications/progress', params=7); say(method='notifications/progress')\n"
        "show(ident, 'x' * 1000000); show(ident, 'real')\n"
        "content({'type': 'text', 'text': 'done'})"
    )
    executor = await _hostile(folder, tmp_path, noise)
    try:
        shown: list[str] = []
        result = await executor.call("bash", {"command": "x"}, on_output=shown.append)
        assert result.text == "done"
        assert [text for text in shown if text] == ["x" * 4096, "real"]
        assert (await executor.call("bash", {"command": "x"})).text == "done"
    finally:
        await executor.close()


async def test_pictures_from_outside_are_checked(folder: Path, tmp_path: Path) -> None:
    data = base64.b64encode(b"png").decode()
    items = (
        f"{{'type': 'image', 'mimeType': 'image/png', 'data': {data!r}}}",
        "{'type': 'image', 'mimeType': 'text/html', 'data': 'eA=='}",
        "{'type': 'image', 'mimeType': ['image/png'], 'data': 'eA=='}",
        "{'type': 'image', 'mimeType': 'image/png', 'data': '!!'}",
    )
    more = "{'type': 'image', 'mimeType': 'image/png', 'data': 'A' * 3000000}"
    body = f"content({', '.join(items)}) if ident == 2 else content({more})"
    executor = await _hostile(folder, tmp_path, body)
    try:
        assert (await executor.call("read", {"path": "x"})).pictures == (Picture("image/png", b"png"),)
        assert (await executor.call("read", {"path": "x"})).pictures == ()
    finally:
        await executor.close()


async def test_details_past_every_size_are_dropped(folder: Path, tmp_path: Path) -> None:
    body = (
        "say(id=ident, result={'content': [], 'isError': False, '_meta': {'codebutler': {'x': 'y' * 10**6}}})"
    )
    executor = await _hostile(folder, tmp_path, body)
    try:
        assert (await executor.call("read", {"path": "x"})).details == {}
    finally:
        await executor.close()


_STAGED = re.compile(r"\.(a|new)\.txt\.[0-9a-f]{12}\.tmp")
UNDER_WAY: dict[str, tuple[str, dict[str, Any], float]] = {
    "read": ("read", {"path": "a.txt"}, 0.02),
    "write": ("write", {"path": "a.txt", "content": "new\n" * 1_000_000}, 0.08),
    "a new file": ("write", {"path": "d/e/new.txt", "content": "new\n" * 1_000_000}, 0.08),
    "edit": ("edit", {"path": "a.txt", "old": "old", "new": "new", "replace_all": True}, 0.05),
    "apply_patch": ("apply_patch", {"input": f"{PATCH}@@\n-old\n+new\n*** End Patch"}, 0.2),
    "grep": ("grep", {"pattern": "old"}, 0.08),
    "glob": ("glob", {"pattern": "*"}, 0.03),
    "bash": ("bash", {"command": "sleep 5"}, 0.03),
    "background": ("bash", {"command": "sleep 5", "background": True}, 0.4),
}
"""What is under way when the executor dies, and about how many seconds it takes."""


def _kill(executor: Executor) -> None:
    assert executor._client is not None
    executor._client._child.kill()


@pytest.mark.parametrize("what", UNDER_WAY)
async def test_a_kill_at_any_moment_fails_one_call_and_the_next_works(
    executor: Executor, folder: Path, what: str, full: bool
) -> None:
    """Whatever was under way, the file is the old one or a whole new one, and no piece lies about.

    Between two system calls the whole new one bears a name of its own, which such a kill may leave.
    """
    tool, arguments, seconds = UNDER_WAY[what]
    old = "old\n" * 300_000
    wholes = {old, old.replace("old", "new"), old.replace("old", "new", 1), "new\n" * 1_000_000}
    dice = random.Random(what)
    for _ in range(60 if full else 4):
        (folder / "a.txt").write_text(old)
        call = asyncio.create_task(executor.call(tool, arguments))
        await asyncio.sleep(dice.random() * seconds)
        _kill(executor)
        results = [await asyncio.wait_for(call, 30)]
        results += [await executor.call("bash", {"command": "sleep 0.2; echo again"}) for _ in range(2)]
        # If it was answered first, the kill is for a later one: dying takes a moment.
        lost = [each for each in results if "starts it again" in each.text]
        assert len(lost) <= 1
        assert results[0].ok or results[0] in lost, results[0].text
        assert results[-1].text == "again"
        assert (folder / "a.txt").read_text() in wholes
        names = {path.name for path in folder.rglob("*") if path.is_file()}
        left = names - {"a.txt", "new.txt"}
        assert all(_STAGED.fullmatch(name) and (folder / name).read_text() in wholes for name in left), left
        for name in left:
            (folder / name).unlink()
        if "new.txt" in names:
            assert (folder / "d/e/new.txt").read_text() in wholes
            (folder / "d/e/new.txt").unlink()


async def test_a_kill_fails_every_call_that_is_under_way(
    executor: Executor, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All of them are answered, and all of the thread's next calls share one new executor."""
    (folder / "a.txt").write_text("old\n" * 300_000)
    sets = (list(UNDER_WAY)[:-2], ["grep"] * 20, ["write"] * 5, ["bash", "read", "glob", "grep"])
    for names in sets:
        calls = [asyncio.create_task(executor.call(*UNDER_WAY[each][:2])) for each in names]
        await asyncio.sleep(0.01)
        _kill(executor)
        for result in await asyncio.wait_for(asyncio.gather(*calls), 30):
            assert result.ok or "starts it again" in result.text or "has changed since" in result.text
        await executor.call(
            "bash", {"command": "sleep 0.1"}
        )  # where all were answered first, this one is lost
        echoes = [executor.call("bash", {"command": f"echo {n}"}) for n in range(3)]
        assert [each.text for each in await asyncio.gather(*echoes)] == ["0", "1", "2"]
    gc.collect()
    assert [record.message for record in caplog.records if "never retrieved" in record.message] == []


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("sys.exit('its last words')", r"has ended \(exit status 1\): its last words"),
        ("sys.exit(0)", r"has ended \(exit status 0\)"),
    ],
)
async def test_an_executor_that_ends_leaves_its_reason(
    folder: Path, tmp_path: Path, end: str, why: str
) -> None:
    executor = await _hostile(folder, tmp_path, end)
    try:
        with pytest.raises(ToolFailed, match=why):
            await executor.read_file("a.txt")
    finally:
        await executor.close()
