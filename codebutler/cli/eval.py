"""``codebutler eval``: how models and prompts do at tasks whose end can be checked."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from codebutler.cli import stopping
from codebutler.config import home_folder, load_config, make_home
from codebutler.errors import UsageError

if TYPE_CHECKING:
    from codebutler.evaluation.loading import Loaded
    from codebutler.evaluation.results import Result
    from codebutler.evaluation.series import Choice, Order

HELP = "Run tasks with an end that can be checked against any model: pass, turns, tokens, cost, time."
ROLES = {
    role: "models.pm.default" if role == "pm" else f"models.{role}.model"
    for role in ("pm", "researcher", "coder", "lead", "artist")
}
"""The key of the configuration that holds each role's model."""


def configure(parser: argparse.ArgumentParser) -> None:
    """What to run, with whom, how often, for how much."""
    parser.add_argument(
        "evals", nargs="*", metavar="EVAL", help="a name, a file, a folder, or all; none: list"
    )
    parser.add_argument(
        "--model", action="append", default=[], metavar="ID", help="for every role; again: compare"
    )
    parser.add_argument(
        "--role-model", action="append", default=[], metavar="ROLE=ID", help="for one role, over --model"
    )
    parser.add_argument("--prompts", type=Path, metavar="DIR", help="a .codebutler folder: its team does it")
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="runs of each (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="runs at the same time (default: 2)")
    parser.add_argument("--usd", type=float, default=5.0, metavar="X", help="most of all runs (default: 5)")
    parser.add_argument("--yes", action="store_true", help="do not ask before money is spent")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--keep", action="store_true", help="leave repos and threads there to look at")
    parser.add_argument("--check", action="store_true", help="play the scripted runs: do the oracles work?")
    parser.add_argument("--home", type=Path, metavar="DIR", help="CODEBUTLER_HOME")


def run(args: argparse.Namespace) -> int:
    """Exit 0 all passed, 1 some failed or were not run, 2 usage, 4 no sandbox, 130 interrupted."""
    if not args.evals:
        return _list()
    for name, least in (("runs", 1), ("jobs", 1)):
        if getattr(args, name) < least:
            raise UsageError(f"--{name} must be at least {least}")
    if not 0 < args.usd < float("inf"):
        raise UsageError("--usd must be more than 0", fix="For example --usd 2")
    from codebutler.evaluation.loading import load_all

    loaded = load_all(args.evals)
    if args.check:
        return stopping.run(_check(loaded, args.jobs))
    return _evaluate(_order(args, loaded), args)


def _list() -> int:
    """What there is."""
    from codebutler.evaluation.loading import load_all

    for loaded in load_all(["all"]):
        print(f"{loaded.name:<22} {loaded.evaluation.about}")
    print("\nRun one: codebutler eval NAME; all of them: codebutler eval all; your own: a .toml file.")
    return 0


def _order(args: argparse.Namespace, loaded: list[Loaded]) -> Order:
    from codebutler.evaluation.ground import read_team
    from codebutler.evaluation.series import Order

    home = args.home.resolve() if args.home else home_folder()
    return Order(
        evals=loaded,
        choices=choices(args.model, _by_role(args.role_model)),
        home=home,
        runs=args.runs,
        jobs=args.jobs,
        usd=args.usd,
        keep=args.keep,
        team=read_team(args.prompts),
    )


def _by_role(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        role, _, model = (part.strip() for part in pair.partition("="))
        if role not in ROLES or not model:
            raise UsageError(f"--role-model {pair!r} is not ROLE=ID", fix=f"Roles are: {', '.join(ROLES)}.")
        found[role] = model
    return found


def choices(models: list[str], by_role: Mapping[str, str]) -> list[Choice]:
    """One choice for each model, or one of the host's own models; ``by_role`` is laid over each."""
    from codebutler.evaluation.series import Choice

    own = {ROLES[role]: model for role, model in by_role.items()}
    mark = ", ".join(f"{role}={model}" for role, model in by_role.items())
    found = []
    for model in dict.fromkeys(models or [""]):
        if own and model:  # one model for every role would win over these
            flags = {**dict.fromkeys(ROLES.values(), model), **own}
        else:
            flags = own or ({"model": model} if model else {})
        label = " + ".join(part for part in (model, mark) if part)
        found.append(Choice(label or "as configured", flags))
    return found


def _evaluate(order: Order, args: argparse.Namespace) -> int:
    """Say what it may cost, ask, and run everything."""
    from codebutler import logs
    from codebutler.evaluation.series import check
    from codebutler.redact import Redactor
    from codebutler.settings import borrowed

    make_home(order.home)
    secrets = [*load_config(None, home=order.home).secrets(), *borrowed.secrets(os.environ)]
    logs.keep(Redactor(secrets), order.home / "logs" / "eval.log")
    checked: list[tuple[Order, list[str]]] = []

    async def prepare() -> int:
        checked.append(await check(order))
        return 0

    try:
        stopping.run(prepare())
        ((order, notes),) = checked
        _announce(order, notes, asking=not args.yes and not args.json and sys.stdin.isatty())
        return stopping.run(_run(order, as_json=args.json))
    finally:
        logs.close()


def _announce(order: Order, notes: list[str], *, asking: bool) -> None:
    """What it may cost, before it costs anything."""
    who = "; ".join(choice.label for choice in order.choices)
    runs = "1 run" if order.count == 1 else f"{order.count} runs"
    for line in (f"{runs} with {who}: ${order.worst:g} at most, all together.", *notes):
        print(line, file=sys.stderr, flush=True)
    if asking:
        print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise UsageError("nothing was run", fix="--yes goes on without asking.")


async def _run(order: Order, *, as_json: bool) -> int:
    from codebutler.evaluation.report import one_line, summary, table
    from codebutler.evaluation.series import run_all

    results: list[Result] = []

    def told(result: Result) -> None:
        results.append(result)
        print(f"{len(results)}/{order.count} {one_line(result)}", file=sys.stderr, flush=True)

    try:
        await run_all(order, told)
    finally:  # also of what Ctrl-C leaves
        if as_json:
            print(json.dumps(summary(results, order.count)), flush=True)
        elif results:
            print("\n".join(table(results)), flush=True)
        if (missing := order.count - len(results)) > 0:
            print(f"{missing} of {order.count} runs did not come to an end.", file=sys.stderr)
    return 0 if all(result.passed for result in results) else 1


async def _check(loaded: list[Loaded], jobs: int) -> int:
    """Play every scripted run; what an oracle finds must be what the run says that it will find."""
    from codebutler.evaluation.series import rehearse

    places = asyncio.Semaphore(jobs)
    for each in loaded:
        if not each.evaluation.runs:
            print(f"{each.name}: it has no runs, so nothing shows that its oracles work")

    async def one(each: Loaded, number: int) -> bool:
        run = each.evaluation.runs[number]
        async with places:
            verdicts = await rehearse(each, run)
        found = {v.name: v.fault for v in verdicts if v.fault}
        right = set(found) == set(run.fails)
        print(f"{each.name}: {run.name}: {'as it must be' if right else 'WRONG'}", flush=True)
        for name in set(found) ^ set(run.fails):
            print(f"    {name}: {found.get(name) or 'was to fail, and is content'}")
        return right

    tasks = [one(each, number) for each in loaded for number in range(len(each.evaluation.runs))]
    wrong = (await asyncio.gather(*tasks)).count(False)
    return 1 if wrong else 0
