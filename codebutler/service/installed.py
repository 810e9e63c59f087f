"""Services of this user: installed, taken away, looked at. One for each repo, or one for several of them.

``<home>/services/NAME.json`` says what was installed, ``NAME.env`` beside it holds the service's environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from codebutler.config import make_home
from codebutler.errors import CodeButlerError, UsageError
from codebutler.service import envfile
from codebutler.service.app import Place
from codebutler.service.applock import slack_app
from codebutler.service.managers import Manager
from codebutler.service.unit import Service, edited, name_of

FOLDER = "services"
MARGIN = 20
"""Seconds beyond ``threads.stopSeconds`` that a service has for its end: the last messages go out."""


class Record(Struct, frozen=True):
    """What was installed. ``app`` is the Slack app whose events it gets, "" for none."""

    name: str
    repos: Sequence[str]
    file: str
    app: str = ""

    @property
    def gone(self) -> list[str]:
        """Repos that are no longer where they were."""
        return [repo for repo in self.repos if not Path(repo).is_dir()]


@dataclass
class Outcome:
    """What installing did: ``changed`` is False when all was as it should be; ``notes`` are for people."""

    record: Record
    changed: bool
    notes: list[str] = field(default_factory=list)


def records(home: Path) -> list[Record]:
    """All services of this home, by name."""
    return list(_records(home))


def _records(home: Path) -> Iterator[Record]:
    for path in sorted((home / FOLDER).glob("*.json")):
        try:
            yield Record(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise CodeButlerError(
                f"{path} cannot be read: {error}", fix=f"Delete it, and install {path.stem} again."
            ) from error


def record_of(home: Path, root: Path) -> Record | None:
    """The service that serves the repo at ``root``."""
    return next((record for record in records(home) if str(root) in record.repos), None)


def env_file_of(home: Path, name: str) -> Path:
    """Where the environment of a service is."""
    return home / FOLDER / f"{name}.env"


def program() -> Path:
    """The console script of this installation."""
    beside = Path(sys.executable).with_name("codebutler")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("codebutler")
    if found is None:
        raise CodeButlerError(
            "the program codebutler is not on PATH", fix="Install it with pip, in a place that stays."
        )
    return Path(found).absolute()


async def install(
    places: Sequence[Place], manager: Manager, env: Mapping[str, str], *, force: bool
) -> Outcome:
    """Write the service's files, start it, and see that it is up. A file that a person changed stays,
    unless ``force``; a service that is as it should be is not started again.
    """
    await manager.check()
    first = places[0]
    record = _record(places, manager)
    _refuse_double(first.home, record)
    service, notes, same_env = _prepared(places, record, env)
    text, file = await manager.text(service), Path(record.file)
    there = _text(file)
    keeps = bool(there) and there != text and edited(there) and not force
    if keeps:
        notes.append(f"kept {file}: it was changed by hand. --force writes it anew")
    elif there != text:
        _write(file, text)
    _write(first.home / FOLDER / f"{record.name}.json", _json(record))
    state = await manager.state(record.name)
    if same_env and (keeps or there == text) and state.running and state.at_login:
        return Outcome(record, changed=False, notes=notes)
    await manager.start(record.name)
    notes += await manager.hints()
    notes += [f"{each.name} serves {each.gone[0]}, which is gone: codebutler service uninstall {each.name}"
              for each in records(first.home) if each.gone]  # fmt: skip
    return Outcome(record, changed=True, notes=notes)


def _record(places: Sequence[Place], manager: Manager) -> Record:
    name = name_of(places[0].repo.root)
    return Record(
        name, [str(p.repo.root) for p in places], str(manager.file(name)), slack_app(places[0].config)
    )


def _refuse_double(home: Path, record: Record) -> None:
    """UsageError when two services would run the same repo, or share one Slack app's events."""
    for other in records(home):
        if other.name == record.name:
            continue
        for repo in record.repos:
            if repo in other.repos:
                raise UsageError(
                    f"{repo} is served by {other.name} already",
                    fix=f"Take that one away first: codebutler service uninstall {other.name}",
                )
        if record.app and other.app == record.app:
            repos = " ".join(f"--repo {repo}" for repo in (*other.repos, *record.repos))
            raise UsageError(
                f"{other.name} is connected to the same Slack app, which gives each event to one of the two",
                fix=f"Let one service serve both: codebutler service install {repos}"
                " (or give this repo an app of its own).",
            )


def _prepared(
    places: Sequence[Place], record: Record, env: Mapping[str, str]
) -> tuple[Service, list[str], bool]:
    """The service with its folders and environment made, notes, and whether its environment was so before."""
    home = places[0].home
    make_home(home)
    file = env_file_of(home, record.name)
    before = envfile.read(file) if file.exists() else None
    found, notes = envfile.taken(places[0].config, env)
    variables = {**(before or {}), **found}
    if variables != before:
        envfile.write(file, variables)
    logs = home / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    service = Service(
        name=record.name,
        repos=[p.repo.root for p in places],
        program=program(),
        home=home,
        env_file=file,
        errors=logs / f"{record.name}.err",
        path=_path(env),
        stop=round(places[0].config.threads.stop_seconds) + MARGIN,
    )
    return service, notes, variables == before


def _path(env: Mapping[str, str]) -> str:
    """Where programs are: what this shell knows, as long as it is a place on its own."""
    parts = dict.fromkeys(p for p in env.get("PATH", os.defpath).split(":") if p.startswith("/"))
    return ":".join(parts)


async def uninstall(home: Path, record: Record, manager: Manager) -> list[str]:
    """Stop the service and take its file away. Returns what stays: threads, logs, environment."""
    await manager.stop(record.name)
    for file in (Path(record.file), home / FOLDER / f"{record.name}.json"):
        await asyncio.to_thread(file.unlink, missing_ok=True)
    await manager.forget(record.name)
    return await asyncio.to_thread(_left, home, record)


def _left(home: Path, record: Record) -> list[str]:
    kept = [env_file_of(home, record.name), home / "logs", *(Path(r) / ".codebutler" for r in record.repos)]
    return [str(path) for path in kept if path.exists()]


def forget_variables(home: Path, names: Sequence[str]) -> list[str]:
    """Take variables out of the services' own environments, since the configuration has them now.

    Returns the services that had one.
    """
    changed = []
    for path in sorted((home / FOLDER).glob("*.env")):
        before = envfile.read(path)
        left = {name: value for name, value in before.items() if name not in names}
        if left != before:
            envfile.write(path, left)
            changed.append(path.stem)
    return changed


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CodeButlerError(
            f"{file} cannot be read: {error.strerror}", fix="Check its owner and mode."
        ) from error


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}.new")
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        raise CodeButlerError(
            f"{file} cannot be written: {error.strerror}", fix="Check owner, mode and space."
        ) from error


def _json(record: Record) -> str:
    words = {"name": record.name, "repos": list(record.repos), "file": record.file, "app": record.app}
    return json.dumps(words, indent=2) + "\n"
