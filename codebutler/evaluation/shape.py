"""The file of an eval: a repo, a task, the person's part, limits, oracles, and runs that prove the oracles.

docs/evaluating.md explains the format to users; the classes below and in ``oracles`` are its definition.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from codebutler.evaluation.base import Files, RepoPath, Strict
from codebutler.evaluation.kinds import AnyOracle
from codebutler.testing.scenario import Call, Script, Wanted


class Repeated(Strict):
    """A long file: ``head``, then ``line`` ``count`` times with ``{n}`` as its number, then ``tail``."""

    path: RepoPath
    head: str = ""
    line: str
    count: int = Field(ge=1, le=200_000)
    tail: str = ""

    def text(self) -> str:
        """What the file holds."""
        lines = (self.line.replace("{n}", str(n)) for n in range(1, self.count + 1))
        return "".join([self.head, *lines, self.tail])


class Commit(Strict):
    """One commit more, on top of the first."""

    message: str
    files: Files = {}
    remove: list[RepoPath] = []


class Ground(Strict):
    """The repo as the thread finds it. Beside an eval's file, a folder ``repo`` may hold files of it, too."""

    files: Files = {}
    repeated: list[Repeated] = []
    commits: list[Commit] = []


class Answer(Strict):
    """What the person says to a question in which ``match`` occurs; without it, to any."""

    match: Wanted = ""
    say: str = Field(min_length=1)


class Person(Strict):
    """The person's part. A question that none of ``answers`` fits ends the run as it is."""

    approves: bool = True
    answers: list[Answer] = []


class Limits(Strict):
    """What one run may take. ``turns`` are replies of models, ``tokens`` in and out together.

    ``usd`` that a file states is the run's cap as it stands. Unless stated, room for the worst case of one
    call of the models comes on top: it is held back before each call, and would else leave nothing to spend.
    """

    usd: float = Field(default=0.5, gt=0, le=100)
    turns: int = Field(default=80, ge=1)
    tokens: int = Field(default=2_000_000, ge=1_000)
    seconds: float = Field(default=900, gt=0, le=7200)

    @property
    def is_own_usd(self) -> bool:
        """Whether the file states ``usd``."""
        return "usd" in self.model_fields_set


class Run(Strict):
    """A scripted run that shows what the oracles find; ``fails`` are the names of those that must fail.

    The short form: the PM ``asks``, then ``says`` something or proposes a ``plan`` of these files, then the
    Coder does ``work``. ``scripts`` are for what it cannot say.
    """

    name: str
    fails: list[str] = []
    asks: str = ""
    says: str = ""
    plan: list[RepoPath] | None = None
    work: list[Call] = []
    scripts: list[Script] = []

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not (self.asks or self.says or self.plan is not None or self.scripts):
            raise ValueError("does nothing; give it asks, says, plan or scripts")
        if self.work and self.plan is None:
            raise ValueError("has work but no plan: nobody would approve it")
        return self


class Evaluation(Strict):
    """A whole eval."""

    name: str = ""
    about: str = Field(min_length=1)
    """What it tests, in one line."""
    task: str = Field(min_length=1)
    repo: Ground = Ground()
    person: Person = Person()
    limits: Limits = Limits()
    oracles: list[AnyOracle] = Field(min_length=1)
    runs: list[Run] = []

    @model_validator(mode="after")
    def _names_are_clear(self) -> Self:
        names = [oracle.label for oracle in self.oracles]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"oracles share the name {twice[0]!r}: give each a name of its own")
        for run in self.runs:
            unknown = sorted(set(run.fails) - set(names))
            if unknown:
                raise ValueError(
                    f"run {run.name!r} names no oracle: {unknown[0]!r}; there are {', '.join(names)}"
                )
        return self
