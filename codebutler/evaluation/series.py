"""All runs of an eval: each scenario with each choice of models, as often as asked for, within one budget."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from codebutler.config import load_config
from codebutler.errors import CodeButlerError, ConfigError, NoSandbox
from codebutler.evaluation import ground, rehearsal
from codebutler.evaluation.base import open_folder
from codebutler.evaluation.budget import Budget
from codebutler.evaluation.facts import Facts, gather
from codebutler.evaluation.ground import Grounds
from codebutler.evaluation.loading import Loaded
from codebutler.evaluation.oracles import Oracle
from codebutler.evaluation.play import Played, cage, play
from codebutler.evaluation.results import Result, Verdict, result
from codebutler.evaluation.shape import Evaluation, Run
from codebutler.models.routing import Router
from codebutler.repo.removal import delete_tree
from codebutler.sandbox.executor import Executor
from codebutler.service.app import Place, find_place
from codebutler.settings.mcp import Mcp
from codebutler.testing.scripted import ScriptedModel
from codebutler.thread.host import load_rules

WORKERS = ("pm", "coder", "lead")
"""The roles that every pull request needs."""
_SAME_EVERYWHERE = {"forge": "local", "web.enabled": False}
_LONG = 20_000
"""Tokens of a request that a run without a cap of its own must have room for."""


class Choice(Struct, frozen=True):
    """Which models answer. ``flags`` are keys of the configuration; none: as the host has them."""

    label: str
    flags: Mapping[str, Any] = {}


class Order(Struct, frozen=True):
    """What is to be run. ``home`` is the person's own, whose keys and caps hold; ``team`` their prompts.

    ``calls`` has for each choice's label the dollars that its dearest call holds back; ``check`` fills it.
    """

    evals: Sequence[Loaded]
    choices: Sequence[Choice]
    home: Path
    runs: int = 1
    jobs: int = 2
    usd: float = 5.0
    keep: bool = False
    team: Mapping[str, bytes] = {}
    calls: Mapping[str, float] = {}

    def most(self, evaluation: Evaluation, choice: Choice) -> float:
        """Dollars that one run may cost: the eval's own cap, else the usual one with room for a dear call."""
        limits = evaluation.limits
        room = 0.0 if limits.is_own_usd else self.calls.get(choice.label, 0.0)
        return math.ceil((limits.usd + room) * 100 - 1e-6) / 100 if room else limits.usd

    @property
    def count(self) -> int:
        """How many runs that is."""
        return len(self.evals) * len(self.choices) * self.runs

    @property
    def worst(self) -> float:
        """Dollars that it may cost at most."""
        each = sum(self.most(e.evaluation, choice) for e in self.evals for choice in self.choices)
        return min(self.usd, round(each * self.runs, 2))


async def check(order: Order) -> tuple[Order, list[str]]:
    """What must hold before anything is bought: NoSandbox, or ConfigError when no model can be called.

    Returns the order with its ``calls``, and what a person should know first, a line each.
    """
    unpriced: set[str] = set()
    calls: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        grounds = await _grounds(stack, order.evals[0], order.team, keep=False)
        for choice in order.choices:
            place = await _place(grounds, order.home, choice.flags)
            router = Router(place.config)
            router.check()
            await router.learn()
            roles = (await load_rules(place.repo, place.repo.head, place.config)).roles
            wanted = {name: router.candidates(roles[name])[0] for name in WORKERS}
            unpriced |= {model for model in wanted.values() if router.price(model) is None}
            calls[choice.label] = max(
                router.worst_case(model, _LONG, roles[name].limits.max_output)
                for name, model in wanted.items()
            )
        cages = cage(place)
        executor = await Executor.start(grounds.repo, read_only=True, settings=cages)
        await executor.close()
    notes = [cages.banner] if cages.banner else []
    if unpriced:
        free = "their calls count as $0, so only turns, tokens and seconds are limited."
        notes.append(f"No price is known of {', '.join(sorted(unpriced))}: {free}")
    return replace(order, calls=calls), notes


async def run_all(order: Order, told: Callable[[Result], None]) -> None:
    """Every run; ``told`` hears of each when it is over. On a cancel those under way are put away first."""
    budget, places = Budget(order.usd), asyncio.Semaphore(order.jobs)

    async def one(loaded: Loaded, choice: Choice, number: int) -> None:
        async with places:
            told(await _within(budget, order, loaded, choice, number))

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(1, order.runs + 1):
                for choice in order.choices:
                    for loaded in order.evals:
                        group.create_task(one(loaded, choice, number))
    except BaseExceptionGroup as faults:  # such as NoSandbox: one line for people, not a tree
        raise faults.exceptions[0] from faults


async def _within(budget: Budget, order: Order, loaded: Loaded, choice: Choice, number: int) -> Result:
    most = order.most(loaded.evaluation, choice)
    if not await budget.hold(most):
        left = max(0.0, budget.left)
        why = f"not run: it may cost ${most:g}, and ${left:.2f} of --usd {budget.most:g} is left"
        return Result(loaded.name, choice.label, number, skipped=why)
    spent = most
    try:
        found = await _run(order, loaded, choice, number)
    except (NoSandbox, ConfigError):
        raise
    except CodeButlerError as error:  # what it has cost is not known: all that it held counts
        return Result(loaded.name, choice.label, number, (Verdict("the run", f"it broke: {error}"),))
    else:
        spent = found.usd
        return found
    finally:
        await budget.settle(most, spent)


async def _run(order: Order, loaded: Loaded, choice: Choice, number: int) -> Result:
    async with AsyncExitStack() as stack:
        grounds = await _grounds(stack, loaded, order.team, keep=order.keep)
        caps = _caps(loaded.evaluation, order.most(loaded.evaluation, choice), order.home)
        place = await _place(grounds, order.home, {**choice.flags, **caps})
        played, facts = await _played(loaded.evaluation, place, grounds, order.home)
        verdicts = await judged(loaded.evaluation, facts)
        done = result(loaded.name, choice.label, number, played, verdicts)
        redact = place.redactor.text
        clean = tuple(Verdict(v.name, redact(v.fault)) for v in done.verdicts)
        return replace(done, verdicts=clean, folder=str(grounds.folder) if order.keep else "")


async def rehearse(loaded: Loaded, run: Run) -> list[Verdict]:
    """Play a scripted run. CodeButlerError when the thread does not follow its script."""
    async with AsyncExitStack() as stack:
        grounds = await _grounds(stack, loaded, {}, keep=False)
        server = await stack.enter_async_context(ScriptedModel(rehearsal.scenario(loaded.evaluation, run)))
        env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "rehearsal", "CODEBUTLER_MODEL": "scripted"}
        place = await _place(grounds, grounds.home, {}, env)
        _, facts = await _played(loaded.evaluation, place, grounds, grounds.home)
        if server.failures:
            raise CodeButlerError(f"the script was not followed: {'; '.join(server.failures)}")
        return await judged(loaded.evaluation, facts)


async def judged(evaluation: Evaluation, facts: Facts) -> list[Verdict]:
    """What each oracle says."""

    async def one(oracle: Oracle) -> Verdict:
        try:
            return Verdict(oracle.label, await oracle.fault(facts))
        except NoSandbox:
            raise
        except CodeButlerError as error:  # such as a file that is too large to be looked at
            return Verdict(oracle.label, f"it cannot be judged: {error}")

    return [await one(oracle) for oracle in evaluation.oracles]


async def _played(
    evaluation: Evaluation, place: Place, grounds: Grounds, ledger: Path
) -> tuple[Played, Facts]:
    played = await play(evaluation, place, ledger)
    facts = await gather(
        played.state, played.events, gitdir=place.repo.gitdir, remote=grounds.remote,
        room=grounds.folder, sandbox=cage(place), stopped=played.stopped,
    )  # fmt: skip
    return played, facts


async def _grounds(
    stack: AsyncExitStack, loaded: Loaded, team: Mapping[str, bytes], *, keep: bool
) -> Grounds:
    folder = await asyncio.to_thread(open_folder, None, "codebutler-eval-")
    if not keep:
        stack.push_async_callback(asyncio.to_thread, delete_tree, folder)
    grounds = await asyncio.to_thread(ground.make, folder, loaded, team)
    await asyncio.to_thread(grounds.home.mkdir, mode=0o700)
    return grounds


async def _place(
    grounds: Grounds, home: Path, flags: Mapping[str, Any], env: Mapping[str, str] | None = None
) -> Place:
    """The run's repo under the person's own configuration; what it writes goes into a home of the run."""
    place = await find_place(grounds.repo, home=home, env=env, flags={**_SAME_EVERYWHERE, **flags})
    alone = place.config.model_copy(update={"mcp": Mcp()})  # the host's servers may act on the real world
    return replace(place, config=alone, home=grounds.home)


def _caps(evaluation: Evaluation, usd: float, home: Path) -> dict[str, Any]:
    """The eval's limits, or the host's own where those are lower. The host's day is in its ledger."""
    host, own = load_config(None, home=home).limits, evaluation.limits
    dollars, tokens = host.usd_per_thread, host.tokens_per_thread
    return {
        "limits.usdPerThread": usd if dollars is None else min(usd, dollars),
        "limits.tokensPerThread": own.tokens if tokens is None else min(own.tokens, tokens),
        "limits.onCap": "pause",
    }
