"""How git is called for the daemon: with settings and an environment that nobody in here chooses."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator

from workspace import Workspace

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",  # else one of the home, which commands write
    "core.untrackedCache": "false",
    "core.splitIndex": "false",
    "gc.auto": "0",
    "advice.addEmbeddedRepo": "false",
    "checkout.workers": "0",
}
SETTINGS = [each for key, value in _SETTINGS.items() for each in ("-c", f"{key}={value}")]


def environment(space: Workspace, index: str, objects: str) -> dict[str, str]:
    """For git on the worktree, with an index and an object store of our own."""
    kept = ("PATH", "HOME", "LANG", "GIT_CONFIG_SYSTEM")
    return {
        **{key: os.environ[key] for key in kept if key in os.environ},
        "GIT_DIR": space.config.gitdir,
        "GIT_WORK_TREE": space.root,
        "GIT_INDEX_FILE": index,
        "GIT_OBJECT_DIRECTORY": objects,
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(space.config.objects),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


@contextlib.contextmanager
def listed(names: Iterable[bytes]) -> Iterator[int]:
    """A descriptor from which git reads the names, each with a null byte behind it."""
    fd = os.memfd_create("names", os.MFD_CLOEXEC)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(b"".join(name + b"\0" for name in names))
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def _quoted(paths: str) -> str:
    """A colon-separated list of paths, as git wants it when a path holds a colon or a quote."""
    quoted = []
    for path in paths.split("\0"):
        plain = not re.search(r'[:"\\\n]', path)
        quoted.append(
            path if plain else '"' + path.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") + '"'
        )
    return ":".join(quoted)
