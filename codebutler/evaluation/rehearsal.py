"""Scripted runs of an eval: they prove that its oracles pass what is good and find what is bad."""

from __future__ import annotations

from codebutler.evaluation.shape import Evaluation, Run
from codebutler.testing.scenario import Scenario
from codebutler.types import Json


def scenario(evaluation: Evaluation, run: Run) -> Scenario:
    """The script that the model server plays for ``run``: its own, and what the short form and a Lead add."""
    scripts: list[Json] = [script.model_dump() for script in run.scripts]
    given = {script["role"] for script in scripts}
    scripts += [script for script in _short(evaluation, run) if script["role"] not in given]
    roles = {script["role"] for script in scripts}
    if "coder" in roles and "lead" not in roles:
        report = _call("write_summary", title="As asked", summary="As asked.", changes=[])
        scripts.append({"role": "lead", "steps": [report, {"text": "That is all."}]})
    return Scenario.model_validate({"name": f"{evaluation.name}: {run.name}", "scripts": scripts})


def _short(evaluation: Evaluation, run: Run) -> list[Json]:
    """The short form's scripts."""
    pm: list[Json] = [_call("ask_user", question=run.asks)] if run.asks else []
    if run.says:
        pm.append({"text": run.says})
    elif run.plan is not None:
        steps = [{"text": evaluation.task}]
        about = evaluation.about
        pm.append(_call("propose_plan", title=evaluation.name, summary=about, steps=steps, files=run.plan))
    scripts: list[Json] = [{"role": "pm", "steps": pm}] if pm else []
    if run.plan is not None:
        work: list[Json] = [{"calls": [call.model_dump()]} for call in run.work]
        scripts.append({"role": "coder", "steps": [*work, {"text": "Done as planned."}]})
    return scripts


def _call(name: str, /, **arguments: object) -> Json:
    return {"calls": [{"name": name, "arguments": arguments}]}
