"""Tools by which roles talk: to the person, to the PM, to those who watch."""

from codebutler.errors import ToolFailed
from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Arguments, Tool, tool
from codebutler.types import ChecklistItem, Plan


class _Question(Arguments):
    question: str
    options: list[str] = []


class _AskPm(Arguments):
    question: str


class _Step(Arguments):
    text: str
    refs: list[str] = []


class _Plan(Arguments):
    title: str
    summary: str
    workflow: str = ""
    steps: list[_Step]
    files: list[str] = []
    acceptance: list[str] = []


class _Item(Arguments):
    text: str
    status: str = "todo"


class _Checklist(Arguments):
    items: list[_Item]


class _Name(Arguments):
    name: str


class _Text(Arguments):
    text: str


class _Nothing(Arguments):
    pass


async def _ask_user(args: _Question, desk: Desk, site: Site) -> str:
    return await desk.ask_person(site, args.question, args.options)


async def _ask_pm(args: _AskPm, desk: Desk, site: Site) -> str:
    return await desk.ask_pm(site, args.question)


async def _follow(args: _Name, desk: Desk, site: Site) -> str:
    return await desk.follow(site, args.name)


async def _propose_plan(args: _Plan, desk: Desk, site: Site) -> str:
    lacks = [] if args.title.strip() else ["a title"]
    if not args.steps:
        lacks.append("steps")
    elif not all(step.text.strip() for step in args.steps):
        lacks.append("words for each of its steps")
    if lacks:
        raise ToolFailed(f"nobody can approve this plan: it lacks {' and '.join(lacks)}. Propose it anew")
    return await desk.propose(site, Plan.model_validate(args.model_dump()))


async def _update_plan(args: _Checklist, desk: Desk, _site: Site) -> str:
    known = {"todo", "doing", "done"}
    items = [
        ChecklistItem.model_validate({"text": i.text, "status": i.status if i.status in known else "todo"})
        for i in args.items
    ]
    await desk.set_checklist(items)
    return f"{sum(i.status == 'done' for i in items)} of {len(items)} done."


async def _notify(args: _Text, desk: Desk, site: Site) -> str:
    await desk.notify(site, args.text)
    return "Posted."


async def _list_threads(_args: _Nothing, desk: Desk, _site: Site) -> str:
    return await desk.list_threads()


TOOLS: tuple[Tool, ...] = (
    tool(
        "follow_workflow",
        "Say by which workflow of workflows.md you go; people see its steps.",
        _Name,
        _follow,
    ),
    tool(
        "propose_plan",
        "Show the person a plan to approve. Refs are path:line.",
        _Plan,
        _propose_plan,
    ),
    tool("ask_user", "Ask the person something that the repo cannot tell.", _Question, _ask_user),
    tool("ask_pm", "Ask the PM about a gap in the plan.", _AskPm, _ask_pm),
    tool(
        "update_plan",
        "Set the checklist that people see. status: todo, doing or done.",
        _Checklist,
        _update_plan,
    ),
    tool("notify", "Post a short message into the thread.", _Text, _notify),
    tool("list_threads", "List the repo's open threads.", _Nothing, _list_threads, read_only=True),
)
