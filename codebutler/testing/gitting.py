"""Git for repos that tests and evals work on: without the person's configuration, hooks and signing keys."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from codebutler.errors import CodeButlerError

_WHO = ("Robin Sample", "robin@parcelrate.example")


def plain_git(folder: Path, *arguments: str, day: int = 1) -> None:
    """Run git in ``folder``; a commit is of that day of March 2025, the same on every machine.

    Raises CodeButlerError when git is missing, fails, or takes over a minute.
    """
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {
            f"GIT_{who}_NAME": _WHO[0],
            f"GIT_{who}_EMAIL": _WHO[1],
            f"GIT_{who}_DATE": f"2025-03-{day:02d}T09:00:00+00:00",
        }
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except FileNotFoundError as error:
        raise CodeButlerError("git was not found", fix="Install git.") from error
    except subprocess.TimeoutExpired as error:
        raise CodeButlerError(f"git {arguments[0]} took longer than a minute in {folder}") from error
    if done.returncode:
        raise CodeButlerError(f"git {arguments[0]} failed in {folder}: {done.stderr.strip()}")


def begin(repo: Path, remote: Path) -> None:
    """An empty checkout on ``main`` and an empty bare remote, in the same folder."""
    for words in (("--bare", "--initial-branch=main", str(remote)), ("--initial-branch=main", str(repo))):
        plain_git(repo.parent, "init", "--quiet", *words)


def publish(repo: Path, remote: Path) -> None:
    """Push ``main`` to the remote, which is ``origin`` from now on."""
    plain_git(repo, "remote", "add", "origin", str(remote))
    plain_git(repo, "push", "--quiet", "--set-upstream", "origin", "main")
    plain_git(repo, "remote", "set-head", "origin", "main")
