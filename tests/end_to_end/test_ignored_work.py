"""What .gitignore names gets into no commit that leaves this machine, whatever was first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebutler.testing.cast import Cast, Line, bash, lead, plan, write
from codebutler.testing.doubles import says

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Room


async def test_ignored_files_stay_out_of_the_branch_also_after_a_rewind(room: Room) -> None:
    script: list[Line] = [
        write("A", "a\n"),
        bash("mkdir gen; echo g > gen/g; echo key > .env"),
        bash("printf 'gen/\\n.env\\n' >> .gitignore; echo b > B"),
        says("Wrote."),
        write("C", "c\n"),
        says("Wrote C."),
    ]
    async with room.engine(Cast(pm=[plan()], coder=script, lead=lead() + lead())) as scene:
        before = await scene.shipped()
        assert {"A", "B", "gen/g", ".env"} <= set(scene.files(before))
        published = scene.git("log", "--name-only", "--format=", before.pushed)
        assert "gen/g" not in published
        assert ".env" not in published

        state = await scene.talk("a", f"rewind {scene.point(before, 'write A').number}")
        assert state.outcome == "rewound", await scene.posts(state.id)
        assert {"A", "gen/g", ".env"} <= set(scene.files(state))
        assert "B" not in scene.files(state)
        assert any("`.gitignore` stays as it is now" in post for post in await scene.posts(state.id))
        assert scene.git("status", "--porcelain", where=scene.folder(state)) == ""
        state = await scene.talk("a", "go")
        assert state.outcome == "pr", await scene.posts(state.id)
        published = scene.git("log", "--name-only", "--format=", state.pushed)
        assert ".env" not in published
        assert "gen/g" not in published
