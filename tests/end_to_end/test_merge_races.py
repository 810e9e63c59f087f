"""Others merge while a thread's branch is on its way: memory that both added is joined, and both land."""

from __future__ import annotations

import pytest

from codebutler.testing import note
from codebutler.testing.stage import Stage

MEMORY = ".codebutler/memory/pm.md"
HOOK = f"""#!/bin/sh
# Once, when the journal has come and before the merge: somebody else's lesson lands on main.
test -e landed && exit 0
while read -r old new ref; do
  git ls-tree -r --name-only "$new" | grep -q journals/ || continue
  touch landed
  export GIT_INDEX_FILE=other GIT_AUTHOR_NAME=Eve GIT_AUTHOR_EMAIL=e@x GIT_COMMITTER_NAME=Eve GIT_COMMITTER_EMAIL=e@x
  git read-tree main
  blob=$( (git show main:{MEMORY} 2>/dev/null; echo "- Eve's lesson") | git hash-object -w --stdin)
  git update-index --add --cacheinfo "100644,$blob,{MEMORY}"
  git update-ref refs/heads/main "$(git commit-tree -p main -m eve "$(git write-tree)")"
done
"""


@pytest.mark.parametrize("stage", [note.WHOLE], indirect=True)
async def test_memory_that_landed_in_the_last_moment_is_joined(stage: Stage) -> None:
    hook = stage.sample.remote / "hooks/post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK)
    hook.chmod(0o755)
    done = await stage.cli("run", "Add a note", "--yes", "--merge", "--json", "--key", "k")
    assert (stage.sample.remote / "landed").exists()
    assert done.code == 0, done.stderr
    lessons = stage.git("show", f"main:{MEMORY}", where=stage.sample.remote)
    assert "Eve's lesson" in lessons
    assert "Be brief" in lessons
