"""What the doctor asks this machine: programs, folders, space, store files."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import sqlite3
import sys
from pathlib import Path

from codebutler.errors import CodeButlerError
from codebutler.repo.process import environment, run
from codebutler.sandbox import host
from codebutler.service.doctor_check import Check, note, ok, problem

LEAST_PYTHON = (3, 11)
LEAST_GIT = (2, 38)
MIB = 1024 * 1024
LITTLE, TOO_LITTLE = 2048 * MIB, 200 * MIB
"""Free bytes below which the doctor warns, and below which work will fail."""


def python() -> Check:
    """The interpreter, and the system it runs on."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < LEAST_PYTHON:
        return problem("python", f"{version} is too old", "Use Python 3.11 or newer")
    if sys.platform != "linux":
        return note("python", f"{version} on {sys.platform}: the sandbox needs Linux")
    return ok("python", f"{version} ({sys.executable})")


async def git() -> Check:
    """The git on PATH."""
    try:
        said = (await run(("--version",), environment())).out.decode(errors="replace").strip()
    except CodeButlerError as error:
        return problem("git", error.message, error.fix)
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < LEAST_GIT:
        return problem("git", f"{said or 'it says no version'} is too old", "Install git 2.38 or newer")
    return ok("git", said.removeprefix("git version "))


def ripgrep() -> Check:
    """The rg that grep and glob use."""
    try:
        return ok("ripgrep", str(host.ripgrep()))
    except CodeButlerError as error:
        return problem("ripgrep", error.message, error.fix)


def folder(home: Path) -> Check:
    """The global folder: absent, or the user's alone."""
    elsewhere = "Set CODEBUTLER_HOME (or --home) to a folder that you can write"
    there = _nearest(home)
    if not there.is_dir():
        return problem("home", f"{there} is not a folder", elsewhere)
    if not os.access(there, os.W_OK | os.X_OK):
        sealed = os.statvfs(there).f_flag & os.ST_RDONLY
        why = "its disk is read-only" if sealed else f"it belongs to {_owner(there)}"
        return problem("home", f"{there} cannot be written: {why}", elsewhere)
    if there != home:
        return ok("home", f"{home} (made on first use)")
    if home.stat().st_mode & 0o022:
        return problem("home", f"{home} can be written by others", f"Run: chmod 700 {home}")
    return ok("home", str(home))


def _nearest(place: Path) -> Path:
    """The place itself, or the nearest folder above it that this user can see."""
    return next((p for p in (place, *place.parents) if os.access(p, os.F_OK)), Path("/"))


def _owner(path: Path) -> str:
    """Who a file belongs to: name and number."""
    uid = path.stat().st_uid
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"


def disk(*places: Path) -> list[Check]:
    """Free space where threads and stores are written, each file system once."""
    checks: dict[int, Check] = {}
    for place in places:
        there = _nearest(place)
        free = shutil.disk_usage(there).free
        text = f"{free // MIB} MB free at {there}"
        if free < TOO_LITTLE:
            check = problem("disk", text, "Free some space: a thread needs a copy of the repo")
        else:
            check = note("disk", text) if free < LITTLE else ok("disk", text)
        checks.setdefault(there.stat().st_dev, check)
    return list(checks.values())


def store(path: Path, area: str, rescue: str = "") -> Check:
    """Whether a store's file may be written by this user, and is whole. ``rescue``: how it comes back."""
    if (closed := _closed(path)) is not None:
        me = os.geteuid()
        if os.statvfs(closed).f_flag & os.ST_RDONLY:
            way = "Mount it writable; meanwhile codebutler backup DIR and export read a copy of it"
            return problem(area, f"{closed} is on a read-only disk", way)
        if closed.stat().st_uid == me:
            return problem(area, f"{closed} is yours, but closed to you", f"Run: chmod u+rwX {closed}")
        fix = f"Run codebutler as that user, or in a clone of your own; leave {path.name} where it is"
        return problem(area, f"{closed} belongs to {_owner(closed)}; you (uid {me}) cannot write it", fix)
    if not path.exists():
        return ok(area, "none yet")
    fix = rescue or f"Stop codebutler, move {path} away and keep it; a new one is made on the next start"
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        finally:
            connection.close()
    except sqlite3.Error as error:
        return problem(area, f"{path} cannot be read: {error}", fix)
    if verdict != "ok":
        return problem(area, f"{path} is damaged: {str(verdict).splitlines()[0]}", fix)
    if tables and "_sqlite_migrations" not in tables:
        return problem(area, f"{path} is a database of another program", fix)
    return ok(area, f"{path}, {path.stat().st_size // 1024} KB")


def _closed(path: Path) -> Path | None:
    """What keeps this user from using a store at ``path``: the file, or the nearest folder there is."""
    if os.access(path, os.F_OK) and not os.access(path, os.R_OK | os.W_OK):
        return path
    there = _nearest(path.parent)
    return None if os.access(there, os.R_OK | os.W_OK | os.X_OK) else there
