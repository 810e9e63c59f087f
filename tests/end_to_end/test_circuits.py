"""A provider that fails on the way: the run ends right, and the circuits' life is there to be read."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from codebutler.cli.main import main
from codebutler.models.breaker import Breaker
from codebutler.service.owner import models_away
from codebutler.testing.stage import Stage

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Life

THROUGH = """
[[scripts]]
role = "pm"
[[scripts.steps]]
status = 429
retry_after = 0
times = 2
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", steps = [{ text = "Write NOTE" }], files = ["NOTE"] } }]

[[scripts]]
role = "coder"
[[scripts.steps]]
cut = 40
times = 1
calls = [{ name = "write", arguments = { path = "NOTE", content = "noted\\n" } }]
[[scripts.steps]]
status = 503
body = "<html><title>Bad gateway</title></html>"
retry_after = 0
times = 2
text = "Wrote NOTE."

[[scripts]]
role = "lead"
[[scripts.steps]]
empty = true
times = 1
calls = [{ name = "write_summary", arguments = { title = "Add a note", summary = "A note.", changes = ["NOTE"] } }]
[[scripts.steps]]
text = "Nothing to remember."
"""


@pytest.mark.parametrize("stage", [THROUGH], indirect=True)
async def test_a_run_through_every_kind_of_failure_ends_in_its_pull_request(stage: Stage) -> None:
    done = await stage.cli("run", "Add a note", "--yes", "--json")
    assert (done.code, done.summary["outcome"]) == (0, "pr"), done.stderr
    assert stage.git("show", f"{done.summary['branch']}:NOTE", where=stage.sample.remote) == "noted"
    assert stage.server.failures == []
    said = [line["error"] for line in done.of("model_failed")]
    wrong = ("limits how often", "limits how often", "broke", "Bad gateway", "Bad gateway")
    assert len(said) == len(wrong)
    assert all(word in each for word, each in zip(wrong, said, strict=True)), said
    assert "circuit_changed" not in done.kinds(), "fewer than three failures in a row"


OUTAGE = """
[[scripts]]
role = "pm"
[[scripts.steps]]
status = 503
retry_after = 0
times = 4
text = "fine"
"""


@pytest.mark.parametrize("stage", [OUTAGE], indirect=True)
async def test_the_life_of_a_circuit_is_in_the_logs(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    life.session.host.breaker = Breaker(first=0.1)
    state = await life.say("hello \x1b[2J")
    assert (state.outcome, (await life.posts())[-1]) == ("answered", "fine")
    where = ["--repo", str(life.stage.sample.repo), "--home", str(life.stage.home / "butler")]
    assert await asyncio.to_thread(main, ["logs", state.id, *where]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    lines = [line for line in printed.splitlines() if " circuit_changed " in line]
    assert [re.findall(r"state=(\w+)", line)[0] for line in lines] == [
        "open", "half_open", "open", "half_open", "closed",
    ]  # fmt: skip
    assert re.search(r"failures=3 .*why=.* has a problem", lines[0])
    assert sum("answers again" in text for text in await life.posts()) == 1
    assert life.session.host.breaker.away() == []


@pytest.mark.parametrize("stage", [OUTAGE], indirect=True)
async def test_an_open_circuit_is_shown_by_status_and_to_the_doctor(life: Life) -> None:
    """Circuits live in the process that runs the repo: the doctor, another one, asks it."""
    life.session.host.breaker = Breaker(first=300)
    state = await life.say("hello")
    assert state.outcome == "failed"
    (line,) = life.session.host.breaker.away()
    assert re.search(
        r"^\S+ is away \(open, 3 failures in a row\): .*503.*\. The next call .* in 5 min\.$", line
    )
    await life.say("/status")
    assert f"- {line}" in (await life.posts())[-1].splitlines()
    for asked, shown in (("/pm", line), ("/model", f"- {line}")):
        await life.say(asked)
        assert (await life.posts())[-1].splitlines()[-1] == shown
    root, home = life.stage.sample.repo.resolve(), life.stage.home / "butler"
    assert await models_away(root, home) == [line]
    seen = await life.stage.cli("doctor", "--offline", "--json")
    notes = [c["text"] for c in seen.lines[0]["checks"] if c["area"] == "models" and c["state"] == "note"]
    assert line in notes
    await life.session.close()
    assert await models_away(root, home) == []
