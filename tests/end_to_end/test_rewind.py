"""Back to a point: files, transcript and branch, in the same thread and pull request."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from codebutler.events import Posted, PrOpened, Rewound
from codebutler.testing.cast import Cast, bash, lead, plan, write
from codebutler.testing.doubles import says
from codebutler.thread.points import points
from codebutler.types import Message

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


def extends(request: list[Message], earlier: list[Message]) -> bool:
    """Whether a request begins with the very bytes of an earlier one."""
    return json.dumps(request).startswith(json.dumps(earlier)[:-1] + ",")


THREE = [
    write("A", "a\n"),
    bash("mkdir d; mv README.md d/moved; rm CHANGES.md; echo b > B"),
    write("C", "c\n"),
]


async def test_back_within_a_run_and_on_in_the_same_pull_request(room: Room) -> None:
    cast = Cast(
        pm=[plan()], coder=[*THREE, says("Wrote."), write("D", "d\n"), says("Wrote D.")], lead=lead() + lead()
    )
    async with room.engine(cast) as scene:
        before = await scene.shipped()
        point = scene.point(before, "write A")
        assert [p.files for p in points(before)[1:4]] == [
            ("A",),
            ("B", "CHANGES.md", "README.md", "d/moved"),
            ("C",),
        ]
        posts = len(await scene.posts(before.id))

        state = await scene.talk("a", f"rewind {point.number}")
        assert (state.phase, state.halted, state.outcome) == ("coder", "rewound", "rewound")
        assert scene.tree(state.head) == scene.tree(point.commit)
        assert {"A", "README.md", "CHANGES.md"} <= set(scene.files(state))
        assert not {"B", "C", "d/moved"} & set(scene.files(state))
        assert state.files == {"A"}
        scene.git("merge-base", "--is-ancestor", before.head, state.head)
        new = (await scene.posts(state.id))[posts:]
        assert len(new) == 1
        assert f"Back at point {point.number} (Coder, step 1: write A)" in new[0]
        assert before.head[:12] in new[0]
        assert "pull request #1 is open" in new[0]
        assert scene.git("status", "--porcelain", where=scene.folder(state)) == ""

        state = await scene.talk("a", "write D instead")
        assert state.outcome == "pr", await scene.posts(state.id)
        request = cast.of("coder")[4]
        assert extends(request, cast.of("coder")[1])
        note, words = request[len(cast.of("coder")[1]) :]
        assert "robin took the thread back to this point" in note["content"]
        assert "pull request #1 is open" in note["content"]
        assert words["content"].endswith("write D instead")
        assert set(scene.files(state)) >= {"A", "D", "README.md"}
        assert not {"B", "C"} & set(scene.files(state))
        assert state.pr == before.pr
        assert len([e for e in await scene.events(state.id) if isinstance(e, PrOpened)]) == 1
        assert state.worktree is not None
        remote = scene.git("rev-parse", state.worktree.branch, where=room.sample.remote)
        assert remote == state.head
        scene.git("merge-base", "--is-ancestor", before.pushed, remote)
        assert state.usd == pytest.approx(0.001 * len(cast.requests))
        shown = scene.git("ls-tree", "--name-only", remote)
        assert {"A", "D"} <= set(shown.split())
        assert "C" not in shown.split()
        assert (await scene.talk("a", "merge")).phase == "closed"
        landed = scene.git("ls-tree", "--name-only", "main", where=room.sample.remote).split()
        assert {"A", "D", "README.md"} <= set(landed)
        assert "C" not in landed


async def test_a_running_command_is_killed_first(room: Room) -> None:
    cast = Cast(
        pm=[plan()],
        coder=[
            write("A", "a\n"), bash("echo on > RUNS; sleep 60; echo late > LATE"),
            write("B", "b\n"), says("Done."),
        ],
        lead=lead(),
    )  # fmt: skip
    async with room.engine(cast) as scene:
        await scene.talk("a", "Write notes")
        thread = await scene.say("a", "go")
        async with asyncio.timeout(30):
            runs = scene.host.repo.inner / "branches" / "notes" / "RUNS"
            while not runs.exists():  # noqa: ASYNC110 - a file, not an event
                await asyncio.sleep(0.05)
        started = asyncio.get_running_loop().time()
        state = await scene.talk("a", f"rewind {scene.point(await scene.state(thread), 'write A').number}")
        assert asyncio.get_running_loop().time() - started < 20
        assert state.outcome == "rewound", await scene.posts(thread)
        assert "RUNS" not in scene.files(state)
        events = [e for e in await scene.events(thread) if isinstance(e, Rewound)]
        assert scene.git("show", f"{events[0].undone}:RUNS") == "on"
        state = await scene.talk("a", "go")
        assert state.outcome == "pr", await scene.posts(thread)
        assert {"A", "B"} <= set(scene.files(state))


async def test_back_and_back_again_and_what_people_did_by_hand_is_kept(room: Room) -> None:
    cast = Cast(
        pm=[plan()],
        coder=[*THREE, says("Wrote."), write("D", "d\n"), says("D."), write("E", "e\n"), says("E.")],
        lead=lead() + lead() + lead(),
    )
    async with room.engine(cast) as scene:
        state = await scene.shipped()
        first = scene.point(state, "write A").number
        (scene.folder(state) / "HAND").write_text("by hand\n")
        state = await scene.talk("a", f"rewind {first + 1}")
        assert "HAND" not in scene.files(state)
        undone = [e.undone for e in await scene.events(state.id) if isinstance(e, Rewound)]
        assert scene.git("show", f"{undone[0]}:HAND") == "by hand"
        state = await scene.talk("a", "go")
        assert {"A", "B", "D"} <= set(scene.files(state))
        state = await scene.talk("a", f"rewind {first}")
        assert "A" in scene.files(state)
        assert not {"B", "C", "D"} & set(scene.files(state))
        assert len(points(state)) == first
        state = await scene.talk("a", f"rewind {first}")
        assert {"A", "README.md"} <= set(scene.files(state))
        assert (state.files, points(state)[-1].files) == ({"A"}, ("A",))
        state = await scene.talk("a", "go")
        assert state.outcome == "pr", await scene.posts(state.id)
        assert {"A", "E"} <= set(scene.files(state))
        assert (state.rewinds, state.files) == (3, {"A", "E"})
        sources = [e.source for e in await scene.events(state.id) if isinstance(e, Posted)]
        assert len(sources) == len(set(sources))
        assert [s for s in sources if s.startswith("coder-1:done")] == [
            "coder-1:done",
            "coder-1:done~1",
            "coder-1:done~3",
        ]
