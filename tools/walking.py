"""Walk a folder of any depth: ``os.walk`` of Python 3.11 calls itself for each level, up to 1,000 times."""

from __future__ import annotations

import os
from collections.abc import Iterator


def walk(root: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """As ``os.walk``: path, names of folders (remove those not to be entered), other names; follows no link.

    Folders that cannot be listed, or whose paths are too long for the kernel, are left out.
    """
    left = [root]
    while left:
        folder = left.pop()
        folders: list[str] = []
        others: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    (folders if entry.is_dir(follow_symlinks=False) else others).append(entry.name)
        except OSError:
            continue
        yield folder, folders, others
        left += [os.path.join(folder, each) for each in reversed(folders)]
