"""Workflows at work: the PM's choice of one, and the automatic steps, which the engine carries out.

An automatic step is not left to a model's memory. One for the Researcher is sent out as soon as its condition
is met by the request or the plan; one for the Coder that names a command is run when its work is done.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from codebutler.agent.frame import Frame
from codebutler.errors import ToolFailed
from codebutler.events import Nudged, StepDone, WorkflowChosen, WorkflowStep
from codebutler.repo import workflows
from codebutler.repo.workflows import Step, Workflow
from codebutler.text import fit
from codebutler.thread.state import ThreadState
from codebutler.toolset.desk import Site
from codebutler.types import Plan

if TYPE_CHECKING:
    from codebutler.thread.desk import ThreadDesk

OUTPUT = 4_000
SECONDS = 600
_COMMAND = re.compile(r"`([^`\n]{1,400})`")
_SENT = (
    'Step {n} of {flow} is automatic: a Researcher was sent out for "{task}". Propose the plan again '
    "once you have its findings, with what they change."
)
_BROKEN = (
    "`{command}` is an automatic step of {flow}, and it fails:\n\n{output}\n\nMend that, if it is yours."
)


def text_of(flow: Workflow) -> str:
    """The workflow as the PM reads it."""
    lines = [f"{flow.name}: {flow.purpose}".rstrip(": ")]
    ours = " (automatic: done by the engine)"
    lines += [f"{s.number}. {s.text}{ours if _is_ours(s) else ''}" for s in flow.steps]
    return "\n".join(lines)


async def follow(desk: ThreadDesk, site: Site, name: str) -> str:
    """The PM's choice: shown, and its automatic steps begun as far as the request asks for them."""
    known = await _known(desk)
    flow = workflows.find(known, name)
    if flow is None:
        raise ToolFailed(f"there is no workflow {name[:60]!r}; there are {', '.join(known) or 'none'}")
    await _choose(desk, flow)
    sent = await _send_out(desk, site, flow, _request(desk.state))
    begun = [f"Step {s.number} is under way: a Researcher looks up {s.task!r}." for s in sent]
    return "\n\n".join([text_of(flow), *begun])


async def before_plan(desk: ThreadDesk, site: Site, plan: Plan) -> None:
    """A plan may name its workflow, or call for an automatic step: then it waits for what that brings."""
    known = await _known(desk)
    chosen = desk.state.workflow.name if desk.state.workflow else ""
    flow = workflows.find(known, plan.workflow) or workflows.find(known, chosen)
    if flow is None:
        return
    await _choose(desk, flow)
    sent = await _send_out(desk, site, flow, "\n".join([_request(desk.state), *_words(plan)]))
    if sent:
        first = sent[0]
        raise ToolFailed(_SENT.format(n=first.number, flow=flow.name, task=first.task))


async def after_coder(desk: ThreadDesk, frame: Frame) -> bool:
    """Run the commands of the Coder's automatic steps; True when one fails and the Coder was told of it.

    The Coder is told of each at most once in a run: what fails again is shown to people with the result. What
    had passed is run again once the Coder was told of another, and may have changed what it looked at.
    """
    about = "\n".join([_request(desk.state), *(_words(desk.state.plan.plan) if desk.state.plan else ())])
    for step in await _chosen_steps(desk):
        command = _COMMAND.search(step.task)
        if step.who != "coder" or command is None or not workflows.holds(step.when, about):
            continue
        key = f"{step.id}:{frame.id}"
        if desk.state.steps_done.get(key, "").startswith(("passed", "failed twice")):
            continue
        told = (e for _, _, e in desk.state.live if isinstance(e, StepDone) and e.id == key)
        again = any(e.what.startswith("failed") for e in told)
        result = await (await desk.hands()).call("bash", {"command": command[1], "timeout": SECONDS})
        said = "passed" if result.ok else "failed twice" if again else "failed"
        done = StepDone(id=key, what=f"{said}: `{command[1]}`")
        if result.ok or again:
            await desk.append(done, StepDone(id=step.id, what=done.what))
            if again and not result.ok:
                await desk.tell_once(f"The automatic step `{command[1]}` still fails: look before you merge.")
            continue
        flow = desk.state.workflow.name if desk.state.workflow else ""
        words = _BROKEN.format(command=command[1], flow=flow, output=fit(result.text, OUTPUT))
        nudge = Nudged(frame=frame.id, content=words, reason="automatic step")
        await desk.append(done, *stale(desk.state, frame), nudge)
        return True
    return False


def stale(state: ThreadState, frame: Frame) -> list[StepDone]:
    """What passed in this run of the Coder, to be run again: it goes on, and may change what was tested."""
    mine = [(key, what) for key, what in state.steps_done.items() if key.endswith(f":{frame.id}")]
    return [
        StepDone(id=key, what=what.replace("passed", "to be run again", 1))
        for key, what in mine
        if what.startswith("passed")
    ]


def _words(plan: Plan) -> list[str]:
    """What a plan says that a step's condition may be about."""
    return [plan.title, plan.summary, *(s.text for s in plan.steps), *plan.files, *plan.acceptance]


async def _known(desk: ThreadDesk) -> dict[str, Workflow]:
    """Memory's workflows. In a thread: a long file takes a second, and other threads go on meanwhile."""
    return await asyncio.to_thread(workflows.parse, desk.rules.memory.get(workflows.FILE, ""))


async def _chosen_steps(desk: ThreadDesk) -> list[Step]:
    if desk.state.workflow is None:
        return []
    flow = workflows.find(await _known(desk), desk.state.workflow.name)
    return [step for step in flow.steps if step.automatic] if flow else []


async def _choose(desk: ThreadDesk, flow: Workflow) -> None:
    if desk.state.workflow is not None and desk.state.workflow.name == flow.name:
        return
    steps = [WorkflowStep(id=s.id, text=s.text, who=s.who, automatic=s.automatic) for s in flow.steps]
    await desk.append(WorkflowChosen(name=flow.name, steps=steps))
    await desk.show_status()


async def _send_out(desk: ThreadDesk, site: Site, flow: Workflow, text: str) -> list[Step]:
    """Researchers for the automatic steps whose condition ``text`` meets, each once in a thread."""
    sent = []
    for step in flow.steps:
        mine = step.automatic and step.who == "researcher" and step.id not in desk.state.steps_done
        if not mine or not workflows.holds(step.when, text):
            continue
        try:
            await desk.research(
                Site(site.frame, site.role, site.step, f"auto-{step.id}"), step.task, step.task,
                f"Asked for by the workflow {flow.name}. What it is about:\n{fit(text, OUTPUT)}",
            )  # fmt: skip
        except ToolFailed as error:
            await desk.append(StepDone(id=step.id, what=f"not done: {error.message}"))
            await desk.tell_once(f"Step {step.number} of {flow.name} could not be done: {error.message}.")
            continue
        await desk.append(StepDone(id=step.id, what=f"Researcher: {step.task}"))
        sent.append(step)
    return sent


def _is_ours(step: Step) -> bool:
    return step.automatic and (
        step.who == "researcher" or (step.who == "coder" and _COMMAND.search(step.task) is not None)
    )


def _request(state: ThreadState) -> str:
    pm = state.frames.get("pm")
    said = [m["content"] for m in pm.messages if m["role"] == "user"] if pm else []
    return "\n".join(text for text in said if isinstance(text, str))
