"""Tools for history, commits and the pull request. All of them act on objects, never on the worktree."""

from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Arguments, Tool, tool

_WAY = "If the work needs such a file, choose another path for it or change .gitignore, and commit again."


class _Commit(Arguments):
    message: str


class _Nothing(Arguments):
    pass


class _Pr(Arguments):
    title: str
    body: str = ""


class _Log(Arguments):
    path: str = ""
    limit: int = 20


class _Diff(Arguments):
    base: str = ""
    path: str = ""


async def _git_commit(args: _Commit, desk: Desk, _site: Site) -> str:
    commit = await desk.checkpoint(args.message)
    return await _with_left_out(f"Committed as {commit[:12]}.", desk)


async def _git_push(_args: _Nothing, desk: Desk, _site: Site) -> str:
    return await _with_left_out(f"The remote has {(await desk.push())[:12]}.", desk)


async def _with_left_out(done: str, desk: Desk) -> str:
    """``done``, and what is not in it: a model would think that all of its work is."""
    left = await desk.left_out()
    return "\n".join([done, *(["Not in it:", *(f"- {line}" for line in left), _WAY] if left else [])])


async def _create_pr(args: _Pr, desk: Desk, _site: Site) -> str:
    return await desk.open_pr(args.title, args.body)


async def _pr_status(_args: _Nothing, desk: Desk, _site: Site) -> str:
    return await desk.pr_status()


async def _git_log(args: _Log, desk: Desk, _site: Site) -> str:
    return await desk.log_text(args.path, max(1, min(args.limit, 100)))


async def _git_diff(args: _Diff, desk: Desk, _site: Site) -> str:
    return await desk.diff(args.base, args.path)


TOOLS: tuple[Tool, ...] = (
    tool("git_commit", "Commit all changes in the worktree; say why.", _Commit, _git_commit),
    tool("git_push", "Push the thread's branch.", _Nothing, _git_push),
    tool("create_pr", "Open the pull request for the pushed branch.", _Pr, _create_pr),
    tool("pr_status", "The pull request's state.", _Nothing, _pr_status, read_only=True),
    tool("git_log", "Commits, newest first.", _Log, _git_log, read_only=True),
    tool("git_diff", "What the branch changed since the base commit.", _Diff, _git_diff, read_only=True),
)
