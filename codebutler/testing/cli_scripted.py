"""``codebutler scripted SCENARIO``: the scripted model as a program."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from codebutler.errors import CodeButlerError, UsageError
from codebutler.testing.scenario import Scenario, load_scenario, shipped

HELP = "Serve a scripted model for tests and demos"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("scenario", help=f"a scenario file, or one of: {', '.join(shipped())}")
    parser.add_argument("--port", type=int, default=0, help="listen here (default: any free port)")
    parser.add_argument("--check", action="store_true", help="only check the file")


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted. 0 when every demand was met, 1 when one was not."""
    scenario = _scenario(args.scenario)
    if args.check:
        steps = sum(len(s.steps) for s in scenario.scripts)
        _say(f"{scenario.name}: {len(scenario.scripts)} scripts, {steps} steps, roles {_roles(scenario)}.")
        return 0
    try:
        return asyncio.run(_serve(scenario, args.port))
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot listen on port {args.port}: {error}", fix="Choose another --port."
        ) from error


def main(argv: Sequence[str] | None = None) -> int:
    """The program by itself. Prints a person's mistake as one line; exit code 2."""
    parser = argparse.ArgumentParser(prog="codebutler scripted", description=HELP)
    configure(parser)
    try:
        return run(parser.parse_args(argv))
    except CodeButlerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _scenario(source: str) -> Scenario:
    """A file that does not even claim to be one is not worth a parser's complaint."""
    if Path(source).is_file() and Path(source).suffix != ".toml":
        raise UsageError(
            f"{source} is no scenario", fix=f"Give a .toml file, or one of: {', '.join(shipped())}."
        )
    return load_scenario(source)


async def _serve(scenario: Scenario, port: int) -> int:
    from codebutler.testing.scripted import ScriptedModel

    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, done.set)
    async with ScriptedModel(scenario, port=port) as server:
        _say(f"{scenario.name}: listening on {server.url} (roles {_roles(scenario)}). Ctrl-C stops.")
        _say(f"Use it: OPENAI_BASE_URL={server.url} codebutler chat")
        await done.wait()
        for failure in server.failures:
            _say(f"FAILED {failure}")
        _say(f"{len(server.requests)} requests, {len(server.failures)} failures.")
        return 1 if server.failures else 0


def _roles(scenario: Scenario) -> str:
    return ", ".join(scenario.role_names())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
