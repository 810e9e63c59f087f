"""The commands that every door offers."""

from __future__ import annotations

import re

from pydantic import Field

from codebutler.commands.registry import Arguments, Definition, Registry
from codebutler.thread import render, rewind
from codebutler.thread.decisions import Decisions, Word
from codebutler.types import MemoryItem

ROLES = ("pm", "coder", "lead", "researcher", "artist")
"""Those that come with CodeButler: each has a command that changes its model."""


LISTED = 20
"""The most threads of one answer."""


class _None(Arguments):
    pass


class _Hash(Arguments):
    plan: str = ""


class _Number(Arguments):
    pr: str = ""


class _Wish(Arguments):
    decision: str


class _Usd(Arguments):
    usd: float = Field(default=1.0, gt=0, le=1_000, allow_inf_nan=False)


class _Point(Arguments):
    point: int


class _MaybePoint(Arguments):
    point: int | None = None


class _Model(Arguments):
    model: str = ""


class _Request(Arguments):
    request: str = ""


async def _code(args: _Request, decide: Decisions, word: Word) -> str:
    return await decide.code(word, args.request)


async def _approve(args: _Hash, decide: Decisions, word: Word) -> str:
    return await decide.approve(word, args.plan)


async def _cancel(_args: _Hash, decide: Decisions, word: Word) -> str:
    return await decide.cancel(word)


async def _pause(_args: _None, decide: Decisions, word: Word) -> str:
    return await decide.pause(word)


async def _retry(_args: _None, decide: Decisions, word: Word) -> str:
    return await decide.retry(word)


async def _raise(args: _Usd, decide: Decisions, word: Word) -> str:
    return await decide.retry(word, raise_usd=args.usd)


async def _merge(_args: _Number, decide: Decisions, word: Word) -> str:
    return await decide.merge(word)


async def _points(_args: _None, decide: Decisions, _word: Word) -> str:
    return rewind.listing(decide.state)


async def _rewind(args: _Point, decide: Decisions, word: Word) -> str:
    return await decide.rewind(word, args.point)


async def _fork(args: _MaybePoint, decide: Decisions, word: Word) -> str:
    return await decide.fork(word, args.point)


async def _memory(args: _Wish, decide: Decisions, word: Word) -> str:
    items = decide.state.memory or []
    kept, problem = choose(items, args.decision)
    return problem or await decide.decide_memory(word, kept)


async def _status(_args: _None, decide: Decisions, _word: Word) -> str:
    return "\n".join([render.status(decide.state).text, *(f"- {line}" for line in decide.away())])


async def _threads(_args: _None, decide: Decisions, word: Word) -> str:
    rows = await decide.threads(word)
    lines = [f"- `{r.id}` {r.phase}, {r.status}: {r.title}" for r in rows[:LISTED]]
    more = [f"- and {len(rows) - LISTED} more"] if len(rows) > LISTED else []
    return "\n".join([*lines, *more])


async def _usage(_args: _None, decide: Decisions, _word: Word) -> str:
    return render.usage_table(decide.state)


async def _help(_args: _None, _decide: Decisions, _word: Word) -> str:
    return REGISTRY.help()


def _model_of(role: str) -> Definition:
    async def run(args: _Model, decide: Decisions, word: Word) -> str:
        return await decide.swap_model(word, role, args.model)

    return Definition(
        role, f"The {role}'s model, and others to use: a name of its pool, or a model id.", _Model, run
    )


async def _model(args: _Model, decide: Decisions, word: Word) -> str:
    """For the role that is at work, or that a cap has stopped; bare, it shows everybody's."""
    if not args.model.strip():
        return await decide.show_models()
    said = await decide.swap_model(word, decide.state.at_work, args.model)
    if decide.taken and decide.state.halted:
        await decide.retry(word)
    return said


_ITEM = re.compile(r"^(?P<verb>remove|drop|keep|edit|add)\b[\s:]*(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)
_EDIT = re.compile(r"^(?P<number>\d+)\s*[:.)-]?\s+(?P<text>\S.*)$", re.DOTALL)


def choose(items: list[MemoryItem], wish: str) -> tuple[list[MemoryItem], str]:
    """What a person's words keep of ``items``: (kept, what is wrong with the words)."""
    lines = wish.strip().splitlines()
    several = len(lines) > 1 and all(_ITEM.match(line) for line in lines)
    return _choose_by_lines(items, lines) if several else _choose_once(items, wish)


def _choose_once(items: list[MemoryItem], wish: str) -> tuple[list[MemoryItem], str]:
    word = wish.strip()
    if word.lower() == "yes":
        return items, ""
    if word.lower() == "no":
        return [], ""
    match = _ITEM.match(word)
    if match is None:
        return [], 'Say "yes", "no", "remove 2", "keep 1 3", "edit 1: …" or "add: …".'
    verb, rest = match["verb"].lower(), match["rest"].strip()
    if verb == "add":
        return [*items, MemoryItem(file="pm.md", text=rest, why="added by a person")], ""
    if verb == "edit":
        edit = _EDIT.match(rest)
        if edit is None or not 1 <= int(edit["number"]) <= len(items):
            return [], f'Say "edit N: new text", N from 1 to {len(items)}.'
        number = int(edit["number"]) - 1
        changed = items[number].model_copy(update={"text": edit["text"].strip()})
        return [*items[:number], changed, *items[number + 1 :]], ""
    numbers = {int(n) for n in re.findall(r"\d+", rest)}
    if not numbers or not numbers <= set(range(1, len(items) + 1)):
        return [], f"Name items by their numbers, 1 to {len(items)}."
    keeps = numbers if verb == "keep" else set(range(1, len(items) + 1)) - numbers
    return [item for n, item in enumerate(items, 1) if n in keeps], ""


def _choose_by_lines(items: list[MemoryItem], lines: list[str]) -> tuple[list[MemoryItem], str]:
    """Several wishes at once, as a form sends them; every number is of the list as it was shown."""
    left, added = dict(enumerate(items)), []
    for line in lines:
        got, problem = _choose_once(items, line)
        if problem:
            return [], problem
        if line.lower().startswith("add"):
            added.append(got[-1])
        elif line.lower().startswith("edit"):
            left |= {n: new for n, new in enumerate(got) if n in left and new is not items[n]}
        else:
            left = {n: item for n, item in left.items() if any(items[n] is kept for kept in got)}
    return [*left.values(), *added], ""


REGISTRY = Registry(
    [
        Definition("approve", "Approve the plan on the table.", _Hash, _approve, aliases=("go",)),
        Definition(
            "code",
            "Send the request straight to the Coder, without a plan: saying so is the approval.",
            _Request,
            _code,
        ),
        Definition(
            "cancel", "Stop what is under way; the work so far is kept.", _Hash, _cancel, aliases=("stop",)
        ),
        Definition(
            "pause", "Stop after this step, and keep what is said until it is resumed.", _None, _pause
        ),
        Definition("retry", "Go on after a failure or a pause.", _None, _retry, aliases=("resume",)),
        Definition("raise", "Raise this thread's cap by so many dollars and go on.", _Usd, _raise),
        Definition("merge", "Merge the pull request and close the thread.", _Number, _merge),
        Definition(
            "memory", "Decide on proposed memory: yes, no, remove 2, edit 1: …, add: ….", _Wish, _memory
        ),
        Definition("points", "The points that rewind and fork take.", _None, _points),
        Definition("rewind", "Go back to a point, files and conversation.", _Point, _rewind, bare="points"),
        Definition("fork", "Go on from a point, or from here, in a thread of your own.", _MaybePoint, _fork),
        Definition(
            "model", "Let the role at work use another model; bare, it shows each role's.", _Model, _model
        ),
        *(_model_of(role) for role in ROLES),
        Definition("status", "Where the thread stands.", _None, _status),
        Definition("threads", "The open threads: yours, or at a terminal all.", _None, _threads),
        Definition("usage", "Tokens and cost so far, by role.", _None, _usage, aliases=("cost",)),
        Definition("help", "This list.", _None, _help),
    ]
)
