"""Old results give way to their ends: what is sent stays small, and all else of the transcript stays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from codebutler.agent.clearing import AGAIN, ENDS, FRESH, WORTH
from codebutler.agent.frame import SHORTENED
from codebutler.agent.roles import TOOLS
from codebutler.events import ResultsCleared
from codebutler.testing.doubles import Asked, says
from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Tool, Toolset
from codebutler.types import Message, ModelReply, ToolCall, ToolResult, ToolSpec
from tests.unit.workplace import ROLE, Workplace, paired

PAGE = 6_000
"""Characters of one result."""


async def _show(arguments: Any, _desk: Desk, _site: Site) -> ToolResult:
    n = arguments["n"]
    return ToolResult(f"first line {n}\n" + "x" * PAGE + f"\nlast line {n}")


def tools(*names: str) -> Toolset:
    specs = [ToolSpec(name, name, {"type": "object"}, read_only=True, recovery="rerun") for name in names]
    return Toolset([Tool(spec, _show) for spec in specs])


class Reader:
    """A mind that makes ``calls`` calls of ``tool``, one a step, under ids as some servers give them."""

    def __init__(self, calls: int, tool: str = "read", id_: str = "c{}") -> None:
        self.made, self.calls, self.tool, self.id = 0, calls, tool, id_

    async def __call__(self, asked: Asked) -> ModelReply:
        if self.made == self.calls:
            return says("done")
        self.made += 1
        call = ToolCall(id=self.id.format(self.made), name=self.tool, arguments=f'{{"n": {self.made}}}')
        return says(f"looking at {self.made}", call)


async def ran(reader: Reader) -> Workplace:
    place = Workplace(reader)
    assert await place.run(tools(reader.tool)) == "done"
    return place


def clearings(place: Workplace) -> list[ResultsCleared]:
    return [e for e in place.log if isinstance(e, ResultsCleared)]


def contents(messages: Sequence[Message], role: str) -> list[str]:
    return [m["content"] for m in messages if m["role"] == role]


async def test_old_results_keep_their_ends_and_all_else_stays() -> None:
    place = await ran(Reader(20))
    shown, said = contents(place.frame.messages, "tool"), contents(place.frame.messages, "assistant")
    assert len(clearings(place)) == 1
    assert said[:20] == [f"looking at {n}" for n in range(1, 21)]
    assert paired(place.frame.messages)
    old = [text for text in shown if text.endswith(SHORTENED)]
    assert old == shown[: len(old)], "the oldest go first"
    for n, text in enumerate(old, 1):
        assert text.startswith(f"first line {n}\n")
        assert f"last line {n}\n{SHORTENED}" in text
        assert len(text) < ENDS + len(SHORTENED) + 100
    first = next(r for a in place.client.asked if SHORTENED in "".join(r := contents(a.messages, "tool")))
    assert sum(len(text) for text in first if not text.endswith(SHORTENED)) >= FRESH, "the newest are whole"


async def test_what_is_sent_stays_small_and_changes_seldom() -> None:
    place = await ran(Reader(120))
    sent = [list(a.messages) for a in place.client.asked]
    sizes = [sum(map(len, contents(m, "tool"))) for m in sent]
    assert max(sizes) < FRESH + WORTH + 120 * (ENDS + 200) + 2 * PAGE
    breaks = sum(after[: len(before)] != before for before, after in pairwise(sent))
    assert breaks == len(clearings(place)) == (120 * PAGE - FRESH) // (WORTH + 16 * (ENDS + 30))


async def test_an_id_that_a_server_gives_again_and_again_names_only_its_own_step() -> None:
    place = await ran(Reader(40, id_="call_0"))
    shown = contents(place.frame.messages, "tool")
    assert shown[0].endswith(SHORTENED)
    assert not shown[-1].endswith(SHORTENED)


@pytest.mark.parametrize("tool", ["research", "skill", "read_memory", "files__look"])
async def test_what_cannot_be_had_again_for_nothing_stays(tool: str) -> None:
    assert clearings(await ran(Reader(40, tool))) == []


async def test_short_results_stay() -> None:
    reader = Reader(800)

    async def short(_args: Any, _desk: Desk, _site: Site) -> ToolResult:
        return ToolResult("x" * (2 * ENDS - reader.made % 7))

    place = Workplace(reader)
    spec = ToolSpec("read", "read", {"type": "object"}, read_only=True, recovery="rerun")
    role = ROLE.model_copy(update={"limits": ROLE.limits.model_copy(update={"iterations": 1_000})})
    assert await place.run(Toolset([Tool(spec, short)]), role) == "done"
    assert clearings(place) == []


async def test_the_log_alone_gives_the_same_transcript() -> None:
    place = await ran(Reader(80))
    assert place.replayed().frames["coder-1"].messages == place.frame.messages


def test_every_tool_that_is_cleared_is_one() -> None:
    assert set(TOOLS) >= AGAIN
