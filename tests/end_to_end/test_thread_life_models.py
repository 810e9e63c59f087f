"""Models that are away, refuse, babble or go in circles; and what providers' caches need."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from codebutler.testing import note

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Life

FLAKY = """
[[scripts]]
role = "pm"
[[scripts.steps]]
status = 503
times = 2
text = "fine"
"""


@pytest.mark.parametrize("stage", [FLAKY], indirect=True)
async def test_a_model_that_is_away_for_a_moment_costs_a_retry_only(life: Life) -> None:
    state = await life.say("hello")
    assert state.outcome == "answered"


REFUSED = """
[[scripts]]
role = "pm"
[[scripts.steps]]
status = 401
times = 1
text = "fine"
"""


@pytest.mark.parametrize("stage", [REFUSED], indirect=True)
async def test_a_refused_key_is_said_and_go_tries_again(life: Life) -> None:
    state = await life.say("hello")
    assert state.outcome == "failed"
    assert "could not go on" in (await life.posts())[-1]
    state = await life.say("go")
    assert state.outcome == "answered"


GARBAGE = """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "grep", garbage = "{not json" }]
[[scripts.steps]]
expect = ["not valid JSON"]
calls = [{ name = "no_such_tool", arguments = {} }]
[[scripts.steps]]
expect = ["no tool 'no_such_tool'"]
calls = [{ name = "grep", arguments = { pattern = 7 } }]
[[scripts.steps]]
text = "I give up."
"""


@pytest.mark.parametrize("stage", [GARBAGE], indirect=True)
async def test_garbage_from_a_model_comes_back_to_it_as_text(life: Life) -> None:
    state = await life.say("hello")
    assert state.outcome == "answered", life.stage.server.failures
    assert life.stage.server.failures == []


NOTHING = """
[[scripts]]
role = "pm"
[[scripts.steps]]
empty = true
times = 50
text = "never"
"""


@pytest.mark.parametrize("stage", [NOTHING], indirect=True)
async def test_a_model_that_answers_with_nothing_ends_the_turn_with_words(life: Life) -> None:
    state = await life.say("hello")
    assert state.outcome == "failed"
    assert "answers with nothing" in (await life.posts())[-1]
    assert len(life.stage.server.requests) == 3


LOOPING = "[[scripts]]\nrole = 'pm'\n" + "".join(
    f"[[scripts.steps]]\ncalls = [{{ name = 'grep', arguments = {{ pattern = 'x' }} }}]\n{extra}"
    for extra in [""] * 20
)


@pytest.mark.parametrize("stage", [LOOPING], indirect=True)
async def test_a_model_in_a_loop_is_told_and_then_stopped(life: Life) -> None:
    state = await life.say("hello")
    assert state.outcome == "failed"
    assert "without progress" in (await life.posts())[-1]
    assert len(life.stage.server.requests) == 8


PAGES = [
    f"""[[scripts.steps]]
calls = [{{ name = "grep", arguments = {{ pattern = "{letter}" }} }}]
"""
    for letter in "aeiou"
]
ANSWER = """
[[scripts.steps]]
text = "In parcelrate/tariff.py."
"""
SMALL = f"""
window = 12000
[[scripts]]
role = "pm"
match = {{ regex = "stands for its older part(.|\\n)*Where is the tariff(.|\\n)*it is in tariff.py" }}
{ANSWER * 5}
[[scripts]]
role = "pm"
{"".join(PAGES)}
[[scripts]]
role = "pm-summary"
[[scripts.steps]]
text = "The PM found that it is in tariff.py."
"""


@pytest.mark.parametrize("stage", [SMALL], indirect=True)
async def test_in_a_small_window_old_turns_are_summarised_and_the_answer_comes(life: Life) -> None:
    state = await life.say("Where is the tariff?")
    assert (state.outcome, life.stage.server.failures) == ("answered", [])
    assert (await life.posts())[-1] == "In parcelrate/tariff.py."


@pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)
async def test_every_request_extends_the_one_before(life: Life) -> None:
    """Providers' prompt caches hit: tools and system are byte-equal, messages only grow."""
    life.stage.server._keep = True
    await life.say("Add a note")
    await life.say("go")
    bodies: dict[str, list[dict[str, object]]] = {}
    for asked in life.stage.server.requests:
        if asked.body is not None:
            bodies.setdefault(asked.role, []).append(asked.body)
    assert set(bodies) == {"pm", "coder", "lead"}
    for requests in bodies.values():
        for before, after in pairwise(requests):
            assert json.dumps(before["tools"]) == json.dumps(after["tools"])
            old, new = json.dumps(before["messages"])[:-1], json.dumps(after["messages"])
            assert new.startswith(old)


@pytest.mark.parametrize("stage", [REFUSED], indirect=True)
async def test_what_the_server_has_is_offered_where_no_name_of_the_pool_is_there(life: Life) -> None:
    await life.say("hello")
    await life.say("/pm")
    assert "a model's full id. Its server has scripted" in (await life.posts())[-1]
    await life.say("/pm claude")
    assert "nothing was changed. Its server has scripted" in (await life.posts())[-1]


@pytest.mark.parametrize("stage", [REFUSED], indirect=True)
async def test_status_says_why_a_thread_stands_still_and_what_to_say(life: Life) -> None:
    await life.say("hello")
    await life.say("/status")
    assert "It stands still: the server at" in (said := (await life.posts())[-1])
    ways = (
        'Say **"go"** to try again, **"model NAME"** to go on with another model, or say what to do instead.'
    )
    assert said.endswith(ways)
    assert (await life.posts())[0].endswith(ways)
    assert (await life.say("model scripted/pm")).outcome == "answered"


@pytest.mark.parametrize("stage", [REFUSED], indirect=True)
async def test_a_swap_in_a_thread_that_failed_says_how_it_goes_on(life: Life) -> None:
    await life.say("hello")
    await life.say("/pm scripted/pm")
    assert (await life.posts())[-1] == 'The PM now uses scripted/pm. Say **"go"** to go on.'
    assert (await life.say("go")).outcome == "answered"
    await life.say("/coder scripted/pm")
    assert (await life.posts())[-1] == "The Coder now uses scripted/pm."
