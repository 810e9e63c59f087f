"""A tool that does not come back is named, and the line goes when it has come back."""

from __future__ import annotations

import asyncio

from codebutler.thread.slow import watched


async def test_a_tool_that_hangs_is_named_until_it_comes_back() -> None:
    lines: list[str] = []
    enough = asyncio.Event()

    async def show(line: str) -> None:
        lines.append(line)
        if len(lines) == 2:
            enough.set()

    async with watched("Coder: bash", 0.01, show):
        await enough.wait()
    assert [line.partition(" since ")[0] for line in lines] == ["Coder: bash runs", "Coder: bash runs", ""]
    await asyncio.sleep(0.03)
    assert len(lines) == 3, "nothing is shown of a tool that has ended"


async def test_a_quick_tool_shows_nothing() -> None:
    lines: list[str] = []

    async def show(line: str) -> None:
        lines.append(line)

    async with watched("Coder: read", 5.0, show):
        pass
    assert lines == []
