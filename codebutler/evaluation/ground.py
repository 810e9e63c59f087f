"""The repo of one run: made from the eval's file, with a real bare remote beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from codebutler.errors import UsageError
from codebutler.evaluation.loading import Loaded
from codebutler.testing.gitting import begin, plain_git, publish

TEAM = ("prompts", "memory", "roles")
"""What of a ``.codebutler`` folder makes a team what it is."""


class Grounds(Struct, frozen=True):
    """A checkout on ``main``, its remote, and a folder for whatever a run needs."""

    folder: Path
    repo: Path
    remote: Path
    home: Path


def make(folder: Path, loaded: Loaded, team: Mapping[str, bytes]) -> Grounds:
    """Make the repo in ``folder``, which is there and empty. ``team`` are files of ``.codebutler``.

    Commits are the same on every machine. CodeButlerError when git fails.
    """
    grounds = Grounds(folder, folder / "repo", folder / "remote.git", folder / "home")
    begin(grounds.repo, grounds.remote)
    ground = loaded.evaluation.repo
    first = dict(loaded.files)
    first.update({f".codebutler/{path}": data for path, data in team.items()})
    first.update({each.path: each.text().encode() for each in ground.repeated})
    first.update({path: text.encode() for path, text in ground.files.items()})
    _commit(grounds.repo, "First commit", first, day=1)
    for number, commit in enumerate(ground.commits, 2):
        for path in commit.remove:
            plain_git(grounds.repo, "rm", "--quiet", "--", path)
        files = {path: text.encode() for path, text in commit.files.items()}
        _commit(grounds.repo, commit.message, files, day=min(number, 28))
    publish(grounds.repo, grounds.remote)
    return grounds


def _commit(repo: Path, message: str, files: Mapping[str, bytes], *, day: int) -> None:
    for path, data in files.items():
        target = repo / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    plain_git(repo, "add", "--all")
    plain_git(repo, "commit", "--quiet", "--allow-empty", "--message", message, day=day)


def read_team(folder: Path | None) -> dict[str, bytes]:
    """Prompts, memory and roles of a ``.codebutler`` folder, or of a repo with one. UsageError if none."""
    if folder is None:
        return {}
    inner = folder / ".codebutler" if (folder / ".codebutler").is_dir() else folder
    found = {
        path.relative_to(inner).as_posix(): path.read_bytes()
        for part in TEAM
        for path in sorted((inner / part).rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    if not found:
        what = f"{folder} has no prompts/, memory/ or roles/"
        raise UsageError(what, fix="Name a .codebutler folder, or a repo that has one.")
    return found
