"""A memory file as a commit has it, whole: what is written back must hold every byte that was there."""

from __future__ import annotations

import posixpath
from pathlib import Path

from codebutler.errors import ToolFailed
from codebutler.repo.objects import read_bytes, which_exist

MEMORY_LIMIT = 64 * 1024
"""Most bytes of a memory file that are read: several times what a role is shown, and parsed in a second."""


async def memory_text(gitdir: Path, commit: str, path: str) -> str | None:
    """The file's whole text; None where it is not.

    ToolFailed for what cannot be changed and kept byte for byte: a symlink or a file in the way of its
    folder, no UTF-8, more than ``MEMORY_LIMIT`` bytes.
    """
    data = await read_bytes(gitdir, commit, path, limit=MEMORY_LIMIT + 1)
    if data is None:
        above = posixpath.dirname(path)
        places = [path, above, posixpath.dirname(above)]
        if odd := [x for x in await which_exist(gitdir, commit, places) if x in places]:
            raise ToolFailed(f"{odd[0]} is a link or no folder", fix="Put a regular file there by hand.")
        return None
    if len(data) > MEMORY_LIMIT:
        raise ToolFailed(f"{path} is longer than {MEMORY_LIMIT // 1024} KiB", fix="Shorten it by hand.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ToolFailed(f"{path} is not UTF-8 (byte {error.start})", fix="Mend it by hand.") from error
