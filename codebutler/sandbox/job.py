"""One sandbox to be started: what it is to hold, before any border's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from codebutler.errors import NoSandbox
from codebutler.sandbox import sockets
from codebutler.sandbox.inside import REPOSITORY
from codebutler.sandbox.outfit import Outfit
from codebutler.sandbox.settings import SandboxSettings
from codebutler.sandbox.worktree import GitParts, existing, object_folders, unusable_git

BOX = "codebutler-box-"
"""How folders of the host begin that hold a sandbox's own files, where it has no mounts of its own."""


@dataclass(frozen=True, slots=True)
class Program:
    """What runs in place of the executor: its command line, and variables, which may be secrets."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


class Job(Struct, frozen=True):
    """One executor to be started on ``root``. ``git`` is the repository that the folder belongs to, ``proxy``
    the socket of the way out, ``outfit`` what it gets beside the folder; ``program`` runs in its place."""

    root: Path
    git: GitParts | None
    read_only: bool
    settings: SandboxSettings
    proxy: Path | None = None
    outfit: Outfit = Outfit()
    program: Program | None = None

    @property
    def scratch(self) -> bool:
        """Whether commands get a copy of the repository's records that they may write."""
        return self.settings.git_scratch and self.git is not None and not self.read_only

    def gitdir(self) -> Path | None:
        """Where the daemon's own git work finds GIT_DIR inside: never what commands can write."""
        if self.git is None or not self.scratch:
            return self.git.gitdir if self.git else None
        return REPOSITORY / self.git.gitdir.relative_to(self.git.common)

    def objects(self) -> list[Path]:
        """Where it finds objects inside."""
        found = object_folders(self.git.common, self.git.lenders) if self.git else []
        return [REPOSITORY / "objects", *found[1:]] if self.scratch else found

    @property
    def keeps_records(self) -> bool:
        """Whether the folder's ``.codebutler`` holds our store or other threads' worktrees."""
        own = self.root / ".codebutler"
        return bool(existing(own, ("branches",), "dir") or existing(own, ("store.db",), "file"))

    def unbelieved(self) -> list[Path]:
        """A ``.git`` in the folder that was not taken for its repository: not for the sandbox."""
        found = unusable_git(self.root) if self.git is None else None
        return [] if found is None else [found]

    def sockets(self) -> sockets.Sockets:
        """What of the host listens in the folder. NoSandbox if that cannot be known, nor be shut out."""
        covered = self.unbelieved()
        if self.git is not None and self.git.common.is_relative_to(self.root):
            covered.append(self.git.common)
        if self.keeps_records:
            covered.append(self.root / ".codebutler")
        found = sockets.below(self.root, covered)
        if found.unseen and self.proxy is not None:
            raise NoSandbox(
                f"{found.unseen[0]} cannot be looked into, so a socket of the host may be in there",
                fix="Open or delete that folder (chmod -R u+rwX), or empty sandbox.allow.",
            )
        return found
