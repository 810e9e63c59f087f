"""What a finished thread left behind: to compare a thread that was interrupted with one that was not."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from codebutler.testing.sample import Sample


@dataclass(frozen=True)
class Landed:
    """What a thread left behind, as far as it must be the same after any interruption."""

    files: dict[str, str]
    """The remote's main, path to blob, without the journal, which tells of the interruption."""
    branch: dict[str, str]
    """The same for the last commit of the thread's branch."""
    commits: Counter[str]
    """Subjects on main and of our own commits on the branch, without checkpoints."""
    pull_requests: list[tuple[str, str, str]]
    """Title, state, body with figures taken out."""
    messages: Counter[str]
    """Texts that were posted, with figures taken out."""
    outbox: set[str]
    """States in which posts are."""
    shown: list[str]
    """The terminal's lines of the last process, with figures and status cards taken out."""
    refs: set[str]
    folders: set[str]
    row: tuple[str, str, str, str]
    """Phase, status, branch and pull request, as lists of threads have them."""

    def unlike(self, other: Landed) -> dict[str, tuple[object, object]]:
        """The fields in which the two differ, each with this one's value and the other's."""
        mine, theirs = vars(self), vars(other)
        return {name: (mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]}


def landed(sample: Sample, store: Path, out: str) -> Landed:
    """What is there once the one thread of ``store`` is closed; ``out`` was printed by who closed it."""
    with a_look(store) as rows:
        requests = rows.execute("SELECT title, state, body, head FROM pull_request").fetchall()
        posts = rows.execute("SELECT body FROM event WHERE kind = 'posted'").fetchall()
        states = rows.execute("SELECT DISTINCT state FROM outbox WHERE slot = ''").fetchall()
        row = rows.execute("SELECT phase, status, branch, pr FROM thread").fetchone()
    head, place = requests[0][3], str(sample.repo.parent)
    ours = _git(sample.repo, "log", "--format=%s", f"main..{head}")
    return Landed(
        files=_tree("main", sample.remote),
        branch=_tree(head, sample.repo),
        commits=Counter(
            [
                *_git(sample.remote, "log", "--format=%s", "main"),
                *(subject for subject in ours if subject.startswith(("Remember", "Journal"))),
            ]
        ),
        pull_requests=[(title, state, shape(body)) for title, state, body, _ in requests],
        messages=Counter(shape(json.loads(body)["post"]["text"].replace(place, "")) for (body,) in posts),
        outbox={state for (state,) in states},
        shown=shown(store, out),
        refs={
            f"{where.name}:{shape(ref)}"
            for where in (sample.repo, sample.remote)
            for ref in _git(where, "for-each-ref", "--format=%(refname)")
        },
        folders={
            shape(str(path.relative_to(sample.repo)))
            for folder in (".codebutler", ".codebutler/branches", ".git", ".git/worktrees")
            for path in (sample.repo / folder).glob("*")
            if not path.name.startswith("store.db-")
        },
        row=row,
    )


@contextmanager
def a_look(store: Path) -> Iterator[sqlite3.Connection]:
    """A copy of a store's file: a look must not tidy up what a kill left."""
    with tempfile.TemporaryDirectory() as folder:
        for name in (store.name, f"{store.name}-wal"):
            if (file := store.with_name(name)).exists():
                shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / store.name)) as connection:
            yield connection


def _git(where: Path, *words: str) -> list[str]:
    done = subprocess.run(["git", "-C", str(where), *words], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _tree(commit: str, where: Path) -> dict[str, str]:
    rows = [line.split(None, 2)[2].split("\t") for line in _git(where, "ls-tree", "-r", commit)]
    return {path: "" if "/journals/" in path else blob for blob, path in rows}


def shape(text: str) -> str:
    """``text`` without what depends on time and money: figures, ids, the width of tables."""
    text = re.sub(r"[0-9a-f]{7,40}|\d+", "0", text)
    return re.sub(r"[ ─-]+", " ", text).strip()


def shown(store: Path, out: str) -> list[str]:
    """The lines of ``out``, a terminal's, that are messages of the thread: without status cards."""
    with a_look(store) as rows:
        cards = rows.execute("SELECT payload FROM outbox WHERE slot <> ''").fetchall()
    told = [json.loads(card) for (card,) in cards]
    hidden = {_line(str(each.get("data", {}).get("line") or each["text"])) for each in told}
    return [line for line in map(_line, out.splitlines()) if line and line not in hidden]


def _line(text: str) -> str:
    return shape(re.sub(r"[*`]", "", text))
