"""What a sandbox gets beside its folder: layers of dependencies, and the variables that go with them."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

TREE = "/codebutler/tree"
"""The folder under a name that is the same in every sandbox, so that what holds paths can be moved."""
DEPS = "/codebutler/deps"
"""What dependencies lie in that have no place in the folder, one folder for each recipe."""
IGNORE = "/codebutler/ignore"

How: TypeAlias = Literal["bind", "overlay", "show"]


class Layer(Struct, frozen=True):
    """A folder of the host at ``target``, an absolute path inside.

    ``bind``: what is written goes to the host. ``overlay``: writable, and what is written goes with the
    sandbox; the source never changes. ``show``: read-only.
    """

    source: Path
    target: str
    how: How = "overlay"


class Outfit(Struct, frozen=True):
    """``path`` goes before the PATH of commands, not of the executor itself.

    ``tree``: TREE leads to the folder.
    """

    layers: tuple[Layer, ...] = ()
    environment: Mapping[str, str] = {}
    path: tuple[str, ...] = ()
    tree: bool = False

    def shown(self) -> Outfit:
        """The same with every layer read-only, for a kernel without overlays."""
        return replace(self, layers=tuple(replace(each, how="show") for each in self.layers))

    def inside(self, root: Path) -> list[str]:
        """The paths, relative to ``root``, that layers cover."""
        return [
            str(Path(each.target).relative_to(root))
            for each in self.layers
            if Path(each.target).is_relative_to(root)
        ]


def fits(root: Path, target: str) -> bool:
    """Whether a layer can be mounted at ``target`` without following a link that stands in ``root``.

    What is below ``root`` was written by an untrusted program, which must not be running now.
    """
    path = Path(target)
    if not path.is_relative_to(root):
        return True
    here = root
    for part in path.relative_to(root).parts:
        here = here / part
        try:
            if not stat.S_ISDIR(os.lstat(here).st_mode):
                return False
        except FileNotFoundError:
            return True
        except OSError:
            return False
    return path != root
