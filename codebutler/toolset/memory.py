"""Tools for what the team remembers. Nothing here writes memory: a person decides on what is proposed."""

from __future__ import annotations

from typing import Literal

from pydantic import ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator

from codebutler.events import SummaryWritten
from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Arguments, Tool, tool
from codebutler.types import MemoryItem


class _File(Arguments):
    file: str


class _Item(Arguments):
    file: str
    text: str
    kind: Literal["lesson", "add_step", "new_workflow", "automate", "remove"] = "lesson"
    section: str = ""
    why: str = ""
    after: int | None = None
    replaces: list[str] = []
    expires: str = ""


class _Items(Arguments):
    items: list[_Item]
    _refused: list[str] = PrivateAttr(default_factory=list)
    """What is wrong with items that were left out: a malformed one does not take the sound ones with it."""

    @model_validator(mode="wrap")
    @classmethod
    def _sound(cls, given: object, handler: ModelWrapValidatorHandler[_Items]) -> _Items:
        items = given.get("items") if isinstance(given, dict) else None
        wrong = {
            n: why for n, item in enumerate(items if isinstance(items, list) else []) if (why := _wrong(item))
        }
        if not isinstance(given, dict) or not isinstance(items, list) or len(wrong) in {0, len(items)}:
            return handler(given)
        made = handler(given | {"items": [item for n, item in enumerate(items) if n not in wrong]})
        return made.but_for([f"items.{n}.{why}" for n, why in wrong.items()])

    @property
    def refused(self) -> list[str]:
        return self._refused

    def but_for(self, refused: list[str]) -> _Items:
        self._refused = refused
        return self


def _wrong(item: object) -> str:
    try:
        _Item.model_validate(item)
    except ValidationError as error:
        return "; ".join(
            f"{'.'.join(str(x) for x in e['loc']) or 'item'}: {e['msg']}"
            for e in error.errors(include_url=False, include_input=False)[:5]
        )
    return ""


class _Improvement(Arguments):
    role: str
    text: str


class _Summary(Arguments):
    title: str
    summary: str
    changes: list[str]
    decisions: list[str] = []
    improvements: list[_Improvement] = []
    tips: list[str] = []
    coder_md: list[str] = []


async def _read_memory(args: _File, desk: Desk, _site: Site) -> str:
    return await desk.read_memory(args.file)


async def _propose_memory(args: _Items, desk: Desk, _site: Site) -> str:
    told = await desk.propose_memory([MemoryItem.model_validate(i.model_dump()) for i in args.items])
    refused = [f"refused, send it again as it should be: {why}" for why in args.refused]
    return "\n".join([told, *refused])


async def _write_summary(args: _Summary, desk: Desk, _site: Site) -> str:
    await desk.write_summary(
        SummaryWritten(
            title=args.title,
            summary=args.summary,
            changes=args.changes,
            decisions=args.decisions,
            improvements=[f"{i.role}: {i.text}" for i in args.improvements],
            tips=args.tips,
            coder_md=args.coder_md,
        )
    )
    return "Kept for the pull request and the report."


TOOLS: tuple[Tool, ...] = (
    tool("read_memory", "Read a memory file, such as pm.md.", _File, _read_memory, read_only=True),
    tool(
        "propose_memory",
        "Propose lessons; a person decides on each. section: the workflow or heading it belongs to; after: "
        "behind which step; replaces: texts of items that go; expires: its last day (YYYY-MM-DD).",
        _Items,
        _propose_memory,
    ),
    tool(
        "write_summary",
        "Write the retrospective: PR text and report. coder_md: lines to suggest.",
        _Summary,
        _write_summary,
    ),
)
