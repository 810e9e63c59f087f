"""Two threads in a row: what the first had to ask, the second knows, and the figures show it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from codebutler.cli.main import main
from codebutler.testing.cast import Cast, call, does, lead, plan, write
from codebutler.testing.doubles import Asked, says
from codebutler.types import ModelReply

if TYPE_CHECKING:
    import pytest

    from tests.end_to_end.conftest import Room

STEP = "PM: ask which auth method is meant before proposing the plan"
FLOWS = "main:.codebutler/memory/workflows.md"


def planned(title: str) -> ModelReply:
    steps = [{"text": "Write it"}]
    return says("", call("propose_plan", title=title, summary=f"{title}.", workflow="feature", steps=steps))


async def test_the_second_thread_asks_one_question_less_and_the_stats_show_it(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    """The PM of the second thread does what its workflow now says; nothing else tells it to."""

    async def knows(asked: Asked) -> ModelReply:
        assert STEP in str(asked.messages[0]["content"])
        return planned("Second")

    item = {"file": "workflows.md", "kind": "add_step", "section": "feature", "text": STEP, "after": 1,
            "why": "The Coder had to ask."}  # fmt: skip
    mind = Cast(
        pm=[planned("First"), says("Tokens."), knows],
        coder=[
            does("ask_pm", question="Which auth method is meant?"), write("A", "a\n"), says("Wrote A."),
            write("B", "b\n"), says("Wrote B."),
        ],
        lead=[
            says("", call("write_summary", title="First", summary="s", changes=["A"]),
                 call("propose_memory", items=[item])),
            says("That is all."), *lead("Second"),
        ],
    )  # fmt: skip
    async with room.engine(mind) as scene:
        await scene.shipped()
        await scene.talk("a", "yes")
        assert (await scene.talk("a", "merge")).phase == "closed"
        text = scene.git("show", FLOWS, where=room.sample.remote)
        assert text.index(STEP) < text.index("find where it hooks in")
        await scene.talk("b", "Write more")
        state = await scene.talk("b", "go")
        assert state.outcome == "pr", await scene.posts(state.id)
        brief = str(mind.of("lead")[-1][1]["content"])
        assert "# What earlier threads had to ask or look up" in brief
        assert "asked the PM: Which auth method is meant?" in brief
        assert state.weighed is not None
        assert len(state.weighed.shown) == len(state.weighed.used) == 1
    args = ["--repo", str(room.sample.repo), "--home", str(room.home)]
    assert await _cli(["stats", "--json", *args]) == 0
    told = json.loads(capsys.readouterr().out)
    flow = told["workflows"][0]
    assert flow["workflow"] == "feature"
    assert [t["escalations"] for t in flow["threads"]] == [1, 0]
    assert flow["threads"][1]["turns"] < flow["threads"][0]["turns"]
    [learned] = told["items"]
    assert (learned["text"], learned["shown"], learned["used"], learned["remove"]) == (STEP, 1, 1, "")
    assert await _cli(["stats", *args]) == 0
    assert "escalations 1.0 → 0.0" in capsys.readouterr().out
    assert await _cli(["revert", learned["id"], *args]) == 0
    assert "#3 takes it back" in capsys.readouterr().out
    branch = f"codebutler/memory-revert-{learned['id']}:.codebutler/memory/workflows.md"
    assert STEP not in scene.git("show", branch, where=room.sample.remote)


async def _cli(words: list[str]) -> int:
    """The command as a person types it; it has an event loop of its own."""
    return await asyncio.to_thread(main, ["memory", *words])


async def test_an_item_that_has_expired_is_proposed_for_removal(room: Room) -> None:
    """By the engine itself; it goes once a person says so, and with it nothing else."""
    note = "<!-- learned: thread=t0 date=2026-01-01 by=ana expires=2026-02-01 -->"
    room.commit({".codebutler/memory/pm.md": f"# PM\n\n- Main is frozen. {note}\n- Be brief.\n"})
    mind = Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=lead())
    async with room.engine(mind) as scene:
        state = await scene.shipped()
        assert [(i.kind, i.why) for i in state.memory or []] == [("remove", "it held until 2026-02-01")]
        assert "1. **Forget:** Main is frozen. _(remove → pm.md, PM)_" in (await scene.posts(state.id))[-1]
        await scene.talk("a", "yes")
        await scene.talk("a", "merge")
        text = scene.git("show", "main:.codebutler/memory/pm.md", where=room.sample.remote)
        assert text == "# PM\n\n- Be brief."


async def test_what_the_lead_reads_has_been_seen_once_it_has_looked_back(room: Room) -> None:
    note = "<!-- learned: thread=t0 date=2026-01-01 by=ana -->"
    room.commit({".codebutler/memory/lead.md": f"# Lead\n\n- Compare the retry counts. {note}\n"})
    looked = lead()
    looked[-1] = says("I compared: the retry counts are the same.")
    mind = Cast(pm=[plan()], coder=[write("A", "a\n"), says("Wrote.")], lead=looked)
    async with room.engine(mind) as scene:
        state = await scene.shipped()
        assert state.weighed is not None
        assert len(state.weighed.shown) == len(state.weighed.used) == 1
