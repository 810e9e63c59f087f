"""One repository of the twin: its git, issues, pull requests, comments, checks and rules."""

from __future__ import annotations

import itertools
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from codebutler.errors import CodeButlerError
from codebutler.types import Json

if TYPE_CHECKING:
    from codebutler.testing.github.hub import Hub, Permission

_ENV = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
    "GIT_AUTHOR_NAME": "twin", "GIT_AUTHOR_EMAIL": "twin@github.invalid",
    "GIT_COMMITTER_NAME": "GitHub", "GIT_COMMITTER_EMAIL": "noreply@github.invalid",
}  # fmt: skip
_HOOK = """#!/bin/sh
# Branches in the file `protected` take no push: changes come by pull request.
name=${1#refs/heads/}
if grep -qxF -- "$name" "$GIT_DIR/protected" 2>/dev/null; then
    echo "error: GH006: Protected branch update failed for $1." >&2
    echo "error: Changes must be made through a pull request." >&2
    exit 1
fi
"""


@dataclass
class Rules:
    """What a base branch asks of a merge."""

    checks: tuple[str, ...] = ()
    approvals: int = 0
    queue: bool = False


@dataclass
class Project:
    """Issues and pulls share numbers; both stand in ``issues``, a pull request also in ``pulls``."""

    hub: Hub
    owner: str
    name: str
    path: Path
    id: int
    private: bool = False
    default_branch: str = "main"
    fork: bool = False
    archived: bool = False
    squash_allowed: bool = True
    delete_on_merge: bool = False
    collaborators: dict[str, Permission] = field(default_factory=dict)
    labels: dict[str, Json] = field(default_factory=dict)
    issues: dict[int, Json] = field(default_factory=dict)
    pulls: dict[int, Json] = field(default_factory=dict)
    comments: dict[int, Json] = field(default_factory=dict)
    review_comments: dict[int, Json] = field(default_factory=dict)
    reviews: dict[int, Json] = field(default_factory=dict)
    resolved: set[int] = field(default_factory=set)
    """First comments of review threads that are resolved."""
    statuses: dict[str, list[Json]] = field(default_factory=dict)
    check_runs: dict[int, Json] = field(default_factory=dict)
    logs: dict[int, str] = field(default_factory=dict)
    """Text of a job's log, by the job's id, which is the check run's."""
    events: list[Json] = field(default_factory=list)
    """What happened to issues, newest last."""
    reactions: list[Json] = field(default_factory=list)
    rules: dict[str, Rules] = field(default_factory=dict)
    queue: list[int] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return f"{self.owner}/{self.name}"

    @property
    def api(self) -> str:
        """Where its calls are."""
        return f"{self.hub.url}/repos/{self.full_name}"

    @property
    def web(self) -> str:
        """Where people see it, and git clones it (with ``.git``)."""
        return f"{self.hub.url}/{self.full_name}"

    @property
    def clone_url(self) -> str:
        """What a checkout's remote is."""
        return f"{self.web}.git"

    def prepare(self) -> None:
        """Make the bare repository if it is not there, and its hook."""
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            command = [
                "git",
                "init",
                "-q",
                "--bare",
                f"--initial-branch={self.default_branch}",
                str(self.path),
            ]
            subprocess.run(command, check=True, env={**os.environ, **_ENV})
        hook = self.path / "hooks" / "update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_HOOK)
        hook.chmod(0o755)
        self.git("config", "http.receivepack", "true")
        self.git("config", "receive.denyDeleteCurrent", "ignore")

    def git(self, *words: str, stdin: str = "", ok: tuple[int, ...] = (0,)) -> str:
        """Git's answer in the bare repository. CodeButlerError when it fails otherwise than in ``ok``."""
        command = ["git", "-c", "safe.directory=*", "--git-dir", str(self.path), *words]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, env={**os.environ, **_ENV}
        )
        if done.returncode not in ok:
            raise CodeButlerError(f"git {words[0]} failed in {self.path}: {done.stderr.strip()}")
        return done.stdout.strip()

    def write(self, branch: str, path: str, text: str, *, who: str = "twin") -> None:
        """Commit a file to a branch, as the page's editor does."""
        data = text.encode()
        order = (
            f"commit refs/heads/{branch}\ncommitter {who} <{who}@github.invalid> now\ndata 6\nedited\n"
            f"from refs/heads/{branch}^0\nM 100644 inline {path}\ndata {len(data)}\n{text}\n"
        )
        self.git("fast-import", "--quiet", "--date-format=now", stdin=order)

    def protect(self, branch: str, rules: Rules | None = None) -> None:
        """No push to ``branch`` any more, and ``rules`` for merges into it."""
        self.rules[branch] = rules or Rules()
        (self.path / "protected").write_text("".join(f"{name}\n" for name in self.rules))

    def heads(self) -> dict[str, str]:
        """The tip of every branch."""
        out = self.git("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads")
        return {name: sha for sha, _, name in (line.partition(" ") for line in out.splitlines())}

    def new_number(self) -> int:
        """Of the next issue or pull request."""
        return next(self._numbers)

    def look(self) -> None:
        """Bring pull requests up to date with the branches; one whose branch is gone is closed."""
        heads = self.heads()
        for pull in self.pulls.values():
            if pull["state"] != "open":
                continue
            head = heads.get(pull["head"]["ref"]) if not pull["head"]["fork"] else pull["head"]["sha"]
            if head is None:
                pull["state"], pull["closed_at"] = "closed", self.hub.stamp()
                continue
            pull["base"]["sha"] = heads.get(pull["base"]["ref"], pull["base"]["sha"])
            if head != pull["head"]["sha"]:
                pull["head"]["sha"], pull["updated_at"] = head, self.hub.stamp()
                self.git("update-ref", f"refs/pull/{pull['number']}/head", head)
