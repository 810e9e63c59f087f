"""Killed while it obeys a person's word, a thread still says what came of it, once."""

from __future__ import annotations

import itertools
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.chaos.conftest import Rig

WORDS = {
    "cancel": "Stopped by",
    "pause": "Paused by",
    "/pm scripted/pm": "The PM now uses",
    "/help": "Approve",
}
"""What the person says to a thread whose plan waits, and what the answer has."""


POINTS = ("after:1", "before:3", "after:3", "before:4", "after:4")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The first word at each point, the others at every third; in full: each at each."""
    if "point" in metafunc.fixturenames:
        every = list(itertools.product(WORDS, POINTS))
        sample = every[:5] + every[5::3]
        metafunc.parametrize(("word", "point"), every if metafunc.config.getoption("--full") else sample)


async def test_killed_while_it_obeys_it_says_so_all_the_same(small: Rig, word: str, point: str) -> None:
    assert (await small.run(small.sample.task, "--key", "k")).code == 3
    thread = small.query("SELECT id FROM thread")[0][0]
    old = len(small.events())
    killed = await small.run(word, "--thread", thread, crash=point)
    assert killed.code == -signal.SIGKILL, "the log grew by fewer rows"
    done = await small.run("", "--thread", thread)
    assert done.code in {0, 1, 3}, done.err
    news = small.events()[old:]
    posts = [e["post"]["text"] for e in news if e["kind"] == "posted"]
    assert len(posts) == 1, posts
    assert WORDS[word] in posts[0]
    assert [e["kind"] for e in news].count("turn_ended") == 1
    assert news[-1]["kind"] == "turn_ended"
