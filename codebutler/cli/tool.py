"""``codebutler tool``: one native tool call through the real sandbox."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from codebutler.cli.border import add_worktree, announced
from codebutler.errors import UsageError
from codebutler.sandbox.executor import Executor
from codebutler.toolset import native
from codebutler.types import ToolResult

HELP = "Call one native tool (read, write, edit, apply_patch, bash, grep, glob) in the sandbox."


def configure(parser: argparse.ArgumentParser) -> None:
    """What to call, and where."""
    parser.add_argument("name", metavar="NAME", help="read, write, edit, apply_patch, bash, grep or glob")
    parser.add_argument("arguments", metavar="JSON", help='such as {"path": "README.md"}')
    add_worktree(parser)
    parser.add_argument("--role", metavar="R", help="only if this role may use the tool")


def run(args: argparse.Namespace) -> int:
    """Exit 0 ok, 1 the tool failed, 2 usage, 4 no sandbox. Prints {"ok": …, "text": …}."""
    names = [tool.spec.name for tool in native.tools()]
    if args.name not in names:
        raise UsageError(f"no tool {args.name!r}", fix=f"There are {', '.join(names)}.")
    arguments = _arguments(args.arguments)
    if args.role is not None and (refusal := _refusal(args.role, args.name)):
        result = ToolResult(refusal, ok=False)
    else:
        result = asyncio.run(_call(args.worktree, args.name, arguments))
    print(json.dumps({"ok": result.ok, "text": result.text}, ensure_ascii=False))
    return 0 if result.ok else 1


def _arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the arguments are not JSON: {error}", fix='Such as \'{"path": "README.md"}\'.'
        ) from error
    if not isinstance(arguments, dict):
        raise UsageError("the arguments are not a JSON object", fix='Such as \'{"path": "README.md"}\'.')
    return arguments


def _refusal(role: str, tool: str) -> str:
    """Why the role may not use the tool, or ""."""
    from codebutler.agent.roles import load_role

    return "" if tool in load_role(role).tools else f"the role {role} may not use {tool}"


async def _call(worktree: Path, name: str, arguments: dict[str, Any]) -> ToolResult:
    executor = await Executor.start(worktree, settings=announced())
    try:
        return await executor.call(name, arguments)
    finally:
        await executor.close()
