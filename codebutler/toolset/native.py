"""The sandboxed tools. What models are told comes from the checked-in schema, never from a live sandbox."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from codebutler import assets
from codebutler.errors import ToolFailed
from codebutler.redact import MARK
from codebutler.toolset.desk import Desk, Site
from codebutler.toolset.registry import Tool
from codebutler.types import ToolResult, ToolSpec

_LIVE_CHARS = 4000
_GPT = re.compile(r"(^|/)(gpt|codex|o[1-9])(?![a-z])")
"""Model ids of the family that writes patches, with or without a vendor before them."""


@cache
def tools(*, scratch: bool = False, plain: bool = False) -> tuple[Tool, ...]:
    """read, write, edit, apply_patch, bash, grep, glob as tools/schema.json describes them.

    ``scratch``: commands may write git's records. ``plain``: lines come without numbers unless asked for, as
    who changes files copies them, and all of them are sent with each request. Models are told of both.
    """
    told = [word for word, wanted in (("scratch", scratch), ("plain", plain)) if wanted]
    return tuple(_native(entry, told) for entry in json.loads(assets.text("tools", "schema.json")))


def changes(names: Sequence[str]) -> bool:
    """Whether a role with these tools changes files by what it has read of them."""
    return not {"edit", "apply_patch"}.isdisjoint(names)


def fitting(names: Sequence[str], model: str) -> tuple[str, ...]:
    """``names`` with one of edit and apply_patch where a role has both: the one ``model`` was trained on."""
    if not {"edit", "apply_patch"} <= set(names):
        return tuple(names)
    other = "edit" if _GPT.search(model.lower()) else "apply_patch"
    return tuple(name for name in names if name != other)


def _native(entry: dict[str, Any], told: Sequence[str]) -> Tool:
    name, description = entry["name"], entry["description"]
    others = entry.get("_meta", {}).get("codebutler", {})
    description = next((others[word] for word in told if word in others), description)
    given = {"numbers": False} if name == "read" and "plain" in told else {}
    read_only = bool(entry.get("annotations", {}).get("readOnlyHint"))

    async def call(arguments: Any, desk: Desk, site: Site) -> ToolResult:  # noqa: ANN401 - JSON
        if not read_only:
            _need_whole_names(arguments)
        hands = await desk.hands()
        if name != "bash":
            return await hands.call(name, {**given, **arguments} if given else arguments)
        live = _Live(desk, site)
        showing = asyncio.create_task(live.show())
        try:
            return await hands.call(name, arguments, session=site.role, on_output=live.add)
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    spec = ToolSpec(
        name,
        description,
        entry["inputSchema"],
        read_only=read_only,
        writes=not read_only,
        recovery="rerun" if read_only or name == "write" else "tell",
    )
    return Tool(spec, call)


def _need_whole_names(arguments: Any) -> None:  # noqa: ANN401 - JSON
    """A file's name that held a secret is cut by now: a file of what is left of it is not what was meant."""
    path, patch = str(arguments.get("path", "")), str(arguments.get("input", ""))
    names = [path, *(line for line in patch.splitlines() if line.startswith("*** "))]
    if any(MARK in name for name in names):
        raise ToolFailed(
            f"a file's name has the shape of a secret, which is kept nowhere: it arrived as {MARK}; "
            "nothing was written. Choose another name"
        )


class _Live:
    """Output on its way to a person. A slow door misses the middle, it never holds the command up."""

    def __init__(self, desk: Desk, site: Site) -> None:
        self._desk, self._site = desk, site
        self._text = ""
        self._more = asyncio.Event()

    def add(self, text: str) -> None:
        text = self._text + text
        if len(text) > _LIVE_CHARS:  # from a blank on: what is cut in two cannot be told for a secret
            text = text[-_LIVE_CHARS:].partition("\n")[2]
        self._text = text
        self._more.set()

    async def show(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            text, self._text = self._text, ""
            await self._desk.show_output(self._site, text)
