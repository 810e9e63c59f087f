"""Finds evals and reads them: shipped ones by name, a person's own by path."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from codebutler import assets
from codebutler.errors import ConfigError, UsageError
from codebutler.evaluation.kinds import KINDS
from codebutler.evaluation.shape import Answer, Commit, Evaluation, Ground, Limits, Person, Repeated, Run
from codebutler.testing.scenario import Call, Script, Step, explain
from codebutler.types import Json

FILE = "eval.toml"
RUNS = "runs.toml"
FOLDER = "repo"
_FIX = "See docs/evaluating.md."
_MOST_FILES = 2_000
_KEYS: dict[str, type[BaseModel]] = {
    "": Evaluation, "repo": Ground, "repeated": Repeated, "commits": Commit, "person": Person,
    "answers": Answer, "limits": Limits, "runs": Run, "work": Call, "scripts": Script, "steps": Step,
    "calls": Call, **KINDS,
}  # fmt: skip


class Loaded(Struct, frozen=True):
    """An eval, and the files of its folder ``repo``, by path."""

    evaluation: Evaluation
    files: dict[str, bytes]

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.evaluation.name


def shipped() -> list[str]:
    """The names of the evals that come with CodeButler."""
    return sorted(path.parent.name for path in assets.folder("evals").glob(f"*/{FILE}"))


def load_all(sources: Sequence[str]) -> list[Loaded]:
    """The evals that are named, each once; ``all`` are those shipped. UsageError when two share a name."""
    names = [name for source in sources for name in (shipped() if source == "all" else [source])]
    found = [load(name) for name in dict.fromkeys(names)]
    for number, each in enumerate(found):
        if each.name in {other.name for other in found[:number]}:
            raise UsageError(f"two evals are called {each.name!r}", fix="Give one of them another name.")
    return found


def load(source: str) -> Loaded:
    """A shipped eval by name, a TOML file, or a folder with ``eval.toml``. Errors name place and fix."""
    path = Path(source)
    if source in shipped() and not path.exists():
        path = assets.folder("evals") / source
    folder = path if path.is_dir() else None
    file = path / FILE if folder else path
    raw = _toml(file, source)
    if folder is not None and (folder / RUNS).is_file():
        raw["runs"] = [*raw.get("runs", []), *_toml(folder / RUNS, str(folder / RUNS)).get("runs", [])]
    default = folder.resolve().name if folder else file.stem
    loaded = Loaded(_parsed({**raw, "name": raw.get("name") or default}, file), {})
    return replace(loaded, files=_files(folder / FOLDER)) if folder is not None else loaded


def parse(text: str, *, name: str = "eval") -> Loaded:
    """The eval in ``text``."""
    return Loaded(_parsed({"name": name, **_table(text, name)}, Path(name)), {})


def _toml(file: Path, source: str) -> Json:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        known = ", ".join(shipped())
        raise UsageError(
            f"eval {source}: cannot be read: {reason}",
            fix=f"Give a .toml file, a folder with {FILE}, or one of: {known}.",
        ) from error
    return _table(text, str(file))


def _table(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"eval {name}: is not TOML: {error}", fix="Mend the file there.") from error


def _parsed(raw: Json, file: Path) -> Evaluation:
    try:
        return Evaluation.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"eval {file}: {explain(error, _KEYS)}", fix=_FIX) from error


def _files(folder: Path) -> dict[str, bytes]:
    """The regular files below ``folder``; a repo's own git folder is left out."""
    if not folder.is_dir():
        return {}
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        if path.is_symlink() or not path.is_file() or ".git" in below.parts:
            continue
        if len(found) == _MOST_FILES:
            raise UsageError(
                f"{folder} has more than {_MOST_FILES} files", fix="Make the eval's repo smaller."
            )
        found[below.as_posix()] = path.read_bytes()
    return found
