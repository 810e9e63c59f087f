"""``codebutler serve``: the daemon. Runs the turns of one repo, or of several, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from codebutler import logs
from codebutler.cli.stopping import on_stop
from codebutler.config import Config, home_folder, load_config
from codebutler.redact import Redactor
from codebutler.service import envfile
from codebutler.service.crew import Crew
from codebutler.service.notify import Supervisor
from codebutler.settings import borrowed

HELP = "Run the threads of a repo, or of several, until stopped."


def configure(parser: argparse.ArgumentParser) -> None:
    """Where, and how it speaks."""
    parser.add_argument(
        "--repo", type=Path, action="append", metavar="DIR",
        help="the repo (default: serve.repos, else here); again for more of them",
    )  # fmt: skip
    parser.add_argument("--home", type=Path, metavar="DIR", help="CODEBUTLER_HOME")
    parser.add_argument(
        "--env-file", type=Path, metavar="FILE", help="variables from a file, NAME=VALUE a line"
    )
    parser.add_argument("--log-json", action="store_true", help="the log as JSON lines")


def run(args: argparse.Namespace) -> int:
    """Exit 0 after SIGINT or SIGTERM; a second one ends at once. Exit 1 when the store is lost."""
    if args.env_file:
        os.environ.update(envfile.read(args.env_file))
    try:
        return asyncio.run(_run(args))
    finally:
        logs.close()


async def _run(args: argparse.Namespace) -> int:
    told = asyncio.Event()
    on_stop(told.set)
    home = args.home.resolve() if args.home else home_folder()
    config = load_config(None, home=home, repo_text="")
    repos = repos_of(args.repo, config)
    as_json = args.log_json or config.serve.log_json
    logs.console(
        Redactor([*config.secrets(), *borrowed.secrets(os.environ)]),
        json_lines=as_json,
        repos=len(repos) > 1,
        journal="JOURNAL_STREAM" in os.environ,
    )
    supervisor = Supervisor(os.environ)

    def say(words: str) -> None:
        supervisor.ready(words)
        if as_json:
            logs.say("INF", words)
        else:
            print(words, flush=True)

    crew = Crew(repos, config, told, say, log_json=args.log_json or None)
    beating = asyncio.create_task(supervisor.beat())
    telling = asyncio.create_task(_tell(crew, told, supervisor, f"serves {', '.join(map(str, repos))}"))
    try:
        await crew.run()
    finally:
        for task in (beating, telling):
            task.cancel()
        await asyncio.gather(beating, telling, return_exceptions=True)
    return 0


async def _tell(crew: Crew, told: asyncio.Event, supervisor: Supervisor, status: str) -> None:
    """Up when every repo had a try, whatever came of it: one that is broken is tried again."""
    await crew.settled()
    supervisor.ready(status)
    await told.wait()
    supervisor.stopping()


def repos_of(named: list[Path] | None, config: Config) -> list[Path]:
    """The folders that are meant: those named, else the host's ``serve.repos``, else here."""
    listed = [Path(repo).expanduser() for repo in config.serve.repos]
    return list(dict.fromkeys(path.resolve() for path in named or listed or [Path()]))
