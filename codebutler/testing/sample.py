"""A small project with a real bug: what the demo works on, and a playground for trying things out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codebutler.errors import CodeButlerError, UsageError
from codebutler.testing.gitting import begin, plain_git, publish

_FILES = Path(__file__).resolve().parent / "sample_project"
_SUFFIX = ".txt"  # so that no tool takes the project's files for ours

TASK = "A parcel of exactly 2 kg is quoted at 7.90, but the price list says 5.40. Please fix it."

_HISTORY: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "What a parcel weighs",
        (
            ".gitignore",
            "parcelrate/__init__.py",
            "parcelrate/weights.py",
            "tests/__init__.py",
            "tests/test_weights.py",
        ),
    ),
    (
        "Price lists, bands found by bisection",
        ("parcelrate/tariff.py", "parcelrate/bands.py", "tests/test_bands.py"),
    ),
    ("Quotes with islands and insurance", ("parcelrate/quote.py", "README.md", "CHANGES.md", "AGENTS.md")),
    ("Test the quotes; the shop says that 2 kg parcels cost too much", ("tests/test_quote.py",)),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A checkout on ``main``, its bare remote, and what to ask for."""

    repo: Path
    remote: Path
    task: str = TASK


def make_sample(folder: Path) -> Sample:
    """Make ``folder/parcelrate`` and ``folder/remote.git``. Commits are the same on every machine.

    Raises UsageError when ``folder`` has anything in it, CodeButlerError when git or the disk fails.
    """
    folder = folder.absolute()
    repo, remote = folder / "parcelrate", folder / "remote.git"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty", fix="Name a new folder for the sample.")
        begin(repo, remote)
        for number, (message, paths) in enumerate(_HISTORY):
            _commit(repo, message, paths, day=number + 1)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{folder} is not a folder", fix="Name a new folder for the sample.") from error
    except OSError as error:
        raise CodeButlerError(f"the sample cannot be made in {folder}: {error.strerror}") from error
    publish(repo, remote)
    return Sample(repo, remote)


def _commit(repo: Path, message: str, paths: Sequence[str], *, day: int) -> None:
    for path in paths:
        target = repo / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_FILES / f"{path.removeprefix('.')}{_SUFFIX}", target)
    plain_git(repo, "add", "--", *paths)
    plain_git(repo, "commit", "--quiet", "--message", message, day=day)
