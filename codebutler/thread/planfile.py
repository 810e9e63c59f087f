"""The plan of an issue as a file that people may edit before they approve it: on a branch of its own."""

from __future__ import annotations

import hashlib
import logging
import re

from codebutler.agent.frame import Frame
from codebutler.errors import RepoError
from codebutler.events import Nudged, PlanProposed
from codebutler.forges.choose import github_spot
from codebutler.forges.github.spot import page
from codebutler.repo import commits
from codebutler.repo.objects import show_file
from codebutler.repo.words import slug
from codebutler.text import fit
from codebutler.thread import render
from codebutler.thread.identity import GITHUB
from codebutler.thread.issues import ADOPTED, AS_IT_STANDS
from codebutler.thread.state import ThreadState
from codebutler.thread.thread import Thread
from codebutler.types import Plan, PlanStep

log = logging.getLogger("codebutler.planfile")
EDITED = (
    "(The plan's file was edited since you wrote it. It now says what follows. Where you plan anew, keep what"
    " was changed there, but for what the person says against it.)\n\n{plan}"
)
LONGEST = 40_000
"""Characters of a plan's file that are taken."""
_STEP = re.compile(r"^\d+[.)]\s+(?P<text>\S.*)$")
_REFS = re.compile(r"\s*\((?P<refs>`[^`]+`(?:,\s*`[^`]+`)*)\)\s*$")
_HEADS = {"files:": "files", "accepted when:": "acceptance", "workflow:": "workflow"}


def branch_of(state: ThreadState) -> str:
    """The branch that holds the plan's file."""
    return f"codebutler/plan-{state.issue}"


def path_of(state: ThreadState, folder: str) -> str:
    """The file: named after the issue, also where a chat's words brought it in."""
    brought = state.heard.get((GITHUB, ADOPTED + state.id), "").partition("\n")[0]
    start = AS_IT_STANDS.format(number=state.issue)
    if not brought.startswith(start):
        return _path_by_words(state, folder)
    return f"{folder.strip('/')}/issue-{state.issue}-{slug(brought.removeprefix(start))}.md"


def _path_by_words(state: ThreadState, folder: str) -> str:
    """Where the file was for a chat's thread before it was named after the issue: some are there still."""
    title = state.opened.title if state.opened else ""
    return f"{folder.strip('/')}/issue-{state.issue}-{slug(title)}.md"


async def _standing(thread: Thread, tip: str) -> str | None:
    """What the file says in the commit ``tip``; None where there is none."""
    for path_in in (path_of, _path_by_words) if tip else ():
        path = path_in(thread.state, thread.host.config.github.plan_folder)
        if (text := await show_file(thread.host.repo.gitdir, tip, path)) is not None:
            return text
    return None


async def publish(thread: Thread, plan: Plan) -> str:
    """Write the file and push it; returns where it is, in words. "" without an issue or without GitHub."""
    state, host = thread.state, thread.host
    spot = github_spot(host.repo, host.config)
    if not state.issue or spot is None:
        return ""
    branch, path = branch_of(state), path_of(state, host.config.github.plan_folder)
    text = thread.redact(render.plan_text(plan)) + "\n"
    try:
        forge, base = await thread.space.forge(), await thread.space.base()
        there, replaced = await forge.fetch(branch), ""
        was = await _standing(thread, there)
        if was != text or await show_file(host.repo.gitdir, there, path) is None:
            if was is not None and state.plan is not None and not _is_ours(thread, state.plan.plan, was):
                before = page(spot, host.config.github, there, path)
                replaced = f" It was edited, and this plan takes [that version]({before})'s place."
            tree = await commits.tree_with(host.repo.gitdir, base.commit, {path: text.encode()})
            new = await commits.commit_tree(
                host.repo.gitdir, tree, there or base.commit, f"Plan for #{state.issue}\n",
                identity=thread.space.identity,
            )  # fmt: skip
            await forge.push(branch, new, expect=there)
    except RepoError as error:
        return f"The plan's file could not be written: {error}"
    link = page(spot, host.config.github, branch, path)
    return f"Edit it in [{path}]({link}) if you like; **implement** takes it as it stands then.{replaced}"


async def edited(thread: Thread) -> PlanProposed | None:
    """The plan on the table as its file has it now; None while nobody changed it. RepoError: unreadable."""
    state, host = thread.state, thread.host
    if not state.issue or state.plan is None or github_spot(host.repo, host.config) is None:
        return None
    there = await (await thread.space.forge()).fetch(branch_of(state))
    text = await _standing(thread, there)
    if text is None or _is_ours(thread, state.plan.plan, text):
        return None
    plan = parse(text, state.plan.plan)
    mark = hashlib.sha256((plan.model_dump_json() + state.plan.base).encode()).hexdigest()
    return PlanProposed(plan=plan, hash=mark, base=state.plan.base)


def _is_ours(thread: Thread, plan: Plan, text: str) -> bool:
    return text.strip() == thread.redact(render.plan_text(plan)).strip()


async def show_edits(thread: Thread, pm: Frame) -> None:
    """The PM, about to answer, sees what people wrote into the file, once: else its next plan drops it."""
    state = thread.state
    if not state.plan_waits or pm.calls:
        return
    try:
        found = await edited(thread)
    except RepoError as error:
        log.warning("%s: the plan's file is not shown to the PM: %s", state.id, error)
        return
    if found is None:
        return
    nudge = Nudged(
        frame=pm.id,
        content=EDITED.format(plan=render.plan_text(found.plan)),
        reason=f"the plan's file was edited: {found.hash}",
    )
    if nudge not in (event for _, _, event in state.live):
        await thread.append(nudge)


async def discard(thread: Thread) -> None:
    """The thread is over, and the file's branch goes; that it cannot stops nothing."""
    if not thread.state.issue or github_spot(thread.host.repo, thread.host.config) is None:
        return
    try:
        await (await thread.space.forge()).delete_branch(branch_of(thread.state))
    except RepoError as error:
        log.warning("%s stays: %s", branch_of(thread.state), error)


def parse(text: str, old: Plan) -> Plan:
    """The plan that a file describes. What fits no part of a plan belongs to its summary: no word is lost.

    RepoError for a file without steps and words: it was emptied by mistake, and is nothing to approve.
    """
    found: dict[str, list[str]] = {"summary": [], "files": [], "acceptance": [], "workflow": []}
    title, steps, part = "", [], "summary"
    for line in fit(text, LONGEST).splitlines():
        bare = line.strip()
        if not title and bare.startswith("#"):
            title = bare.lstrip("#").strip()
        elif (step := _STEP.match(bare)) is not None and not line.startswith((" ", "\t")):
            steps.append(step["text"])
            part = "steps"
        elif (head := next((h for h in _HEADS if bare.lower().startswith(h)), "")) != "":
            part = _HEADS[head]
            found[part] += [rest] if (rest := bare[len(head) :].strip()) else []
        elif part == "steps" and bare and line.startswith((" ", "\t")):
            steps[-1] += f" {bare}"
        elif part == "acceptance" and bare.startswith(("- ", "* ")):
            found[part].append(bare[2:].strip())
        elif bare or part == "summary":
            part = part if part == "summary" else "after"
            found["summary"].append(line.rstrip())
    summary = "\n".join(found["summary"]).strip()
    if not steps and not summary:
        raise RepoError(
            "it holds no plan any more", fix="Write the plan into it again, or say what to change"
        )
    return Plan(
        title=title or old.title,
        summary=summary,
        workflow=" ".join(found["workflow"]),
        steps=[_step(each) for each in steps],
        files=[name for line in found["files"] for name in _names(line)],
        acceptance=found["acceptance"],
    )


def _step(text: str) -> PlanStep:
    match = _REFS.search(text)
    refs = re.findall(r"`([^`]+)`", match["refs"]) if match else []
    return PlanStep(text=text[: match.start()] if match else text, refs=refs)


def _names(line: str) -> list[str]:
    return re.findall(r"`([^`]+)`", line) or [name.strip() for name in line.split(",") if name.strip()]
