"""What others pushed while the Coder worked, and what conflicts with it: the Coder settles that.

The two are joined by a commit in which the files hold both sides. It is not pushed before no marks are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codebutler.repo.git import is_ancestor
from codebutler.repo.merging import merged_tree
from codebutler.thread.state import ThreadState
from codebutler.thread.warning import code
from codebutler.thread.workspace import Workspace

_CAME = (
    "Somebody pushed to this branch while you worked. It is joined with your work, and conflicts in {paths}: "
    "the files hold both sides between <<<<<<< and >>>>>>> (a file that one side deleted, or that is not "
    "text, has no such marks: decide which is right). Keep what both meant, run the tests again, and push."
)


def words(files: Sequence[str]) -> str:
    """What the Coder is told of the ``files`` that conflict."""
    return _CAME.format(paths=code(files))


async def met(space: Workspace, gitdir: Path, state: ThreadState) -> list[str]:
    """Bring what others pushed, also where it conflicts; returns the files in which it did."""
    before = state.head
    there = await space.take_in(settle=True)
    if not there or state.head == before or not await is_ancestor(gitdir, before, state.head):
        return []
    return (await merged_tree(gitdir, before, there))[1]
