"""Killed again and again while two Researchers are out: nothing is done anew, and findings come once."""

from __future__ import annotations

import hashlib
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from codebutler.testing.scenario import parse_scenario
from codebutler.testing.scripted import ScriptedModel
from codebutler.testing.webtwin import Site, WebTwin
from tests.chaos.conftest import HERE, Rig, prepared

if TYPE_CHECKING:
    from tests.conftest import Warm

MOST = 40
"""Processes that one thread may take."""
Step: TypeAlias = tuple[str, int]


@pytest.fixture
async def rig(open_tmp: Path, warm: Warm) -> AsyncIterator[Rig]:
    """A repo, a model that sends two Researchers out, and the site that they read."""
    async with WebTwin() as twin:
        twin.pages["/rates"] = Site("The API allows 100 requests a minute for each key.", "text/plain")
        twin.hits = [{"title": "Rates", "url": f"{twin.url}/rates", "text": "Limits of the API"}]
        scenario = parse_scenario((HERE / "research.toml").read_text().replace("PORT", str(twin.port)))
        config = open_tmp / "butler" / "config.json"
        config.parent.mkdir()
        config.write_text(json.dumps({"web": twin.settings()}))
        config.chmod(0o600)
        async with ScriptedModel(scenario, keep_bodies=True) as server:
            yield Rig(open_tmp, prepared(open_tmp / "small"), server, warm)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "point" in metafunc.fixturenames:
        # fewer than six rows may be three requests for replies, again and again
        every = [f"{side}:{n}" for n in range(6, 16) for side in ("before", "after")]
        metafunc.parametrize("point", every if metafunc.config.getoption("--full") else ("after:6",))


async def test_killed_every_few_events_it_still_comes_to_its_end(rig: Rig, point: str) -> None:
    kills, known, asked = 0, set[Step](), 0
    while (done := await rig.run("How fast?", "--key", "k", crash=point)).code:
        assert done.code == -signal.SIGKILL, done.err
        assert not known & requested(rig, asked), "a reply that was in the log was bought again"
        kills, known, asked = kills + 1, replied(rig), len(rig.server.requests)
        assert kills < MOST, "it comes no further"
    assert kills > 2
    assert not known & requested(rig, asked)
    assert rig.server.failures == []
    log = rig.events()
    ended = [(e["research"], e["outcome"]) for e in log if e["kind"] == "research_finished"]
    assert sorted(ended) == [("researcher-1", "done"), ("researcher-2", "done")]
    for kind, key in (("model_replied", "step"), ("tool_finished", "call_id"), ("frame_started", "role")):
        marks = Counter((e["frame"], e[key]) for e in log if e["kind"] == kind)
        assert set(marks.values()) == {1}, kind
    last = next(a for a in reversed(rig.server.requests) if a.role == "pm")
    told = "\n".join(str(m["content"]) for m in last.body["messages"])
    for topic, quote in (("one", "100 requests a minute"), ("two", "for each key")):
        assert told.count(f"The Researcher on '{topic}' is back.") == 1
        assert told.count(f'"{quote}"') == 1
    assert len([e for e in log if e["kind"] == "posted" and e["post"]["role"] == "pm"]) == 1
    assert rig.unsettled() == []
    await rig.no_process_is_left()


def replied(rig: Rig) -> set[Step]:
    """The replies in the log: whose, and which."""
    log = rig.events()
    openings = {e["frame"]: e["content"] for e in log if e["kind"] == "frame_started"}
    return {(who(e["frame"], openings), e["step"]) for e in log if e["kind"] == "model_replied"}


def who(frame: str, openings: dict[str, str]) -> str:
    """A Researcher as the model's server tells it from others: by its first message."""
    return hashlib.sha256(openings[frame].encode()).hexdigest()[:12] if frame != "pm" else "pm"


def requested(rig: Rig, start: int) -> set[Step]:
    """The replies that were asked for from the ``start``-th request on."""
    later = rig.server.requests[start:]
    return {("pm" if a.role == "pm" else a.conversation, a.turn + 1) for a in later}
