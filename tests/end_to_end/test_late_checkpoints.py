"""A checkpoint's commit is made while the next call runs: what it holds, and to which point it belongs."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codebutler.events import CheckpointMade, ToolFinished
from codebutler.testing import note
from codebutler.testing.cast import Cast, bash, lead, plan, write
from codebutler.testing.doubles import Asked, says
from codebutler.testing.stage import Stage
from codebutler.thread.points import points
from codebutler.thread.state import ThreadState
from codebutler.types import ModelReply

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room

WORK = [*(write("A", f"{n}\n") for n in (0, 1, 2)), bash("echo 3 >> A"), bash("echo 4 > B")]
"""The kernel is asked what changed from the second look on: then a commit comes late."""
SLOW = '#!/bin/sh\n[ "$1" = unpack-objects ] && sleep 0.4\nexec "{git}" "$@"\n'
BREAKS = '#!/bin/sh\n[ "$1" = unpack-objects ] && [ -e "{mark}" ] && exit 1\nexec "{git}" "$@"\n'
SCENARIO = f"""{note.PM}
[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{{ name = "write", arguments = {{ path = "A", content = "0\\n" }} }}]
[[scripts.steps]]
calls = [{{ name = "write", arguments = {{ path = "A", content = "1\\n" }} }}]
[[scripts.steps]]
calls = [{{ name = "write", arguments = {{ path = "A", content = "2\\n" }} }}]
[[scripts.steps]]
calls = [{{ name = "bash", arguments = {{ command = "echo 3 >> A" }} }}]
[[scripts.steps]]
text = "Wrote."
{note.LEAD}"""


def in_front(folder: Path, text: str) -> str:
    """A PATH with such a git before the real one."""
    own = folder / "own"
    own.mkdir()
    (own / "git").write_text(text.format(git=shutil.which("git"), mark=own / "broken"))
    (own / "git").chmod(0o755)
    return f"{own}:{os.environ['PATH']}"


def late(state: ThreadState) -> list[CheckpointMade]:
    """The checkpoints whose commit came after the end of a command that began after the look at the files."""
    made = [(seq, e) for seq, _, e in state.live if isinstance(e, CheckpointMade)]
    ends = [seq for seq, _, e in state.live if isinstance(e, ToolFinished)]
    return [e for seq, e in made if e.after and any(e.after < end < seq for end in ends)]


async def test_each_point_has_the_files_of_its_own_batch(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", in_front(tmp_path, SLOW))
    cast = Cast(
        pm=[plan()], coder=[*WORK, says("Wrote."), says("Went on.")], lead=lead() + lead()
    )  # fmt: skip
    async with room.engine(cast) as scene:
        before = await scene.shipped()
        assert [e.files for e in late(before)] == [["A"], ["A"], ["A"]]
        steps = [p for p in points(before) if "Coder, step" in p.text]
        assert [p.files for p in steps] == [("A",), ("A",), ("A",), ("A",), ("B",)]
        assert [scene.git("show", f"{p.commit}:A") for p in steps] == ["0", "1", "2", "2\n3", "2\n3"]
        back = await scene.talk("a", f"rewind {steps[3].number}")
        await scene.talk("a", f"fork {steps[3].number}")
        [second] = [row.id for row in await scene.host.store.threads() if row.id != before.id]
        for state in (back, await scene.state(second)):
            again = [p for p in points(state) if "Coder, step" in p.text]
            assert [scene.git("show", f"{p.commit}:A") for p in again] == ["0", "1", "2", "2\n3"]
            assert [p.files for p in again] == [("A",)] * 4
        state = await scene.talk("a", f"rewind {steps[2].number}")
        assert scene.files(state)["A"] == "2\n"
        assert state.files == {"A"}
        await scene.talk("a", "go")
        assert "B" not in scene.files(state)


async def test_a_call_waits_for_the_look_before_it_though_an_older_commit_is_done_meanwhile(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", in_front(tmp_path, SLOW))
    large = bash("head -c 40000000 /dev/urandom > B")  # git looks at it for longer than the last commit takes
    cast = Cast(pm=[plan()], coder=[*WORK[:3], large, write("A", "4\n"), says("Wrote.")], lead=lead())
    async with room.engine(cast) as scene:
        state = await scene.shipped()
        steps = [p for p in points(state) if "Coder, step" in p.text]
        assert [p.files for p in steps] == [("A",), ("A",), ("A",), ("B",), ("A",)]
        assert [scene.git("show", f"{p.commit}:A") for p in steps] == ["0", "1", "2", "2", "4"]


async def test_one_that_fails_beside_a_call_loses_nothing(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", in_front(tmp_path, BREAKS))
    mark = tmp_path / "own/broken"

    async def breaks(_: Asked) -> ModelReply:
        mark.touch()
        return WORK[2]

    cast = Cast(
        pm=[plan()], coder=[*WORK[:2], breaks, *WORK[3:], says("Wrote."), says("Wrote.")], lead=lead() + lead()
    )  # fmt: skip
    async with room.engine(cast) as scene:
        await scene.talk("a", "Write notes")
        state = await scene.talk("a", "go")
        assert state.outcome == "failed", await scene.posts(state.id)
        assert "the checkpoint was refused" in (await scene.posts(state.id))[-1]
        mark.unlink()
        state = await scene.talk("a", "retry")
        assert state.outcome == "pr", await scene.posts(state.id)
        assert scene.git("show", f"{state.head}:A") == "2\n3"


@pytest.mark.parametrize("stage", [SCENARIO], indirect=True)
async def test_one_that_a_kill_left_out_of_the_log_belongs_to_its_batch(stage: Stage, tmp_path: Path) -> None:
    """The last write's commit is made after the command has ended, and its event is lost."""
    path = in_front(tmp_path, SLOW)
    done = await stage.cli(
        "run", "Add a note", "--yes", "--key", "k", PATH=path, CODEBUTLER_CRASH_AT="before:checkpoint_made:3"
    )
    assert done.code == -signal.SIGKILL, done.stderr
    again = await stage.cli("run", "Add a note", "--yes", "--key", "k", "--json")
    assert again.summary["outcome"] == "pr", again.stderr
    known = (await stage.cli("rewind", again.summary["thread"], "--json")).lines
    steps = [p for p in known if "Coder, step" in p["text"]]
    assert [stage.git("show", f"{p['commit']}:A") for p in steps] == ["0", "1", "2", "2\n3"]
