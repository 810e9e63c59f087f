"""``codebutler worktree``: how the daemon itself handles a checkout or linked worktree.

What it prints is what status cards, pull requests and prompts are made from. All that looks at the folder
happens in the sandbox; outside, git sees the repository's own folder only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import structs

from codebutler.cli.border import add_worktree, announced
from codebutler.errors import RepoError, UsageError
from codebutler.repo import checkpoints
from codebutler.repo.git import git, resolve
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings
from codebutler.sandbox.tenancy import alone
from codebutler.sandbox.worktree import GitParts, find_git, lent, real_folder, refused_lenders

HELP = "Show or save the changes of a worktree: status, diff, checkpoint, read."


def configure(parser: argparse.ArgumentParser) -> None:
    """What to do, and where."""
    parser.add_argument("action", choices=("status", "diff", "checkpoint", "read"))
    parser.add_argument("path", nargs="?", metavar="PATH", help="for read")
    add_worktree(parser)
    parser.add_argument("--message", default="Checkpoint", help="of the checkpoint's commit")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Exit 0, or 1 for a file that is not there."""
    if (args.action == "read") != (args.path is not None):
        raise UsageError("read needs a PATH, and nothing else takes one")
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    root = await asyncio.to_thread(real_folder, args.worktree)
    settings = announced()
    if args.action == "read":
        async with _reading(root, settings) as executor:
            return await _read(executor, args)
    act = {"status": _status, "diff": _diff, "checkpoint": _checkpoint}[args.action]
    parts = await asyncio.to_thread(find_git, root)
    async with alone(root, *([parts.common] if parts else [])):
        gitdir = await asyncio.to_thread(_gitdir, root, parts, settings.show)
        async with _reading(root, settings) as executor:
            answer = await act(executor, gitdir, args)
    print(json.dumps(answer[0], ensure_ascii=False) if args.json else answer[1])
    return 0


@asynccontextmanager
async def _reading(root: Path, settings: SandboxSettings) -> AsyncIterator[Executor]:
    executor = await Executor.start(root, read_only=True, settings=settings)
    try:
        yield executor
    finally:
        await executor.close()


def _gitdir(root: Path, found: GitParts | None, show: Sequence[Path]) -> Path:
    """Now that no sandbox can change it: the repository, if it is still the one that was ``found``."""
    parts = find_git(root)
    if parts != found:
        raise RepoError(f"the repository of {root} was changed at this moment", fix="Try again.")
    if parts is None:
        raise RepoError(
            f"{root} is neither a checkout nor a linked worktree",
            fix="Name one with --worktree. Submodules, and checkouts whose .git is kept elsewhere "
            "(git init --separate-git-dir), are not served.",
        )
    for store in refused_lenders(lent(parts, root, show)):
        raise RepoError(
            f"the repository of {root} borrows objects from {store}, and a command may have written that",
            fix="If you did, list that folder in sandbox.show of the host's config.json.",
        )
    return parts.gitdir


async def _head(gitdir: Path) -> str:
    commit = await resolve(gitdir, "HEAD")
    if commit is None:
        raise RepoError(f"{gitdir} has no commit yet", fix="Make a first commit.")
    return commit


_Answer = tuple[dict[str, Any], str]


async def _status(executor: Executor, gitdir: Path, _args: argparse.Namespace) -> _Answer:
    changes = await executor.status(await _head(gitdir))
    text = "\n".join(f"{each.kind:<8} {_visible(each.path)}" for each in changes) or "nothing has changed"
    return {"changes": [structs.asdict(each) for each in changes]}, text


async def _diff(executor: Executor, gitdir: Path, _args: argparse.Namespace) -> _Answer:
    diff = await executor.diff(await _head(gitdir))
    return {"diff": diff}, diff.rstrip("\n")


async def _checkpoint(executor: Executor, gitdir: Path, args: argparse.Namespace) -> _Answer:
    """Build the tree inside, import it outside, and move the worktree's own branch."""
    said = await git("symbolic-ref", "--quiet", "HEAD", gitdir=gitdir, check=False)
    ref = said.decode("utf-8", "replace").strip()
    if not ref.startswith("refs/heads/"):
        raise RepoError("the worktree is on no branch", fix="Check out a branch: git switch -c NAME.")
    base = await _head(gitdir)
    built = await executor.tree(base)
    commit = await checkpoints.import_checkpoint(
        gitdir, base=base, tree=built.tree, pack=executor.pack(built), message=args.message, ref=ref, old=base
    )
    for line in built.skipped:
        print(_visible(line), file=sys.stderr)
    return {"commit": commit, "branch": ref, "changed": commit != base, "skipped": built.skipped}, commit


async def _read(executor: Executor, args: argparse.Namespace) -> int:
    data = await executor.read_file(args.path)
    if data is None:
        print(
            json.dumps({"found": False}) if args.json else f"{args.path} does not exist", file=_stream(args)
        )
        return 1
    if args.json:
        print(json.dumps({"found": True, "text": data.decode("utf-8", "replace")}, ensure_ascii=False))
        return 0
    sys.stdout.buffer.write(data)
    return 0


def _visible(text: str) -> str:
    """A name as one line: whoever chose it could otherwise forge lines, or write to the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _stream(args: argparse.Namespace) -> Any:  # noqa: ANN401 - a text stream
    return sys.stdout if args.json else sys.stderr
