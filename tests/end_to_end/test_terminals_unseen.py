"""What a thread is told while no terminal of its own is open is printed by the next one, once."""

from __future__ import annotations

import pytest

from codebutler.testing import note
from codebutler.testing.stage import Stage, until

PLAIN = note.plain("""
[[scripts.steps]]
calls = [{ name = "write", arguments = { path = "NOTE", content = "noted\\n" } }]
[[scripts.steps]]
text = "Wrote NOTE."
""")


class Terminals:
    """One process after the other, each a terminal of its own."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def opened(self, request: str) -> str:
        """A thread with a pull request."""
        return str((await self.stage.cli("run", request, "--yes", "--json")).summary["thread"])

    async def printed(self, *words: str, ends: int = 0) -> str:
        code, out, err = await self.stage.starter(words, self.stage.sample.repo, self.stage.env())
        assert code == ends, err.decode()
        return " ".join(out.decode().replace("│", " ").split())

    async def says(self, thread: str, word: str) -> str:
        return await self.printed("run", "--thread", thread, word)


@pytest.mark.parametrize("stage", [PLAIN], indirect=True)
async def test_a_thread_is_told_at_its_next_terminal_what_others_did_to_it(stage: Stage) -> None:
    terminals = Terminals(stage)
    one, two = [await terminals.opened(words) for words in ("Add a note", "Add one more note")]
    warned = await terminals.says(one, "/status")
    assert f"Thread {two}" in warned
    assert "gets in the way of this one" in warned
    assert warned.index("gets in the way") < warned.index("review")
    assert "gets in the way" not in await terminals.says(one, "/status")
    assert "Merged #1" in await terminals.says(one, "merge")
    told = await terminals.says(two, "/usage")
    assert "has landed: #1" in told
    assert "has landed" not in await terminals.says(two, "/usage")


WAITS = note.WHOLE.replace('text = "Wrote NOTE."', 'text = "Wrote NOTE."\ndelay = 1.0')


@pytest.mark.parametrize("stage", [WAITS], indirect=True)
async def test_the_list_that_waits_is_not_swallowed_by_the_terminal_of_another_thread(stage: Stage) -> None:
    """A service brought the work to its end; somebody then opens a second thread before looking at the first."""
    terminals = Terminals(stage)
    run = await stage.cli("run", "Add a note", "--json")
    thread = run.summary["thread"]
    async with stage.process("run", "--thread", thread, "go") as process:
        await until(lambda: _asked(stage, "coder"))
        process.kill()
    async with stage.serving():
        await until(lambda: len(_asked(stage, "lead")) > 1)
    await stage.cli("run", "Add one more note", "--json")
    said = await terminals.says(thread, "/usage")
    assert "Wrote NOTE." in said
    assert "What should the team remember?" in said
    assert "What should the team remember?" not in await terminals.says(thread, "/usage")


def _asked(stage: Stage, role: str) -> list[object]:
    """The calls of a role's model so far."""
    return [request for request in stage.server.requests if request.role == role]


@pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)
async def test_who_comes_back_sees_what_waits_for_them(stage: Stage) -> None:
    """All of it was shown before, to a terminal that is closed."""
    terminals = Terminals(stage)
    thread = str((await stage.cli("run", "Add a note", "--json")).summary["thread"])
    talk = await terminals.printed("chat", "--thread", thread)
    assert ": Add a note" in talk
    assert talk.index(": Add a note") < talk.index('Say "go" to approve') < talk.index("Say what you need")
    assert 'waits: say "go" to approve it' in await terminals.printed(
        "run", "--thread", thread, "/status", ends=3
    )
    assert 'Say "go" to approve' in await terminals.printed("chat", "--thread", thread)
    assert 'Say "go" to approve' in await terminals.printed("run", "--thread", thread, ends=3)
