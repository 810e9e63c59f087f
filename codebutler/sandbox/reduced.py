"""From a job to the reduced border's launch: what landlock.py is told, and the folder that goes with it."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from msgspec import Struct

from codebutler.errors import NoSandbox
from codebutler.sandbox import facade, host, landlock, seccomp
from codebutler.sandbox.border import configuration
from codebutler.sandbox.inside import CONSTANTS, ETC, GITCONFIG, OFFLINE
from codebutler.sandbox.job import BOX, Job
from codebutler.temporary import Room, collect

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/sys/devices/system/cpu")
_PROC = ("cpuinfo", "meminfo", "stat", "loadavg", "uptime", "version", "filesystems", "sys")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_TASKS = 512
_OWN = ("home", "tmp", "state")
"""Folders of the scratch that commands may write."""


class Plan(Struct, frozen=True):
    """What to start, and the folder that goes at its end."""

    argv: list[str]
    room: Room


def plan(job: Job) -> Plan:
    """The launch. Raises NoSandbox for a job that this border cannot hold."""
    _refuse(job)
    collect(BOX, job.settings.uid)
    room = Room.make(BOX)
    try:
        return _plan(job, room)
    except BaseException:
        room.remove()
        raise


def _plan(job: Job, room: Room) -> Plan:
    uid = job.settings.uid if os.geteuid() == 0 else None
    scratch = room.path
    shown = _furnish(job, scratch)
    python, prefix = host.interpreter() if uid is None else host.shared_interpreter()
    tools, rg = host.program(job.settings.tools), host.ripgrep()
    visible = host.toolchains() + host.shown(job.settings.show)
    parser = host.pdf_parser()
    rules = [
        *((str(each), "see") for each in (*_SYSTEM, *visible, *([prefix] if prefix else ()), tools, rg)),
        *((str(each), "read") for each in (*shown, *([parser] if parser else ()))),
        *((f"/etc/{each}", "read") for each in ETC),
        *((f"/proc/{each}", "read") for each in _PROC),
        *((f"/dev/{each}", "device") for each in _DEVICES),
        (str(scratch), "see"),
        *((str(scratch / each), "work") for each in _OWN),
        (str(job.root), "see" if job.read_only else "work"),
    ]
    if uid is not None:
        _give(scratch, uid)
    spec = {
        "uid": uid,
        "parent": os.getpid(),
        "root": str(job.root),
        "writes": not job.read_only,
        "needs": [str(each) for each in (job.root, scratch, python, tools, rg, *shown)],
        "rules": rules,
        "outer": [("/proc", "read")],
        "filter": base64.b64encode(
            seccomp.assembled(allow_ptrace=job.settings.allow_ptrace, namespaces=False)
        ).decode(),
        "tasks": _TASKS,
        "env": _environment(scratch, visible, python),
        "exec": [str(python), "-I", "-S", str(tools), json.dumps(_config(job, scratch, rg))],
    }
    return Plan([str(host.interpreter()[0]), "-I", "-S", landlock.__file__, json.dumps(spec)], room)


def _refuse(job: Job) -> None:
    if job.proxy is not None or job.settings.allow:
        raise NoSandbox(
            "the reduced border has no network, so sandbox.allow cannot be had with it",
            fix="Empty sandbox.allow, or set sandbox.tier to bwrap.",
        )
    if job.outfit.layers:
        raise NoSandbox(
            "the reduced border cannot lay dependencies over a folder",
            fix="Set sandbox.setup to false, or sandbox.tier to bwrap.",
        )
    own = [job.git.common] if job.git is not None else job.unbelieved()
    inside = next((each for each in own if each.is_relative_to(job.root)), None)
    if inside is not None:
        raise NoSandbox(
            f"the reduced border cannot protect a repository inside of the folder: {inside}",
            fix="Work in a linked worktree (git worktree add), or set sandbox.tier to bwrap.",
        )


def _furnish(job: Job, scratch: Path) -> list[Path]:
    """Fill the scratch; returns what of the repository must be readable."""
    for name in (*_OWN, "bin", "pdf"):
        (scratch / name).mkdir()
    (scratch / "gitconfig").write_text(GITCONFIG, encoding="utf-8")
    (scratch / "bin/rg").symlink_to(host.ripgrep())
    if (parser := host.pdf_parser()) is not None:
        (scratch / "pdf" / parser.name).symlink_to(parser)
    if job.git is None:
        return []
    shown = facade.build(job.git, scratch / "git")
    facade.wrap(job.root, scratch / "git", scratch / "bin/git")
    return shown


def _config(job: Job, scratch: Path, rg: Path) -> dict[str, Any]:
    told = configuration(job, str(scratch / "state"), str(rg), str(scratch / "pdf"))
    limits = {key: value for key, value in job.settings.limits.items() if key != "nproc"}
    gitdir = str(scratch / "git") if job.git else ""
    return {**told, "gitdir": gitdir, "limits": limits, "inner": landlock.INNER_FD}


def _environment(scratch: Path, visible: list[Path], python: Path) -> dict[str, str]:
    path = f"{scratch / 'bin'}:{host.search_path(visible)}:{python.parent}"
    own = {"PATH": path, "HOME": str(scratch / "home"), "TMPDIR": str(scratch / "tmp")}
    return {**CONSTANTS, **OFFLINE, **own, "GIT_CONFIG_SYSTEM": str(scratch / "gitconfig")}


def _give(scratch: Path, uid: int) -> None:
    """The scratch is ours, new, and holds nothing of anybody else's."""
    for folder, folders, files in os.walk(scratch):
        for name in (*folders, *files):
            os.chown(Path(folder, name), uid, uid, follow_symlinks=False)
    os.chown(scratch, uid, uid)
