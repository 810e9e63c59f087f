"""The tool that reads a skill of the repo, as the thread's base commit has it."""

from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Arguments, Tool, tool


class _Skill(Arguments):
    name: str
    file: str = ""


async def _skill(args: _Skill, desk: Desk, _site: Site) -> str:
    return await desk.read_skill(args.name, args.file)


TOOLS: tuple[Tool, ...] = (
    tool("skill", "Read a skill of this repo, or a file of it.", _Skill, _skill, read_only=True),
)
