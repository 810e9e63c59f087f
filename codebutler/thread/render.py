"""What people read, as markdown made from the state: plan, status card, report, PR body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from codebutler.events import PlanProposed, SetupFinished
from codebutler.thread.flags import flagged
from codebutler.thread.state import Spend, ThreadState
from codebutler.thread.steps import now, steps
from codebutler.types import ChecklistItem, Choice, Outbound, Person, Plan

BODY_START = "<!-- codebutler:begin -->"
BODY_END = "<!-- codebutler:end -->"
_MARK = {"todo": "☐", "doing": "▸", "done": "☑"}
LEVELS = {"conflict": "conflict", "file": "same files", "directory": "same folder", "meaning": "same names"}
"""Of overlaps between threads, the worst first."""
_PHASE = {"pm": "planning", "coder": "coding", "lead": "review", "closed": "closed"}


def plan(proposed: PlanProposed) -> Outbound:
    """The plan with its buttons; each is bound to the plan's hash."""
    return Outbound(
        text=plan_text(proposed.plan) + f"\n\nPlan `{proposed.hash[:8]}` on `{proposed.base[:8]}`. "
        'Say **"go"** to approve, **"cancel"** to stop, or say what to change.',
        role="pm",
        kind="plan",
        choices=[
            Choice(action="approve", label="Approve", value=proposed.hash, style="primary"),
            Choice(action="cancel", label="Cancel", value=proposed.hash, style="danger"),
        ],
        data={"hash": proposed.hash, "base": proposed.base, "plan": proposed.plan.model_dump()},
    )


def plan_text(plan: Plan) -> str:
    """The plan's own words."""
    lines = [f"## {plan.title}", "", plan.summary, ""]
    for number, step in enumerate(plan.steps, 1):
        refs = f" ({', '.join(f'`{r}`' for r in step.refs)})" if step.refs else ""
        lines.append(f"{number}. {step.text}{refs}")
    if plan.files:
        lines += ["", "Files: " + ", ".join(f"`{f}`" for f in plan.files)]
    if plan.acceptance:
        lines += ["", "Accepted when:", *(f"- {a}" for a in plan.acceptance)]
    if plan.workflow:
        lines += ["", f"Workflow: {plan.workflow}"]
    return "\n".join(lines)


def setup(finished: SetupFinished | None) -> str:
    """What the Coder is told of the dependencies; "" when there are none."""
    if finished is None:
        return ""
    done = ", ".join(part.recipe for part in finished.parts if not part.why)
    failed = ", ".join(part.recipe for part in finished.parts if part.why)
    lines = [f"Dependencies are installed for: {done}."] if done else []
    lines += [f"Dependencies could not be installed for: {failed}. Work without them."] if failed else []
    return "\n".join(["", *lines, ""])


def checklist(items: Sequence[ChecklistItem]) -> str:
    """The checklist, one line an item."""
    return "\n".join(f"{_MARK[i.status]} {i.text}" for i in items)


def status(state: ThreadState, activity: str = "") -> Outbound:
    """The status card: one message, edited in place."""
    parts = [f"**{_PHASE[state.phase]}**"]
    if state.phase != "closed" and (model := state.model_of(state.at_work)):
        parts.append(f"{title(state.at_work)}: {model}")
    if activity:
        parts.append(activity)
    if state.worktree:
        parts.append(f"`{state.worktree.branch}`")
    if state.pr:
        parts.append(f"PR #{state.pr.number} {state.pr_state}")
    parts.append(money(state.usd))
    way = "" if state.phase == "closed" else steps(state)
    near = overlaps(state) if state.phase != "closed" else ""
    text = "\n".join(part for part in (" · ".join(parts), way, checklist(state.checklist), near) if part)
    line = " · ".join(part for part in (*parts, now(state), _doing(state.checklist)) if part)
    return Outbound(text=text, kind="status", slot="status", data={"line": line})


def _doing(items: Sequence[ChecklistItem]) -> str:
    """The checklist's place in one line: what is being done, else what comes next."""
    ahead = next(
        (i for i in items if i.status == "doing"), next((i for i in items if i.status == "todo"), None)
    )
    return f"{sum(i.status == 'done' for i in items)}/{len(items)} {ahead.text}" if ahead is not None else ""


def overlaps(state: ThreadState) -> str:
    """The threads that get in this one's way, with how; "" for none."""
    shown = []
    for other, causes in sorted(state.overlaps.items()):
        levels = {cause.partition(":")[0] for cause in causes}
        shown.append(f"`{other}` ({', '.join(name for key, name in LEVELS.items() if key in levels)})")
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return f"Overlaps with {', '.join(shown[:5])}{more}" if shown else ""


def pr_ready(state: ThreadState, words: str) -> Outbound:
    """The Coder's last word with the pull request."""
    assert state.pr is not None  # noqa: S101 - called once the PR is in the log
    return Outbound(
        text=f"{words}\n\nPull request [#{state.pr.number} {state.pr.title}]({state.pr.url}). "
        'Say **"merge"** when you are content, or say what to change.',
        role="coder",
        kind="choices",
        choices=[Choice(action="merge", label="Merge", value=str(state.pr.number), style="primary")],
    )


def pr_title(state: ThreadState) -> str:
    """The PR's title: the Lead's, else the plan's, else the thread's."""
    if state.summary:
        return state.summary.title
    if state.plan:
        return state.plan.plan.title
    return state.opened.title if state.opened else state.id


def pr_body(state: ThreadState, links: Sequence[str] = ()) -> str:
    """The part of the PR's body that is ours, between its markers: the thread as a development journal."""
    lines = ["## Summary", ""]
    if state.summary:
        lines += [state.summary.summary, "", "## Changes", "", *_bullets(state.summary.changes)]
        lines += ["", "## Decisions", "", *_bullets(state.summary.decisions or ["none beyond the plan"])]
    elif state.plan:
        lines += [
            state.plan.plan.summary,
            "",
            "## Changes",
            "",
            *_bullets(s.text for s in state.plan.plan.steps),
        ]
    lines += ["", "## Participants", "", *_bullets(_participants(state))]
    if state.approval:
        lines += ["", f"Plan `{state.approval.hash[:8]}` approved by {_named(state.approval.by)}."]
    lines += ["", f"Closes #{state.issue}."] if state.issue else []
    if words := flagged(state.flags):
        lines += ["", "## Look at", "", words]
    lines += ["", f"Thread [{state.id}]({state.link})" if state.link else f"Thread `{state.id}`"]
    lines += [link for link in links if link != state.link]
    inside = "\n".join(lines).replace("<!--", "&lt;!--")  # a model's words must not look like our markers
    return f"{BODY_START}\n{inside}\n{BODY_END}"


def merge_body(old: str, ours: str) -> str:
    """``old`` with our part replaced: what people wrote outside the markers stays."""
    start, end = old.find(BODY_START), old.find(BODY_END)
    if start < 0 or end < start:
        return f"{old.rstrip()}\n\n{ours}".lstrip() if old.strip() else ours
    return old[:start] + ours + old[end + len(BODY_END) :]


def report(state: ThreadState) -> Outbound:
    """The usage report: who spent what, what went on between the roles, and how to do better."""
    lines = ["## Usage", "", usage_table(state)]
    if state.exchanges:
        lines += ["", "## Behind the scenes", ""]
        lines += [
            f"- {x.role} asked: {x.question}\n  PM: {x.answer or '(no answer)'}" for x in state.exchanges
        ]
    if state.summary and state.summary.improvements:
        lines += ["", "## For the roles", "", *_bullets(state.summary.improvements)]
    if state.summary and state.summary.coder_md:
        lines += [
            "",
            "## For prompts/coder.md, if you agree",
            "",
            "```",
            *_bullets(state.summary.coder_md),
            "```",
        ]
    if state.summary and state.summary.tips:
        lines += ["", "## For the next request", "", *_bullets(state.summary.tips)]
    return Outbound(text="\n".join(lines), role="lead", kind="report")


def usage_table(state: ThreadState) -> str:
    """Calls, tokens, seconds of models and cost per role and model, as a markdown table."""
    rows = [
        "| role | model | calls | tools | tokens in | cached | out | seconds | cost |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    total = Spend()
    for (role, model), spend in state.spend.items():
        rows.append(_usage_row(role, model, spend))
        total.add(spend)
    return "\n".join([*rows, _usage_row("**all**", "", total, "not all priced")])


def _usage_row(role: str, model: str, s: Spend, unpriced: str = "no price known") -> str:
    share = f" ({s.cached / s.input:.0%})" if s.cached and s.input else ""
    cost = money(s.usd) + ("" if s.priced else f" ({unpriced})") + broken_off(s.broken_usd)
    cells = (role, model, s.calls, s.tools, s.input, f"{s.cached}{share}", s.output, f"{s.seconds:.0f}", cost)
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def broken_off(usd: float) -> str:
    """What part of a sum of dollars bought no whole answer; "" for none."""
    return f" ({money(usd)} of it broken off)" if usd else ""


def title(role: str) -> str:
    """A role's name as people read it."""
    return "PM" if role == "pm" else role.title()


def money(usd: float) -> str:
    """Dollars, to the cent, or finer below ten cents."""
    return f"${usd:.4f}" if usd < 0.1 else f"${usd:,.2f}"


def _named(person: Person) -> str:
    """A person with their account at GitHub, where it goes by another name."""
    other = person.login and person.login != person.label
    return f"{person.label} (`{person.login}` at GitHub)" if other else person.label


def _participants(state: ThreadState) -> list[str]:
    people = [f"{p.label} ({p.surface})" for p in state.people.values()]
    models: dict[str, list[str]] = {}
    for role, model in state.spend:
        models.setdefault(role, []).append(model)
    return people + [f"{role}: {', '.join(names)}" for role, names in models.items()]


def _bullets(items: Iterable[str]) -> list[str]:
    return [f"- {i}" for i in items]
