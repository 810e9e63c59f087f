"""A role's tools: one list per role, enforced here, below the model."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Self

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, ValidationError

from codebutler.errors import ConfigError, ToolFailed
from codebutler.toolset.desk import Desk, Site
from codebutler.types import Json, ToolCall, ToolResult, ToolSpec
from codebutler.wellformed import well_formed


class Arguments(BaseModel):
    """Base of every tool's arguments: unknown names are refused, so that a model learns of its typo."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class Tool(Struct, frozen=True):
    """A tool and the code behind it. ``run`` gets checked arguments; ToolFailed goes to the model."""

    spec: ToolSpec
    run: Callable[[Any, Desk, Site], Awaitable[ToolResult]]
    arguments: type[Arguments] | None = None
    reenters: bool = False
    """After a crash the call is simply made again: it finds its own traces in the log."""


def tool(
    name: str,
    description: str,
    arguments: type[Arguments],
    run: Callable[[Any, Desk, Site], Awaitable[str]],
    *,
    read_only: bool = False,
) -> Tool:
    """A daemon-side tool. All of them act through the desk, which is safe to call again."""

    async def call(args: Any, desk: Desk, site: Site) -> ToolResult:  # noqa: ANN401 - checked by ``arguments``
        return ToolResult(await run(args, desk, site))

    return showing(name, description, arguments, call, read_only=read_only)


def showing(
    name: str,
    description: str,
    arguments: type[Arguments],
    run: Callable[[Any, Desk, Site], Awaitable[ToolResult]],
    *,
    read_only: bool = False,
    recovery: Literal["rerun", "tell"] = "rerun",
) -> Tool:
    """``tool`` for one whose result is more than text: pictures, details for people."""
    spec = ToolSpec(name, description, schema_of(arguments), read_only=read_only, recovery=recovery)
    return Tool(spec, run, arguments, reenters=True)


def schema_of(arguments: type[BaseModel]) -> Json:
    """The JSON schema of ``arguments`` without titles and references: every byte is paid on each call."""
    raw = arguments.model_json_schema()
    definitions = raw.pop("$defs", {})

    def lean(node: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(node, list):
            return [lean(x) for x in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return lean(definitions[node["$ref"].rsplit("/", 1)[1]])
        keep = {k: v for k, v in node.items() if k not in {"additionalProperties", "default", "description"}}
        if isinstance(keep.get("title"), str):
            del keep["title"]
        return {k: _properties(v, lean) if k == "properties" else lean(v) for k, v in keep.items()}

    lean_schema: Json = lean(raw)
    return lean_schema


def _properties(node: Mapping[str, Any], lean: Callable[[Any], Any]) -> Json:
    """Property names are kept whatever they are ("title" is one of ours)."""
    return {name: lean(value) for name, value in node.items()}


class Toolset:
    """The tools that one role may use. ``wire`` is byte-stable for the life of the thread."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        """Order is kept: it is part of the prompt that providers cache."""
        self._tools = {t.spec.name: t for t in tools}
        self.wire: list[Json] = [t.spec.wire() for t in tools]

    @classmethod
    def of(cls, names: Sequence[str], known: Mapping[str, Tool]) -> Self:
        """The tools called ``names``; a name that is not known is a ConfigError."""
        missing = [n for n in names if n not in known]
        if missing:
            raise ConfigError(f"no such tool: {', '.join(missing)}", fix=f"Known tools: {', '.join(known)}.")
        return cls([known[n] for n in names])

    def plus(self, more: Sequence[Tool]) -> Self:
        """These tools, and ``more`` behind them."""
        return type(self)([*self._tools.values(), *more]) if more else self

    def spec(self, name: str) -> ToolSpec | None:
        """The tool's spec, or None when this role has no such tool."""
        found = self._tools.get(name)
        return found.spec if found else None

    def safe_to_repeat(self, name: str) -> bool:
        """Whether a call that was interrupted may simply be made again."""
        found = self._tools.get(name)
        return found is None or found.reenters or found.spec.recovery == "rerun"

    def only_reads(self, name: str) -> bool:
        """Whether a call changes nothing, so that the log may lack it after a power cut: it is made again."""
        found = self._tools.get(name)
        return found is not None and found.spec.read_only and self.safe_to_repeat(name)

    async def run(self, call: ToolCall, desk: Desk, site: Site) -> ToolResult:
        """Run one call. Whatever the model got wrong comes back as a result that it can read."""
        found = self._tools.get(call.name)
        if found is None:
            names = ", ".join(self._tools)
            return ToolResult(f"There is no tool {call.name!r}. Yours are: {names}.", ok=False)
        try:
            return await found.run(_checked(found, call.arguments), desk, site)
        except ToolFailed as error:
            return ToolResult(str(error), ok=False)


def _checked(found: Tool, text: str) -> Any:  # noqa: ANN401 - the tool's own arguments class
    try:
        raw = well_formed(json.loads(text or "{}"))
    except (ValueError, RecursionError) as error:
        raise ToolFailed(f"the arguments are not valid JSON ({error}); send them again") from error
    if not isinstance(raw, dict):
        raise ToolFailed("the arguments must be a JSON object; send them again")
    if found.arguments is None:
        return raw
    try:
        return found.arguments.model_validate(raw)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(x) for x in e['loc']) or 'arguments'}: {e['msg']}"
            for e in error.errors(include_url=False, include_input=False)[:5]
        )
        raise ToolFailed(f"{found.spec.name} was called wrongly: {wrong}") from error
