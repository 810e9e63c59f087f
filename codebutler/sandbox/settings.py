"""What a host may set about the sandbox, and the records that the executor hands out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct, field

from codebutler.sandbox.builds import Builds

Tier: TypeAlias = Literal["bwrap", "reduced", "off"]
UNSAFE = "CODEBUTLER_UNSAFE_NO_SANDBOX"
"""The environment variable of the host that turns the border off. Never read from a repository."""

MIB = 1024 * 1024

BANNERS: dict[Tier, str] = {
    "reduced": "This host runs tools behind a REDUCED border (Landlock, no namespaces): what a model runs can"
    " change modes and times of this user's files, tell which exist, and replace a worktree's .git pointer.",
    "off": "This host runs tools WITHOUT a sandbox: what a model runs can do what you can.",
}


class SandboxSettings(Struct, frozen=True):
    """Host-only settings. Sizes are bytes; ``limits`` holds per each process."""

    tier: Tier = "bwrap"
    uid: int = 59_743
    """Who the sandbox is on the host when root starts it. Below 65536, so that containers have it too."""
    tools: Path | None = None
    """Another executor program; tests put a hostile one here."""
    tmp_size: int = 1024 * MIB
    home_size: int = 1024 * MIB
    state_size: int = 1024 * MIB
    limits: dict[str, int] = field(
        default_factory=lambda: {
            "nproc": 512,
            "data": 2048 * MIB,
            "fsize": 1024 * MIB,
            "core": 0,
            "nofile": 4096,
        }
    )
    allow: tuple[str, ...] = ()
    """host:port pairs that the sandbox may reach through the host's proxy; none: no network at all."""
    private: tuple[str, ...] = ()
    """Those of them whose addresses may belong to a company's own network."""
    show: tuple[Path, ...] = ()
    """More folders with programs, shown read-only at the same path."""
    memory: int = 0
    """Bytes for all processes of a sandbox together, where systemd offers a user scope; 0: no limit."""
    git_scratch: bool = False
    """Commands may write git's records: in a copy that nobody sees and that ends with the sandbox."""
    builds: Builds | None = None
    """The lines of heavy commands, shared by all sandboxes that are given the same; None: nobody waits."""
    allow_ptrace: bool = False
    start_timeout: float = 15.0

    @property
    def banner(self) -> str:
        """What everybody must be told where the border is not whole; "" where it is."""
        return BANNERS.get(self.tier, "")

    @classmethod
    def from_host(cls) -> SandboxSettings:
        """The default, or no border at all where this host's environment says so."""
        return cls(tier="off" if os.environ.get(UNSAFE) == "1" else "bwrap")


ChangeKind: TypeAlias = Literal["added", "modified", "deleted"]


class FileChange(Struct, frozen=True):
    """A path of the worktree that differs from a commit."""

    path: str
    kind: ChangeKind


class TreeReply(Struct, frozen=True):
    """A tree built inside; its pack is fetched with ``Executor.pack``. ``skipped`` is for people.

    ``first`` are the pack's first bytes: all of a small one. ``plain``: files have other content, no more.
    """

    tree: str
    pack_size: int
    skipped: tuple[str, ...] = ()
    first: bytes = b""
    plain: bool = False
