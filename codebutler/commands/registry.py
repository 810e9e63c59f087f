"""Command definitions: a name, typed arguments, help, and what it does to a thread."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, ValidationError

from codebutler.commands import words
from codebutler.errors import ConfigError, UsageError
from codebutler.events import MessageReceived
from codebutler.thread.decisions import Command, Decisions, Word
from codebutler.thread.state import ThreadState


class Arguments(BaseModel):
    """Base of a command's arguments. Field order is the order of plain words in ``/name a b``."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class Definition(Struct, frozen=True):
    """A command as every door, the help page and the PM's tools see it.

    ``run`` gets checked arguments and returns what to tell the person ("" = nothing more to say).
    ``needs`` names capabilities (types.Capabilities fields) that a door must have to offer it.
    """

    name: str
    help: str
    arguments: type[Arguments]
    run: Callable[[Any, Decisions, Word], Awaitable[str]]
    aliases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    bare: str = ""
    """The command that it is when nothing follows it."""


class Call(Struct, frozen=True):
    """A command with its raw arguments, ready to run."""

    definition: Definition
    values: dict[str, Any] = {}
    problem: str = ""
    more: bool = False
    """The message says more than that, which is for a role."""

    @property
    def name(self) -> str:
        """The command's name."""
        return self.definition.name

    async def run(self, decide: Decisions, word: Word) -> str:
        """Check the arguments and do it; what is wrong with them is told to the person."""
        try:
            return await self.definition.run(self._arguments(), decide, replace(word, more=self.more))
        except UsageError as error:
            decide.misused = True
            return error.message

    def _arguments(self) -> Arguments:
        if self.problem:
            raise UsageError(self.problem)
        try:
            return self.definition.arguments.model_validate(self.values)
        except ValidationError as error:
            use = f"Use: {usage(self.definition)}"
            first = error.errors(include_url=False, include_input=False)[0]
            if first["type"] == "missing":
                raise UsageError(use) from error
            where = ".".join(str(x) for x in first["loc"])
            given = f"/{self.name} does not take {self.values.get(where)!r} as {where}."
            raise UsageError(f"{given} {use}") from error


class Registry:
    """All commands by name and alias. Two of one name are a start-up error."""

    def __init__(self, definitions: Sequence[Definition]) -> None:
        """Raises ConfigError naming both when two commands collide."""
        self.definitions = tuple(definitions)
        self._by_name: dict[str, Definition] = {}
        for definition in definitions:
            for name in (definition.name, *definition.aliases):
                if name in self._by_name:
                    raise ConfigError(f"two commands are called {name!r}", fix="Rename one of them.")
                self._by_name[name] = definition

    def read(self, state: ThreadState, message: MessageReceived) -> Command | None:
        """The command that the message is: a button, ``/name …``, or plain words that fit the moment."""
        if message.action:
            return self._call(message.action, message.value)
        text = message.text.strip()
        if text.startswith("/"):
            name, _, rest = text[1:].partition(" ")
            if state.only_unmerged and not rest.strip() and name.lower() in words.RETRY:
                return self._call("merge", "")  # as the same word without the slash
            return self._call(name.lower(), rest.strip())
        if begun := words.first(state, message):
            return Call(self._by_name[begun], more=True)
        spoken = words.read(state, text) or words.late(state, message)
        return self._call(*spoken) if spoken is not None else None

    def _call(self, name: str, rest: str) -> Command | None:
        if name == "answer":
            return None  # a choice of an open question: its value is the answer
        definition = self._by_name.get(name)
        if definition is None:
            return Call(self._by_name["help"], problem=f"There is no command /{name}. {self.summary()}")
        if definition.bare and not rest:
            definition = self._by_name[definition.bare]
        return _with_arguments(definition, rest)

    def summary(self) -> str:
        """All commands in one line."""
        return "Commands: " + ", ".join(f"/{d.name}" for d in self.definitions) + "."

    def help(self) -> str:
        """The help page, as markdown."""
        return "\n".join(f"- `{usage(d)}` {d.help}" for d in self.definitions)


def usage(definition: Definition) -> str:
    """``/name required [optional]``."""
    parts = [
        name if info.is_required() else f"[{name}]"
        for name, info in definition.arguments.model_fields.items()
    ]
    return " ".join([f"/{definition.name}", *parts])


def _with_arguments(definition: Definition, rest: str) -> Call:
    """Words go to the fields in order; the last field takes all that remains, as it was written."""
    names = list(definition.arguments.model_fields)
    values: dict[str, Any] = {}
    while names and rest:
        if len(names) == 1:
            values[names[0]], rest = rest, ""
            break
        head, _, rest = rest.partition(" ")
        values[names.pop(0)], rest = head, rest.strip()
    if rest:
        return Call(
            definition, problem=f"/{definition.name} does not take {rest!r}. Use: {usage(definition)}"
        )
    return Call(definition, values)
