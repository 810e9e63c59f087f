"""``codebutler demo``: a whole thread with a scripted model, on a sample repo with a real bug and remote."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from codebutler.cli import demo_slack
from codebutler.cli.chat import converse
from codebutler.cli.headless import Consent, attend, summary
from codebutler.cli.session import open_session
from codebutler.errors import CodeButlerError, UsageError
from codebutler.sandbox.executor import Executor
from codebutler.service.app import Place, find_place
from codebutler.surfaces.terminal import Terminal
from codebutler.testing.sample import Sample, make_sample
from codebutler.testing.scripted import ScriptedModel
from codebutler.testing.slack.server import SlackTwin
from codebutler.thread.state import ThreadState

HELP = "Watch a whole thread, from request to merge, without any key."
TESTS = "python3 -m unittest"


def configure(parser: argparse.ArgumentParser) -> None:
    """The contract of design §8."""
    parser.add_argument("--yes", action="store_true", help="approve everything")
    parser.add_argument("--slack", action="store_true", help="in a Slack workspace of the demo's own")
    parser.add_argument("--json", action="store_true", help="one event a line; the last line is the summary")
    parser.add_argument("--scenario", default="demo", help="another script: a file, or a shipped one's name")
    parser.add_argument(
        "--folder", type=Path, help="where to make the sample (default: a new temporary folder)"
    )


def run(args: argparse.Namespace) -> int:
    """Exit 0 when the fix landed and its tests pass in a fresh clone; 1 with the reason otherwise."""
    if args.json and not args.yes:
        raise UsageError("--json shows events, so nobody can approve", fix="Add --yes.")
    if args.json and args.slack:
        raise UsageError("--slack shows messages, not events", fix="Leave out --json.")
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    folder = _folder(args.folder)
    sample = make_sample(folder / "sample")
    async with ScriptedModel(args.scenario) as server, SlackTwin() as slack:
        env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "demo", "CODEBUTLER_MODEL": "scripted"}
        place = await find_place(
            sample.repo, home=folder / "home", env=env, flags=demo_slack.flags(slack) if args.slack else None
        )
        started = time.monotonic()
        if args.slack:
            state = await demo_slack.play(place, slack, sample.task)
        elif args.yes:
            state = await _alone(place, sample, as_json=args.json)
        else:
            state = await _together(place, sample)
        seconds = time.monotonic() - started
        failures = [str(f) for f in server.failures]
    if failures:
        raise CodeButlerError("the script was not followed: " + "; ".join(failures))
    if state.phase != "closed" and not (args.yes or args.slack):  # the person has left the talk
        print(f"The sample stays in {sample.repo.parent}; nothing else was touched.")
        return 0
    if state.phase != "closed":
        raise CodeButlerError(
            f"the thread ended in phase {state.phase} ({state.outcome}), not closed",
            fix=f"Look at it: codebutler show {state.id} --repo {sample.repo} --home {place.home}",
        )
    await _prove(sample, folder)
    facts = {"repo": str(sample.repo), "remote": str(sample.remote), "seconds": round(seconds, 2)}
    if args.json:
        print(json.dumps(summary(state, 0, **facts)), flush=True)
    else:
        _farewell(sample, place, state, seconds)
    return 0


def _folder(wanted: Path | None) -> Path:
    """Where the sample goes; the sandbox's own user must be able to pass through."""
    try:
        folder = wanted.absolute() if wanted else Path(tempfile.mkdtemp(prefix="codebutler-demo-"))
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    except OSError as error:
        raise UsageError(
            f"the sample cannot be made in {wanted or tempfile.gettempdir()}: {error.strerror}",
            fix="Name a new folder with --folder, where you can write.",
        ) from error
    return folder


async def _alone(place: Place, sample: Sample, *, as_json: bool) -> ThreadState:
    async with open_session(place, [Terminal(quiet=as_json)]) as session:
        await session.begin("demo")
        if not as_json:
            print(f"YOU\n{sample.task}\n")
        await session.say(sample.task, key="demo:task")
        await attend(session, Consent(plan=True, merge=True), as_json=as_json)
        return session.state


async def _together(place: Place, sample: Sample) -> ThreadState:
    """The person types: the task is typed ahead, they press Enter, approve, decide and merge."""
    print(f"A sample repo with a real bug is at {sample.repo}.")
    print("Press Enter to send the request, then answer the team:")
    print('"go" approves the plan, "yes" keeps what was learned, "merge" lands it.')
    return await converse(place, first=sample.task, until_closed=True)


async def _prove(sample: Sample, folder: Path) -> None:
    """Clone the remote afresh and run its tests there, in the sandbox."""
    clone = folder / "proof"
    process = await asyncio.create_subprocess_exec("git", "clone", "-q", str(sample.remote), str(clone))
    if await process.wait() != 0:
        raise CodeButlerError("the remote cannot be cloned")
    executor = await Executor.start(clone)
    try:
        result = await executor.call("bash", {"command": TESTS})
    finally:
        await executor.close()
    if not result.ok or "OK" not in result.text:
        raise CodeButlerError(f"the tests fail in a fresh clone of the remote: {result.text[-500:]}")


def _farewell(sample: Sample, place: Place, state: ThreadState, seconds: float) -> None:
    print(f"\nDone in {seconds:.1f} s: the fix, its test, the memory and the journal are on main.")
    print(f"  repo     {sample.repo}   (git -C {sample.repo} pull gets the fix)")
    print(f"  remote   {sample.remote}")
    print(f"  story    codebutler show {state.id} --repo {sample.repo} --home {place.home}")
    print("\nNow with a real model, in a repo of yours:")
    print("  export OPENROUTER_API_KEY=…      (or OPENAI_API_KEY, or OPENAI_BASE_URL of a local server)")
    print("  codebutler chat")
