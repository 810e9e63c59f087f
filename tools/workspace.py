"""What every tool is given: the root of the worktree, the places it may use, and what it has seen.

Records in this program are no dataclasses: those load 1.2 MB, in every executor of every thread.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from children import Children
from faults import ProtocolFault

Stamp = tuple[int, int, int]
"""Inode, mtime in ns, size: enough to notice that a file is no longer the one that was read."""


class Config(NamedTuple):
    """The command line of the executor, written by the daemon (codebutler/sandbox/border.py)."""

    root: str
    state: str
    rg: str = "rg"
    pdf: str = ""
    read_only: bool = False
    gitdir: str = ""
    objects: str = ""
    proxy: str = ""
    covered: Sequence[str] = ()
    path: Sequence[str] = ()
    scratch: str = ""
    inner: int = -1
    limits: Mapping[str, int] = MappingProxyType({})

    @classmethod
    def parse(cls, text: str) -> Config:
        """Reads the JSON object. Unknown keys are an error: both sides ship together."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise ProtocolFault(-32600, f"bad executor configuration: {error}") from error


class Workspace:
    """One worktree and the running state of one executor."""

    def __init__(self, config: Config) -> None:
        """Opens the worktree: every path is walked from this descriptor, never by name."""
        self.config = config
        self.root = config.root
        self.root_fd = os.open(config.root, os.O_PATH | os.O_DIRECTORY)
        self.output = os.path.join(config.state, "output")
        os.makedirs(self.output, mode=0o700, exist_ok=True)
        self.output_fd = os.open(self.output, os.O_PATH | os.O_DIRECTORY)
        self.children = Children(config.inner)
        # The worktree may hold a program called git: only what models run finds programs there.
        first = ":".join([*config.path, os.environ.get("PATH", os.defpath)])
        self.environment = {**os.environ, "PATH": first}
        self.seen: dict[str, Stamp] = {}
        self.spills = 0

    def remember(self, rel: str, stat: os.stat_result) -> None:
        """Note the state in which the model knows the file."""
        self.seen[rel] = stamp(stat)

    def changed(self, rel: str, stat: os.stat_result) -> bool:
        """Whether a file that was read or written before is different now."""
        known = self.seen.get(rel)
        return known is not None and known != stamp(stat)


def stamp(stat: os.stat_result) -> Stamp:
    """The part of a stat that changes when the content does."""
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)
