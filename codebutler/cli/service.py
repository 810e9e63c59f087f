"""``codebutler service``: the daemon as a service of this user, kept up by systemd or launchd."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from codebutler.cli.service_logs import show as show_logs
from codebutler.config import home_folder
from codebutler.errors import CodeButlerError, UsageError
from codebutler.repo.discover import find_repo
from codebutler.service import installed
from codebutler.service.app import Place, find_place
from codebutler.service.installed import Record
from codebutler.service.managers import Manager, State, manager
from codebutler.service.unit import edited, name_of

HELP = "Keep serving as a service of this user: install, uninstall, status, logs."
ACTIONS = ("install", "uninstall", "status", "logs")


def configure(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which service."""
    parser.add_argument("action", nargs="?", choices=ACTIONS, help="what to do (also as a flag)")
    parser.add_argument("name", nargs="?", default="", help="uninstall, status, logs: a service by its name")
    flags = parser.add_mutually_exclusive_group()
    for action in ACTIONS:
        flags.add_argument(
            f"--{action}", dest="flag", action="store_const", const=action, help=f"the same as {action}"
        )
    parser.add_argument(
        "--repo", type=Path, action="append", metavar="DIR", help="the repo (default: here); again for more"
    )
    parser.add_argument("--home", type=Path, metavar="DIR", help="CODEBUTLER_HOME")
    parser.add_argument("--force", action="store_true", help="install: also over a file changed by hand")
    parser.add_argument("--all", action="store_true", help="status: every service of this user")
    parser.add_argument("--json", action="store_true", help="status: JSON")
    parser.add_argument("--follow", "-f", action="store_true", help="logs: go on until Ctrl-C")
    parser.add_argument("--lines", "-n", type=int, default=50, metavar="N", help="logs: the last N (50)")


def run(args: argparse.Namespace) -> int:
    """Exit 0; status: 1 when a service does not run. Mistakes are CodeButlerErrors."""
    action = args.action or args.flag
    if action is None or (args.action and args.flag and args.action != args.flag):
        raise UsageError("say one of: " + ", ".join(ACTIONS), fix="For example: codebutler service install")
    args.home = args.home.resolve() if args.home else home_folder()
    work = {"install": _install, "uninstall": _uninstall, "status": _status, "logs": _logs}[action]
    return asyncio.run(work(args, manager()))


async def _install(args: argparse.Namespace, keeper: Manager) -> int:
    if args.name:
        raise UsageError(
            f"install takes no name ({args.name!r})", fix="codebutler service install --repo DIR"
        )
    places = [await find_place(path.resolve(), home=args.home) for path in args.repo or [Path()]]
    roots = [place.repo.root for place in places]
    if len(set(roots)) < len(roots):
        raise UsageError("a repo is named twice", fix="Name each --repo once.")
    done = await installed.install(places, keeper, os.environ, force=args.force)
    record = done.record
    print(f"{record.name} {'runs' if done.changed else 'ran already'} and serves {', '.join(record.repos)}.")
    for note in done.notes:
        print(f"  {note}")
    print(f"  file: {record.file}\n  see: codebutler service status, codebutler service logs -f")
    return 0


async def _uninstall(args: argparse.Namespace, keeper: Manager) -> int:
    record = await _record(args)
    kept = await installed.uninstall(args.home, record, keeper)
    print(f"{record.name} is gone. Kept: {', '.join(kept) or 'nothing'}")
    return 0


async def _status(args: argparse.Namespace, keeper: Manager) -> int:
    known = installed.records(args.home) if args.all else [await _record(args)]
    rows = [(record, await keeper.state(record.name)) for record in known]
    if args.json:
        found: list[dict[str, Any]] = [_as_json(record, state) for record, state in rows]
        print(json.dumps(found if args.all else found[0], ensure_ascii=False))
    for record, state in [] if args.json else rows:
        print("\n".join(_lines(record, state)))
    if args.all and not rows and not args.json:
        print("No service is installed.")
    return 0 if all(state.running for _, state in rows) else 1


def _as_json(record: Record, state: State) -> dict[str, Any]:
    return {
        "name": record.name, "repos": list(record.repos), "running": state.running, "state": state.state,
        "pid": state.pid, "atLogin": state.at_login, "restarts": state.restarts, "said": state.said,
        "file": record.file, "edited": _is_edited(record), "gone": record.gone,
    }  # fmt: skip


def _lines(record: Record, state: State) -> list[str]:
    process = f", process {state.pid}" if state.pid else ""
    lines = [f"{record.name}: {state.state}{process}"]
    serves = f"serves {', '.join(record.repos)}"
    lines += [f"  {state.said}"] if state.said and state.running and state.said != serves else []
    lines.append(f"  {serves}")
    lines += [f"  {repo} is gone: codebutler service uninstall {record.name}" for repo in record.gone]
    lines += [f"  started again {state.restarts} times"] if state.restarts else []
    lines += [] if state.at_login else ["  it is not started at login: codebutler service install"]
    lines.append(f"  file: {record.file}{' (changed by hand)' if _is_edited(record) else ''}")
    return lines


def _is_edited(record: Record) -> bool:
    file = Path(record.file)
    return file.is_file() and edited(file.read_text(encoding="utf-8", errors="replace"))


async def _logs(args: argparse.Namespace, _keeper: Manager) -> int:
    record = await _record(args)
    places = []
    for repo in record.repos:
        try:
            places.append(await find_place(Path(repo), home=args.home))
        except CodeButlerError as error:
            print(f"{repo}: {error}", file=sys.stderr)
    return await show_logs(record, args.home, _files(places), lines=args.lines, follow=args.follow)


def _files(places: list[Place]) -> list[Path]:
    from codebutler.service.app import log_file

    return [log_file(place) for place in places]


async def _record(args: argparse.Namespace) -> Record:
    """The service that is meant: by its name, or by the repo."""
    if args.name:
        found = next((r for r in installed.records(args.home) if r.name == args.name), None)
        problem = f"no service {args.name!r} is installed"
    else:
        root = (await find_repo((args.repo or [Path()])[0].resolve())).root
        found = installed.record_of(args.home, root)
        problem = f"no service is installed for {root} ({name_of(root)})"
    if found is None:
        raise UsageError(
            problem, fix="codebutler service install; codebutler service status --all lists them."
        )
    return found
