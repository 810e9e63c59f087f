"""The commands that every door offers."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from codebutler.commands import words
from codebutler.commands.registry import Arguments, Definition, Registry
from codebutler.errors import UsageError
from codebutler.thread import (
    kept_prs,
    lastword,
    linking,
    mending,
    rebasing,
    remembering,
    render,
    rewind,
    shelving,
    swap,
)
from codebutler.thread.decisions import Decisions, Word
from codebutler.thread.reopen import reopen

ROLES = ("pm", "coder", "lead", "researcher", "artist")
"""Those that come with CodeButler: each has a command that changes its model."""


WHOLE = (
    'A plan is approved as it stands, or not at all: with "{words}" behind it nothing was approved. Say what '
    'to change, or **"approve"** alone.'
)
AS_IT_IS = (
    'With "{words}" behind it nothing was merged: I do not watch for that. Say **"merge"** alone once it '
    "shall land."
)
LISTED = 20
"""The most threads of one answer."""
_AMOUNT = re.compile(r"[+-]?(?:\d+(?:[.,]\d{1,2})?|0[.,]\d+)")
"""No ``1e3``, and no ``1,000``, which is a thousand to some and one to others."""


class _None(Arguments):
    pass


class _Hash(Arguments):
    plan: str = ""


class _Number(Arguments):
    pr: str = ""


class _Wish(Arguments):
    decision: str


class _Correction(Arguments):
    role: str
    what: str


class _MaybeWords(Arguments):
    words: str = ""


def _amount(told: object) -> object:
    """Dollars as people write them, with a dot or a comma. What may mean a thousand times more is none."""
    if not isinstance(told, str):
        return told
    if _AMOUNT.fullmatch(told.strip().strip("$").strip()) is None:
        raise ValueError(told)
    return told.strip().strip("$").strip().replace(",", ".")


class _Usd(Arguments):
    usd: Annotated[float, BeforeValidator(_amount)] = Field(default=1.0, gt=0, le=1_000, allow_inf_nan=False)


class _Point(Arguments):
    point: int


class _MaybePoint(Arguments):
    point: int | None = None


class _Model(Arguments):
    model: str = ""


class _Link(Arguments):
    name: str = ""
    person: str = ""


class _Days(Arguments):
    days: float = Field(default=7, ge=0, le=3650, allow_inf_nan=False)


class _Request(Arguments):
    request: str = ""


async def _code(args: _Request, decide: Decisions, word: Word) -> str:
    return await decide.code(word, args.request)


async def _approve(args: _Hash, decide: Decisions, word: Word) -> str:
    mark = args.plan.strip("`")
    if mark and (any(char.isspace() for char in mark) or not any(char.isdigit() for char in mark)):
        raise UsageError(WHOLE.format(words=mark[:80]))
    state = decide.state
    if not mark and state.halted and not (state.plan_waits or state.refused):
        return await decide.retry(word)  # what "go" means to a thread that stands still
    return await decide.approve(word, mark)


async def _cancel(_args: _Hash, decide: Decisions, word: Word) -> str:
    return await decide.cancel(word)


async def _pause(_args: _None, decide: Decisions, word: Word) -> str:
    return await decide.pause(word)


async def _retry(_args: _None, decide: Decisions, word: Word) -> str:
    return await decide.retry(word)


async def _raise(args: _Usd, decide: Decisions, word: Word) -> str:
    return await decide.retry(word, raise_usd=args.usd)


async def _merge(args: _Number, decide: Decisions, word: Word) -> str:
    said, pr = args.pr.strip().removeprefix("#"), decide.state.pr
    if said.isdecimal() and int(said) != (pr.number if pr else 0):
        return await kept_prs.by_number(decide, word, int(said))
    if said and not said.isdecimal() and not words.merges(words.normal(f"merge {said}")):
        raise UsageError(AS_IT_IS.format(words=said[:80]))
    return await remembering.merge(decide, word, numbered=said.isdecimal())


async def _rebase(_args: _None, decide: Decisions, word: Word) -> str:
    return await rebasing.rebase(decide, word)


async def _respond(args: _Request, decide: Decisions, word: Word) -> str:
    return await mending.respond(decide, word, args.request)


async def _link(args: _Link, decide: Decisions, word: Word) -> str:
    return await linking.link(decide, word, args.name, args.person)


async def _cleanup(args: _Days, decide: Decisions, word: Word) -> str:
    return await shelving.cleanup(decide, word, args.days)


async def _points(_args: _None, decide: Decisions, _word: Word) -> str:
    return rewind.listing(decide.state)


async def _rewind(args: _Point, decide: Decisions, word: Word) -> str:
    return await decide.rewind(word, args.point)


async def _fork(args: _MaybePoint, decide: Decisions, word: Word) -> str:
    return await decide.fork(word, args.point)


async def _reopen(args: _MaybeWords, decide: Decisions, word: Word) -> str:
    return await reopen(decide.thread, word.seq, word.by, args.words)


async def _memory(args: _Wish, decide: Decisions, word: Word) -> str:
    return await remembering.decide(decide, word, args.decision)


async def _correct(args: _Correction, decide: Decisions, word: Word) -> str:
    return await remembering.correct(decide, word, args.role, args.what)


async def _status(_args: _None, decide: Decisions, _word: Word) -> str:
    still = lastword.standing(decide.state)
    lines = [render.status(decide.state).text, *([still] if still else [])]
    return "\n".join([*lines, *(f"- {line}" for line in swap.away(decide.thread))])


async def _threads(_args: _None, decide: Decisions, word: Word) -> str:
    rows = await decide.threads(word)
    lines = [f"- `{r.id}` {r.phase}, {r.status}: {r.title}" for r in rows[:LISTED]]
    more = [f"- and {len(rows) - LISTED} more"] if len(rows) > LISTED else []
    return "\n".join([*lines, *more])


async def _usage(_args: _None, decide: Decisions, _word: Word) -> str:
    return render.usage_table(decide.state)


AT_GITHUB = """
- `plan` A plan for this issue, as a file that you may edit.
- `implement` The work by that plan, as a pull request.
- `respond` Answers to a review of my pull request, and fixes.
- `review` Findings on the lines of this pull request.

Say each behind my name, without the slash."""
"""What only issues and pull requests have."""


async def _help(_args: _None, _decide: Decisions, word: Word) -> str:
    return REGISTRY.help() + (AT_GITHUB if word.by.surface == "github" else "")


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


REGISTRY = Registry(
    [
        Definition("approve", "Approve the plan on the table.", _Hash, _approve, aliases=("go", "implement")),
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
            "memory",
            "Decide on proposed memory: yes, no, keep 1, remove 2, edit 1: …, add: …; or revert ITEM, list.",
            _Wish,
            _memory,
        ),
        Definition(
            "correct",
            "Say what a role got wrong: it is proposed for memory at once.",
            _Correction,
            _correct,
        ),
        Definition("reopen", "Go on from a closed thread, in a new one.", _MaybeWords, _reopen),
        Definition(
            "rebase", "Bring the branch onto its base branch as it is now, and test it again.", _None, _rebase
        ),
        Definition(
            "respond",
            "Have the Coder see to what reviewers of the pull request said, and to the words behind it.",
            _Request,
            _respond,
        ),
        Definition("points", "The points that rewind and fork take.", _None, _points),
        Definition("rewind", "Go back to a point, files and conversation.", _Point, _rewind, bare="points"),
        Definition("fork", "Go on from a point, or from here, in a thread of your own.", _MaybePoint, _fork),
        Definition(
            "model", "Let the role at work use another model; bare, it shows each role's.", _Model, _model
        ),
        *(_model_of(role) for role in ROLES),
        Definition(
            "link",
            "Say who you are at GitHub; bare, it shows it. An admin may name somebody else, as slack:U123.",
            _Link,
            _link,
        ),
        Definition(
            "cleanup",
            "Put folders away in which nothing has happened for so many days; branches stay. For admins.",
            _Days,
            _cleanup,
        ),
        Definition("status", "Where the thread stands.", _None, _status),
        Definition("threads", "The open threads: yours, or at a terminal all.", _None, _threads),
        Definition("usage", "Tokens and cost so far, by role.", _None, _usage, aliases=("cost",)),
        Definition("help", "This list.", _None, _help),
    ]
)
