"""What no commit takes in is named to the Coder at once and to people before they merge, and it is not lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Life

IGNORED = "ignored by .gitignore, so in no commit: 'lib/new.py'"
NESTED = "a git repository of its own, left out: 'app'; remove app/.git to take its files in"

COMMANDS = (
    "printf 'lib/\\nnode/\\n' > .gitignore; mkdir node app; echo x > node/x; cd app; git init -q; echo k > k"
)
WORK = f"""
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{{ name = "propose_plan", arguments = {{ title = "Add a note", summary = "One line.", steps = [{{ text = "Write it" }}] }} }}]
[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{{ name = "bash", arguments = {{ command = {json.dumps(COMMANDS)} }} }}]
[[scripts.steps]]
calls = [
  {{ name = "write", arguments = {{ path = "lib/new.py", content = "precious\\n" }} }},
  {{ name = "write", arguments = {{ path = "NOTE", content = "noted\\n" }} }},
]
[[scripts.steps]]
calls = [{{ name = "git_commit", arguments = {{ message = "Note" }} }}]
[[scripts.steps]]
text = "Done."
[[scripts]]
role = "lead"
[[scripts.steps]]
calls = [{{ name = "write_summary", arguments = {{ title = "Add a note", summary = "A note.", changes = ["NOTE"] }} }}]
[[scripts.steps]]
text = "Nothing to remember."
"""


@pytest.mark.parametrize("stage", [WORK], indirect=True)
async def test_files_that_no_commit_has_are_named_and_kept(life: Life) -> None:
    await life.say("Add a note")
    state = await life.say("go")
    assert state.wrote == {"lib/new.py", "NOTE"}
    rows = await life.session.host.store.events(life.session.thread)
    [told] = [r.body for r in rows if r.kind == "tool_finished" and '"git_commit"' in r.body]
    assert f"Not in it:\n- {NESTED}\n- {IGNORED}\n" in json.loads(told)["text"]
    posts = await life.posts()
    said = posts.index(f"In the folder, but in no commit: {NESTED}; {IGNORED}.")
    assert said < next(i for i, post in enumerate(posts) if 'Say **"merge"**' in post)
    assert (await life.say("merge")).phase == "closed"
    assert life.stage.git("show", "main:NOTE", where=life.stage.sample.remote) == "noted"
    assert state.worktree is not None
    folder = Path(state.worktree.path)
    assert (folder / "lib/new.py").read_text() == "precious\n"
    assert (folder / "app/k").read_text() == "k\n"
    assert any("has uncommitted work (app, lib/new.py)" in post for post in await life.posts())
