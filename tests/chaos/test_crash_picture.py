"""Killed around the purchase of a picture: what was paid for is kept or said, never bought a second time."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.testing.scripted import ScriptedModel
from tests.chaos.conftest import Rig, prepared

if TYPE_CHECKING:
    from tests.conftest import Warm

DRAW = Path(__file__).with_name("draw.toml")


@pytest.fixture
async def drawing(open_tmp: Path, warm: Warm) -> AsyncIterator[Rig]:
    async with ScriptedModel(DRAW) as server:
        yield Rig(open_tmp, prepared(open_tmp / "draw"), server, warm)


def _made_and_shown(rig: Rig) -> Counter[str]:
    events = rig.events()
    made = ["made" for e in events if e["kind"] == "image_made"]
    return Counter([*made, *("shown" for e in events if e["kind"] == "posted" and e["post"]["files"])])


async def test_a_picture_is_bought_once_wherever_the_kill_comes(drawing: Rig) -> None:
    """Before the answer is in the log, and before the call is over in it."""
    sent = drawing.server.media.sent
    assert (await drawing.run("Draw a red kite", "--key", "calm")).code == 0
    kinds = [e["kind"] for e in drawing.events()]
    made = kinds.index("image_made") + 1
    finished = made + kinds[made:].index("tool_finished") + 1
    folder = drawing.sample.repo / ".codebutler" / "images"
    for point, kept in ((made, False), (finished, True)):
        before, files, known = len(sent), set(folder.iterdir()), _made_and_shown(drawing)
        words = ("Draw a red kite", "--key", f"at-{point}")
        assert (await drawing.run(*words, crash=f"before:{point}")).code == -signal.SIGKILL
        done = await drawing.run(*words)
        assert (done.code, drawing.server.failures) == (0, []), done.err
        assert len(sent) == before + 1
        assert _made_and_shown(drawing) - known == (Counter(["made", "shown"]) if kept else Counter())
        assert set(folder.iterdir()) == files, "the same bytes under the same name are one file"
        assert drawing.unsettled() == []
