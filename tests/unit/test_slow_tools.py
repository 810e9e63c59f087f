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

    async with watched("Coder: bash", 0.01, show, lambda: 0):
        await enough.wait()
    assert [line.partition(" since ")[0] for line in lines] == ["Coder: bash runs", "Coder: bash runs", ""]
    await asyncio.sleep(0.03)
    assert len(lines) == 3, "nothing is shown of a tool that has ended"


async def test_a_quick_tool_shows_nothing() -> None:
    lines: list[str] = []

    async def show(line: str) -> None:
        lines.append(line)

    async with watched("Coder: read", 5.0, show, lambda: 0):
        pass
    assert lines == []


async def test_what_says_more_is_left_to_stand() -> None:
    lines: list[str] = []
    looks = 0

    def others() -> int:
        nonlocal looks
        looks += 1
        return looks // 2  # something new after each of the first waits

    async def show(line: str) -> None:
        lines.append(line)

    async with watched("Coder: ask_pm", 0.001, show, others):
        while looks < 8:  # noqa: ASYNC110 - a count has no bell
            await asyncio.sleep(0.001)
    assert lines == []
